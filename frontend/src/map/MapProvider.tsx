import type { Map as MapLibreMap } from 'maplibre-gl';
import { createContext, useContext, useEffect, useMemo, useState, type ReactNode } from 'react';

import type { Bounds } from '../state/address';
import { isFromList } from './fly';

interface MapState {
  /** The map, as soon as layers can be added to it. */
  map: MapLibreMap | undefined;
  setMap: (map: MapLibreMap | undefined) => void;
  /** What the map shows since it last came to rest: degrees, EPSG:4326. */
  view: Bounds | undefined;
  /** The same, but it stays while one flies from item to item of a list: what lists are about. */
  listed: Bounds | undefined;
}

const Context = createContext<MapState | undefined>(undefined);

/** Share the map with the panels beside it. */
export function MapProvider({ children }: { children: ReactNode }) {
  const [map, setMap] = useState<MapLibreMap>();
  const [view, setView] = useState<Bounds>();
  const [listed, setListed] = useState<Bounds>();
  useEffect(() => {
    if (!map) return undefined;
    const update = (event: object) => {
      const bounds = boundsOf(map);
      setView(bounds);
      if (!isFromList(event)) setListed(bounds);
    };
    update({});
    map.on('moveend', update);
    return () => void map.off('moveend', update);
  }, [map]);
  const state = useMemo(() => ({ map, setMap, view, listed }), [map, view, listed]);
  return <Context value={state}>{children}</Context>;
}

/** The map and what it shows. */
export function useMap(): MapState {
  const state = useContext(Context);
  if (!state) throw new Error('useMap needs a MapProvider around it');
  return state;
}

/** The bounds of a map as the API takes them: longitudes may be beyond 180 by a turn at most. */
export function boundsOf(map: MapLibreMap): Bounds {
  const bounds = map.getBounds();
  const [west, east] = [bounds.getWest(), bounds.getEast()];
  const south = Math.max(bounds.getSouth(), -90);
  const north = Math.min(bounds.getNorth(), 90);
  if (east - west >= 360) return { west: -180, south, east: 180, north };
  // A map panned round the world several times counts on; the API takes one turn.
  const turn = 360 * Math.round((west + east) / 720);
  return { west: west - turn, south, east: east - turn, north };
}

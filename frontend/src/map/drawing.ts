/** Drawing and editing an area with Terra Draw; loaded when somebody draws. */

import type { Map as MapLibreMap } from 'maplibre-gl';
import {
  TerraDraw,
  TerraDrawPolygonMode,
  TerraDrawRectangleMode,
  TerraDrawSelectMode,
  ValidateNotSelfIntersecting,
} from 'terra-draw';
import { TerraDrawMapLibreGLAdapter } from 'terra-draw-maplibre-gl-adapter';

import type { Area } from '../state/address';
import { areaOfRing, areaRing } from '../state/area';

export type Shape = 'rectangle' | 'polygon';

interface Drawing {
  map: MapLibreMap;
  /** The shape to be drawn, or the area to be edited. */
  what: Shape | Area;
  /** What was drawn; while an area is edited, each time that it changed. */
  onArea: (area: Area) => void;
}

/** Let somebody draw or edit an area on a map; returns what ends it. */
export function startDrawing({ map, what, onArea }: Drawing): () => void {
  // Terra Draw takes no longitude of another turn of the world.
  map.jumpTo({ center: map.getCenter().wrap() });
  const draw = new TerraDraw({ adapter: new TerraDrawMapLibreGLAdapter({ map }), modes: modes() });
  const shape = typeof what === 'string' ? what : Array.isArray(what) ? 'polygon' : 'rectangle';
  draw.start();
  draw.on('finish', id => {
    const geometry = draw.getSnapshotFeature(id)?.geometry;
    if (geometry?.type === 'Polygon') onArea(areaOfRing(geometry.coordinates[0]!, shape));
  });
  if (typeof what === 'string') draw.setMode(shape);
  else edit(draw, shape, what);
  return () => draw.stop();
}

function modes() {
  const styles = {
    fillColor: '#ffffff',
    fillOpacity: 0.15,
    outlineColor: '#ffffff',
    outlineWidth: 2,
  } as const;
  const selected = {
    selectedPolygonColor: '#ffffff',
    selectedPolygonFillOpacity: 0.15,
    selectedPolygonOutlineColor: '#ffffff',
    selectedPolygonOutlineWidth: 2,
    selectionPointColor: '#ffffff',
    selectionPointOutlineColor: '#10171c',
    selectionPointOutlineWidth: 2,
    selectionPointWidth: 7,
    midPointColor: '#10171c',
    midPointOutlineColor: '#ffffff',
    midPointOutlineWidth: 2,
    midPointWidth: 5,
  } as const;
  return [
    new TerraDrawRectangleMode({ styles, drawInteraction: 'click-move-or-drag' }),
    new TerraDrawPolygonMode({
      styles: {
        ...styles,
        closingPointColor: '#ffffff',
        closingPointOutlineColor: '#10171c',
        closingPointOutlineWidth: 2,
        closingPointWidth: 7,
      },
      validation: (feature, { updateType }) =>
        ['finish', 'commit'].includes(updateType) ? ValidateNotSelfIntersecting(feature) : { valid: true },
    }),
    new TerraDrawSelectMode({
      styles: selected,
      allowManualDeselection: false,
      flags: {
        rectangle: { feature: { draggable: true, coordinates: { resizable: 'opposite' } } },
        polygon: {
          feature: {
            draggable: true,
            validation: ValidateNotSelfIntersecting,
            coordinates: { draggable: true, midpoints: true, deletable: true },
          },
        },
      },
    }),
  ];
}

function edit(draw: TerraDraw, shape: Shape, area: Area) {
  const geometry = { type: 'Polygon' as const, coordinates: [areaRing(area)] };
  const [added] = draw.addFeatures([{ type: 'Feature', geometry, properties: { mode: shape } }]);
  if (added?.id !== undefined && added.valid) draw.selectFeature(added.id);
}

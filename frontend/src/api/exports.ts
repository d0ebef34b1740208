/** Requests of `/export/tiles.*`: the tiles of an area as a file. */

import type { Area } from '../state/address';
import { areaVariables } from '../state/area';
import { apiUrl } from './client';

export const EXPORT_FORMATS = ['geojson', 'csv', 'parquet'] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

/** Which tiles a file has, and from which score its `labels` count. */
export interface Export {
  area: Area;
  /** The conditions of GraphQL's `where`. */
  where?: object | undefined;
  at?: string | undefined;
  /** Name and version. */
  model: string;
  cutoffs: Record<string, number>;
}

/** Longer addresses may be refused on the way; the same parameters then go into a POST. */
const LONGEST_ADDRESS = 2000;

/** The parameters as a POST takes them in JSON. */
export function exportBody({ area, where, at, model, cutoffs }: Export): Record<string, unknown> {
  const { bounds, polygon } = areaVariables(area);
  return {
    ...(bounds ? { bounds: [bounds.west, bounds.south, bounds.east, bounds.north] } : { polygon }),
    ...(where && { where }),
    ...(at !== undefined && { at }),
    model,
    cutoffs,
  };
}

/** The address of the file, or undefined if it would be too long. */
export function exportAddress(format: ExportFormat, request: Export): string | undefined {
  const texts = Object.entries(exportBody(request)).map(([name, value]): [string, string] => {
    if (name === 'bounds') return [name, String(value)];
    return [name, typeof value === 'string' ? value : JSON.stringify(value)];
  });
  const address = apiUrl(`/export/tiles.${format}`, Object.fromEntries(texts));
  return address.length > LONGEST_ADDRESS ? undefined : address;
}

/** Ask for the file by POST. */
export function postExport(format: ExportFormat, request: Export): Promise<Response> {
  return fetch(apiUrl(`/export/tiles.${format}`), {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(exportBody(request)),
  });
}

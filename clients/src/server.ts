/** The server under test and what it has, as plain `fetch` sees it. */
import assert from 'node:assert/strict';

const SERVER = process.env['SERVER'] ?? 'http://127.0.0.1:8000';
export const ENDPOINT = `${SERVER}/graphql`;

/** What `tests/clients` ingests: a place at two dates, and one whose pictures are gone. */
export const SCENE = 'lake-2017';
export const LOST = 'lost';
export const TILES = 20;

export interface Operation {
  title: string;
  query: string;
  variables: Record<string, unknown>;
}

export interface Answer {
  data?: Record<string, unknown> | null;
  errors?: { message: string; path?: (string | number)[]; extensions: { code: string } }[];
  extensions?: Record<string, unknown>;
}

/** Send a request without any client. */
export async function post(url: string, body: object, status = 200): Promise<Answer> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  assert.equal(response.status, status);
  return (await response.json()) as Answer;
}

/** Ask without any client. */
export function ask(query: string, variables: Record<string, unknown> = {}): Promise<Answer> {
  return post(ENDPOINT, { query, variables });
}

/** The operation collection, with variables that fit what is ingested. */
export async function collection(): Promise<Operation[]> {
  const response = await fetch(`${SERVER}/examples.json?scene=${SCENE}`);
  const answer = (await response.json()) as { collection: { examples: Operation[] }[] };
  return answer.collection.flatMap(chapter => chapter.examples);
}

/** Whether an operation changes something. */
export function changes({ query }: Operation): boolean {
  return /^mutation\b/m.test(query);
}

/** Whether an operation has the same answer again, if nobody changes anything. */
export function lasts({ query }: Operation): boolean {
  return !/job/i.test(query);
}

/** The rectangle around a scene, as an argument. */
export async function boundsOf(scene: string) {
  const answer = await ask('{ scenes { nodes { name bounds { west south east north } } } }');
  const { nodes } = answer.data?.['scenes'] as {
    nodes: { name: string; bounds: { west: number; south: number; east: number; north: number } }[];
  };
  const found = nodes.find(node => node.name === scene);
  assert.ok(found, `there is a scene ${scene}`);
  return found.bounds;
}

/** An answer without the `__typename`s that a client asks for by itself. */
export function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (value === null || typeof value !== 'object') return value;
  const kept = Object.entries(value).filter(([key]) => key !== '__typename');
  return Object.fromEntries(kept.map(([key, inner]) => [key, plain(inner)]));
}

import { Client, fetchExchange } from '@urql/core';
import { cacheExchange } from '@urql/exchange-graphcache';
import { relayPagination } from '@urql/exchange-graphcache/extras';
import { persistedExchange } from '@urql/exchange-persisted';
import { parse } from 'graphql';
import { describe, expect, it } from 'vitest';

import { PAGE, PLACE, TILE } from './documents';
import { SCHEMA, WITHOUT_ID } from './schema';
import {
  ask,
  boundsOf,
  changes,
  collection,
  ENDPOINT,
  lasts,
  LOST,
  plain,
  SCENE,
  TILES,
} from './server';

/** A client as docs/clients.md tells to make one. */
function makeClient(): Client {
  const cache = cacheExchange({
    schema: SCHEMA,
    keys: Object.fromEntries(WITHOUT_ID.map(name => [name, () => null])),
    resolvers: { Query: { tilesInBounds: relayPagination() } },
  });
  return new Client({ url: ENDPOINT, exchanges: [cache, fetchExchange] });
}

describe('urql', async () => {
  const operations = await collection();
  const bounds = await boundsOf(SCENE);

  for (const operation of operations) {
    it(`answers: ${operation.title}`, async () => {
      const client = makeClient();
      const run = changes(operation) ? client.mutation : client.query;
      const { data, error } = await run
        .call(client, parse(operation.query), operation.variables)
        .toPromise();
      expect(error).toBeUndefined();
      if (lasts(operation)) {
        const { data: expected } = await ask(operation.query, operation.variables);
        expect(plain(data)).toEqual(plain(expected));
      }
    });
  }

  it('gathers the pages of a connection', async () => {
    const client = makeClient();
    let after: string | null | undefined;
    let gathered: string[] = [];
    do {
      const { data, error } = await client
        .query(PAGE, { bounds, scene: SCENE, first: 8, after })
        .toPromise();
      expect(error).toBeUndefined();
      gathered = data?.tilesInBounds?.edges.map(edge => edge.node.id) ?? [];
      const info = data?.tilesInBounds?.pageInfo;
      after = info?.hasNextPage ? info.endCursor : null;
    } while (after);
    expect(new Set(gathered).size).toBe(TILES);
  });

  it('knows a tile again by its id', async () => {
    const client = makeClient();
    const { data } = await client.query(PAGE, { bounds, scene: SCENE, first: 1 }).toPromise();
    const tile = data?.tilesInBounds?.edges[0]?.node;
    const again = await client.query(TILE, { id: tile?.id ?? '' }).toPromise();
    expect(again.data?.node).toMatchObject({ quadkey: tile?.quadkey, scene: { name: SCENE } });
  });

  it('gives what could be answered beside the errors', async () => {
    const { data, error } = await makeClient()
      .query(PAGE, { bounds: await boundsOf(LOST), scene: LOST, first: 8 })
      .toPromise();
    expect(data?.tilesInBounds?.edges[0]?.node.classification).toBeNull();
    expect(error?.graphQLErrors[0]?.extensions).toEqual({ code: 'IMAGE_UNREADABLE' });
  });

  it('tells a mistake by its code', async () => {
    const { error } = await makeClient().query(PLACE, { lat: 91, lon: 0 }).toPromise();
    expect(error?.graphQLErrors[0]?.extensions).toEqual({ code: 'BAD_USER_INPUT' });
  });

  it('names documents by their hash, and sends them once', async () => {
    const client = new Client({
      url: ENDPOINT,
      exchanges: [persistedExchange({ preferGetForPersistedQueries: true }), fetchExchange],
    });
    const query = parse(`query Urql${Date.now()}($id: ID!) { node(id: $id) { id } }`);
    for (const id of ['VGlsZTox', 'VGlsZToy']) {
      const { data, error } = await client.query(query, { id }).toPromise();
      expect(error).toBeUndefined();
      expect(data).toMatchObject({ node: { id } });
    }
  });
});

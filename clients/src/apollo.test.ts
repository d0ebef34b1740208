import { ApolloClient, CombinedGraphQLErrors, HttpLink, InMemoryCache } from '@apollo/client';
import { PersistedQueryLink } from '@apollo/client/link/persisted-queries';
import { relayStylePagination } from '@apollo/client/utilities';
import { parse } from 'graphql';
import { filter, firstValueFrom, from } from 'rxjs';
import { describe, expect, it } from 'vitest';

import { PAGE, PLACE, PROGRESS, START, TILE } from './documents';
import type { PageQuery } from './generated/graphql';
import { POSSIBLE_TYPES } from './schema';
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
function makeClient(): ApolloClient {
  return new ApolloClient({
    link: new HttpLink({ uri: ENDPOINT }),
    cache: new InMemoryCache({
      possibleTypes: POSSIBLE_TYPES,
      typePolicies: {
        Query: { fields: { tilesInBounds: relayStylePagination(['bounds', 'scene']) } },
        // Part of its tile, without an id of its own: two selections of it are one.
        Classification: { keyFields: false, merge: true },
      },
    }),
  });
}

describe('Apollo Client', async () => {
  const operations = await collection();
  const bounds = await boundsOf(SCENE);

  for (const operation of operations) {
    it(`answers: ${operation.title}`, async () => {
      const client = makeClient();
      const document = parse(operation.query);
      const { variables } = operation;
      const { data } = changes(operation)
        ? await client.mutate({ mutation: document, variables })
        : await client.query({ query: document, variables });
      expect(data).toBeTruthy();
      if (lasts(operation)) {
        expect(plain(data)).toEqual(plain((await ask(operation.query, variables)).data));
      }
    });
  }

  it('gathers the pages of a connection', async () => {
    const client = makeClient();
    const watched = client.watchQuery({
      query: PAGE,
      variables: { bounds, scene: SCENE, first: 8 },
    });
    const first = await firstValueFrom(from(watched).pipe(filter(({ loading }) => !loading)));
    expect(first.data?.tilesInBounds?.edges).toHaveLength(8);
    let page = (first.data as PageQuery | undefined)?.tilesInBounds;
    while (page?.pageInfo.hasNextPage) {
      const more = await watched.fetchMore({ variables: { after: page.pageInfo.endCursor } });
      page = more.data?.tilesInBounds;
    }
    const gathered = client.readQuery({
      query: PAGE,
      variables: { bounds, scene: SCENE, first: 8 },
    })?.tilesInBounds;
    expect(new Set(gathered?.edges.map(edge => edge.node.id)).size).toBe(TILES);
    expect(gathered?.pageInfo.hasNextPage).toBe(false);
  });

  it('knows a tile again by its id', async () => {
    const client = makeClient();
    const { data } = await client.query({
      query: PAGE,
      variables: { bounds, scene: SCENE, first: 1 },
    });
    const tile = data?.tilesInBounds?.edges[0]?.node;
    const again = await client.query({ query: TILE, variables: { id: tile?.id ?? '' } });
    expect(again.data?.node).toMatchObject({ quadkey: tile?.quadkey, scene: { name: SCENE } });
    const cached = client.cache.extract() as Record<string, unknown>;
    expect(cached[`Tile:${tile?.id}`]).toMatchObject({ quadkey: tile?.quadkey });
  });

  it('gives what could be answered beside the errors', async () => {
    const { data, error } = await makeClient().query({
      query: PAGE,
      variables: { bounds: await boundsOf(LOST), scene: LOST, first: 8 },
      errorPolicy: 'all',
    });
    expect(data?.tilesInBounds?.edges[0]?.node.classification).toBeNull();
    expect(CombinedGraphQLErrors.is(error) && error.errors[0]?.extensions).toEqual({
      code: 'IMAGE_UNREADABLE',
    });
  });

  it('tells a mistake by its code', async () => {
    const asked = makeClient().query({ query: PLACE, variables: { lat: 91, lon: 0 } });
    await expect(asked).rejects.toSatisfy(
      error =>
        CombinedGraphQLErrors.is(error) && error.errors[0]?.extensions?.['code'] === 'BAD_USER_INPUT',
    );
  });

  it('names documents by their hash, and sends them once', async () => {
    const sent: { method: string | undefined; url: string }[] = [];
    const noting: typeof fetch = (url, options) => {
      sent.push({ method: options?.method, url: String(url) });
      return fetch(url, options);
    };
    const link = new PersistedQueryLink({ sha256, useGETForHashedQueries: true }).concat(
      new HttpLink({ uri: ENDPOINT, fetch: noting }),
    );
    const client = new ApolloClient({ link, cache: new InMemoryCache() });
    // A document that this server has never seen.
    const query = parse(`query Once${Date.now()}($id: ID!) { node(id: $id) { id } }`);
    for (const id of ['VGlsZTox', 'VGlsZToy']) {
      const { data } = await client.query({ query, variables: { id } });
      expect(data).toMatchObject({ node: { id } });
    }
    expect(sent.map(({ method }) => method)).toEqual(['GET', 'POST', 'GET']);
    expect(sent[2]?.url).not.toContain('query=');
  });

  it('follows a job until it is done', async () => {
    const client = makeClient();
    const started = await client.mutate({ mutation: START, variables: { bounds } });
    const id = started.data?.classifyArea?.id ?? '';
    const watched = client.watchQuery({ query: PROGRESS, variables: { id }, pollInterval: 100 });
    const done = await new Promise(resolve => {
      const subscription = watched.subscribe(({ data }) => {
        if (data?.job?.status !== 'DONE') return;
        subscription.unsubscribe();
        resolve(data.job);
      });
    });
    expect(done).toMatchObject({ id, total: TILES, done: TILES });
  });
});

async function sha256(text: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));
  return Buffer.from(digest).toString('hex');
}

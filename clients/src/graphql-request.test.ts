import { print } from 'graphql';
import { ClientError, GraphQLClient } from 'graphql-request';
import { describe, expect, it } from 'vitest';

import { PAGE, PAGE_BEFORE, PLACE, TILE } from './documents';
import { ask, boundsOf, collection, ENDPOINT, lasts, LOST, SCENE, TILES } from './server';

describe('graphql-request', async () => {
  const operations = await collection();
  const bounds = await boundsOf(SCENE);
  const client = new GraphQLClient(ENDPOINT);

  for (const operation of operations) {
    it(`answers: ${operation.title}`, async () => {
      const data = await client.request(operation.query, operation.variables);
      expect(data).toBeTruthy();
      if (lasts(operation)) {
        expect(data).toEqual((await ask(operation.query, operation.variables)).data);
      }
    });
  }

  it('asks with GET', async () => {
    const { tilesInBounds } = await new GraphQLClient(ENDPOINT, { method: 'GET' }).request(PAGE, {
      bounds,
      scene: SCENE,
      first: 3,
    });
    expect(tilesInBounds?.edges).toHaveLength(3);
  });

  it('goes through the pages of a connection', async () => {
    const seen = new Set<string>();
    let after: string | null | undefined;
    do {
      const page = await client.request(PAGE, { bounds, scene: SCENE, first: 8, after });
      page.tilesInBounds?.edges.forEach(edge => seen.add(edge.node.id));
      const info = page.tilesInBounds?.pageInfo;
      after = info?.hasNextPage ? info.endCursor : null;
    } while (after);
    expect(seen.size).toBe(TILES);
  });

  it('goes through them backwards', async () => {
    const forwards = await client.request(PAGE, { bounds, scene: SCENE, first: 100 });
    let seen: string[] = [];
    let before: string | null | undefined;
    do {
      const { tilesInBounds: page } = await client.request(PAGE_BEFORE, {
        bounds,
        scene: SCENE,
        last: 8,
        before,
      });
      expect(page?.totalCount).toBe(TILES);
      seen = [...(page?.nodes.map(({ id }) => id) ?? []), ...seen];
      before = page?.pageInfo.hasPreviousPage ? page.pageInfo.startCursor : null;
    } while (before);
    expect(seen).toEqual(forwards.tilesInBounds?.edges.map(({ node }) => node.id));
  });

  it('finds a tile again by its id', async () => {
    const { tilesInBounds } = await client.request(PAGE, { bounds, scene: SCENE, first: 1 });
    const tile = tilesInBounds?.edges[0]?.node;
    const { node } = await client.request(TILE, { id: tile?.id ?? '' });
    expect(node).toMatchObject({ quadkey: tile?.quadkey, scene: { name: SCENE } });
  });

  it('gives what could be answered beside the errors', async () => {
    const careful = new GraphQLClient(ENDPOINT, { errorPolicy: 'all' });
    const { data, errors } = await careful.rawRequest<{ tilesInBounds: unknown }>(
      print(PAGE),
      { bounds: await boundsOf(LOST), scene: LOST, first: 8 },
    );
    expect(data.tilesInBounds).toMatchObject({ edges: [{ node: { classification: null } }] });
    expect(errors?.[0]?.extensions).toEqual({ code: 'IMAGE_UNREADABLE' });
  });

  it('tells a mistake by its code', async () => {
    await expect(client.request(PLACE, { lat: 91, lon: 0 })).rejects.toSatisfy(
      error =>
        error instanceof ClientError &&
        error.response.errors?.[0]?.extensions['code'] === 'BAD_USER_INPUT',
    );
  });
});

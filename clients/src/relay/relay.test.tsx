// @vitest-environment jsdom
import { cleanup, fireEvent, render, screen, waitFor } from '@testing-library/react';
import { Suspense } from 'react';
import { RelayEnvironmentProvider } from 'react-relay';
import { Environment, Network, RecordSource, Store, type GraphQLResponse } from 'relay-runtime';
import { afterEach, expect, it } from 'vitest';

import { boundsOf, LOST, post, SCENE, TILES } from '../server';
import { TilesInView } from './TilesInView';

const TRUSTING = `${process.env['TRUSTING']}/graphql`;

interface Asked {
  name: string;
  variables: Record<string, unknown>;
}

/** Show the tiles of a scene, and note what Relay asks for them. */
async function show(scene: string): Promise<Asked[]> {
  const asked: Asked[] = [];
  const environment = new Environment({
    // The compiler wrote the documents to a file that the server trusts: their names are enough.
    network: Network.create(async ({ id, name }, variables) => {
      asked.push({ name, variables });
      return (await post(TRUSTING, { documentId: id, variables })) as GraphQLResponse;
    }),
    store: new Store(new RecordSource()),
  });
  const bounds = await boundsOf(scene);
  render(
    <RelayEnvironmentProvider environment={environment}>
      <Suspense fallback="wait">
        <TilesInView bounds={bounds} scene={scene} />
      </Suspense>
    </RelayEnvironmentProvider>,
  );
  await waitFor(() => expect(screen.getAllByRole('listitem').length).toBeGreaterThan(0));
  return asked;
}

afterEach(cleanup);

it('Relay: loads the pages of a connection by a pagination fragment', async () => {
  const asked = await show(SCENE);
  for (const shown of [8, 16, TILES]) {
    await waitFor(() => expect(screen.getAllByRole('listitem')).toHaveLength(shown));
    if (shown < TILES) fireEvent.click(screen.getByRole('button', { name: 'more' }));
  }
  await waitFor(() => {
    expect(screen.getByRole('button', { name: 'more' }).hasAttribute('disabled')).toBe(true);
  });
  expect(asked.map(({ name }) => name)).toEqual([
    'TilesInViewQuery',
    'TilesInViewPageQuery',
    'TilesInViewPageQuery',
  ]);
  const names = screen.getAllByRole('listitem').map(item => item.textContent);
  expect(new Set(names).size).toBe(TILES);
});

it('Relay: refetches one tile through `node`', async () => {
  const asked = await show(SCENE);
  const [first] = screen.getAllByRole('listitem');
  fireEvent.click(first!.querySelector('button')!);
  await waitFor(() => expect(screen.getAllByRole('listitem')[0]!.textContent).toMatch(/ 17$/));
  expect(asked[1]).toMatchObject({ name: 'TileCardRefetchQuery', variables: { cutoff: 0 } });
});

it('Relay: shows what could be answered beside the errors', async () => {
  await show(LOST);
  expect(screen.getAllByRole('listitem')[0]!.textContent).toMatch(/ none$/);
});

it('Relay: no other document is answered by a server that trusts only these', async () => {
  const { errors } = await post(TRUSTING, { query: '{ models { nodes { name } } }' }, 403);
  expect(errors?.[0]?.extensions).toEqual({ code: 'DOCUMENT_NOT_TRUSTED' });
});

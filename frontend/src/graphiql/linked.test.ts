import { expect, test } from 'vitest';

import { graphiqlUrl } from '../requests/snippets';
import { linkedTab } from './linked';

test('reads what the map writes', () => {
  const query = 'query A($n: Int) {\n  a(n: $n)\n}';
  const { hash } = new URL(graphiqlUrl({ url: 'http://host/graphql', query, variables: { n: 1 } }));
  expect(linkedTab(hash)).toEqual({ query, variables: '{"n": 1}' });
});

test('needs a query', () => {
  expect(linkedTab('')).toBeUndefined();
  expect(linkedTab('#variables={}')).toBeUndefined();
  expect(linkedTab('#query={a}')).toEqual({ query: '{a}', variables: '' });
});

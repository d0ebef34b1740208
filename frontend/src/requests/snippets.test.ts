import { describe, expect, test } from 'vitest';

import { graphiqlUrl, graphqlSnippets, jsonOf, uploadSnippets } from './snippets';

const URL_ = 'http://127.0.0.1:8000/graphql';
const QUERY = 'query Tiles($first: Int) {\n  tiles(first: $first) {\n    id\n  }\n}\n';

describe('variables', () => {
  test('leave out what is undefined', () => {
    expect(jsonOf({ at: undefined, first: 3, where: null })).toBe('{"first": 3, "where": null}');
    expect(jsonOf(undefined)).toBe('{}');
  });

  test('are laid out over lines if they are long, and stay the same JSON', () => {
    const polygon = { type: 'Polygon', coordinates: [Array.from({ length: 20 }, (_, i) => [i, i])] };
    const text = jsonOf({ polygon });
    expect(JSON.parse(text)).toEqual({ polygon });
    expect(text).toContain('[0, 0],\n');
    expect(Math.max(...text.split('\n').map(line => line.length))).toBeLessThanOrEqual(81);
  });
});

describe('GraphQL', () => {
  test('curl sends the query on one line', () => {
    const { curl } = graphqlSnippets({ url: URL_, query: QUERY, variables: { first: 2 } });
    expect(curl).toContain('"query Tiles($first: Int) { tiles(first: $first) { id } }"');
  });

  test('Python has the words of Python, and escapes what would end its text', () => {
    const query = '{ tile(path: """a\\b""") { id } }';
    const { Python } = graphqlSnippets({ url: URL_, query, variables: { a: true, b: null, c: [false] } });
    expect(Python).toContain('variables = {"a": True, "b": None, "c": [False]}');
    expect(Python).toContain('\\"\\"\\"a\\\\b\\"\\"\\"');
  });

  test('TypeScript escapes what its template would read', () => {
    const query = '{ tile(path: "`${x}") { id } }';
    const { TypeScript } = graphqlSnippets({ url: URL_, query, variables: {} });
    expect(TypeScript).toContain('\\`\\${x}');
  });

  test('the address of GraphiQL holds both in what is not sent', () => {
    const url = new URL(graphiqlUrl({ url: URL_, query: QUERY, variables: { name: 'a&b' } }));
    const parameters = new URLSearchParams(url.hash.slice(1));
    expect(parameters.get('query')).toBe(QUERY);
    expect(JSON.parse(parameters.get('variables')!)).toEqual({ name: 'a&b' });
    expect(url.search).toBe('');
  });
});

describe('uploads', () => {
  test('quote names of files', () => {
    const snippets = uploadSnippets({
      url: 'http://127.0.0.1:8000/classify',
      file: `it's "one", two.jpg`,
      fields: { cutoff: '0.3' },
    });
    expect(snippets.curl).toContain(`'image=@"it'\\''s \\"one\\", two.jpg"'`);
    expect(snippets.curl).toContain(`--form 'cutoff=0.3'`);
    expect(snippets.Python).toContain('data={"cutoff": "0.3"}');
    expect(snippets.TypeScript).toContain('form.set("cutoff", "0.3");');
  });
});

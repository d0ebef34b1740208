/** Requests as text that runs as it is: in a shell, in Python, in TypeScript. */

/** A GraphQL request. */
export interface GraphQLCall {
  /** The address of `/graphql`. */
  url: string;
  query: string;
  variables: Record<string, unknown>;
}

/** The upload of a picture to `/classify`. */
export interface UploadCall {
  /** The address of `/classify`. */
  url: string;
  /** Name of the file, in the folder in which the text is run. */
  file: string;
  /** Other fields of the form. */
  fields: Record<string, string>;
}

/** The same request in each language, by the name of its tab. */
export type Snippets = Record<'curl' | 'Python' | 'TypeScript', string>;

const JSON_WORDS = { true: 'true', false: 'false', null: 'null' };
const PYTHON_WORDS = { true: 'True', false: 'False', null: 'None' };
const LINE = 80;

/** Variables as JSON, short lists and objects on one line. */
export function jsonOf(value: unknown): string {
  return literal(plain(value), JSON_WORDS);
}

/** A GraphQL request as text that runs. */
export function graphqlSnippets(call: GraphQLCall): Snippets {
  return { curl: curlCall(call), Python: pythonCall(call), TypeScript: typescriptCall(call) };
}

/** An upload as text that runs. */
export function uploadSnippets(call: UploadCall): Snippets {
  return { curl: curlUpload(call), Python: pythonUpload(call), TypeScript: typescriptUpload(call) };
}

/**
 * The address that opens a request in GraphiQL.
 *
 * It is in the fragment, which browsers do not send: servers limit the length of an address, while
 * polygons of many corners are long.
 */
export function graphiqlUrl({ url, query, variables }: GraphQLCall): string {
  const parameters = new URLSearchParams({ query });
  if (Object.keys(plain(variables) as object).length > 0) parameters.set('variables', jsonOf(variables));
  return `${url}#${parameters.toString()}`;
}

function curlCall({ url, query, variables }: GraphQLCall): string {
  return `curl ${quoted(url)} \\
  --header 'Content-Type: application/json' \\
  --data @- <<'JSON'
{"query": ${JSON.stringify(onOneLine(query))},
 "variables": ${jsonOf(variables)}}
JSON
`;
}

function pythonCall({ url, query, variables }: GraphQLCall): string {
  const text = query.replaceAll('\\', '\\\\').replaceAll('"""', '\\"\\"\\"');
  return `import json

import requests

query = """
${text.trim()}
"""
variables = ${literal(plain(variables), PYTHON_WORDS)}

response = requests.post(
    ${JSON.stringify(url)},
    json={"query": query, "variables": variables},
    timeout=60,
)
print(json.dumps(response.json(), indent=2))
`;
}

function typescriptCall({ url, query, variables }: GraphQLCall): string {
  const text = query.replace(/[\\`]|\$(?=\{)/g, found => `\\${found}`);
  return `const query = \`
${text.trim()}
\`;
const variables = ${jsonOf(variables)};

const response = await fetch(${JSON.stringify(url)}, {
  method: "POST",
  headers: { "Content-Type": "application/json" },
  body: JSON.stringify({ query, variables }),
});
console.log(JSON.stringify(await response.json(), null, 2));
`;
}

function curlUpload({ url, file, fields }: UploadCall): string {
  const form = Object.entries(fields).map(([name, value]) => ` \\\n  --form ${quoted(`${name}=${value}`)}`);
  // curl would read the address of a file up to a comma or semicolon, unless it is in quotes.
  const path = `image=@"${file.replace(/[\\"]/g, found => `\\${found}`)}"`;
  return `curl ${quoted(url)} \\\n  --form ${quoted(path)}${form.join('')}\n`;
}

function pythonUpload({ url, file, fields }: UploadCall): string {
  return `import json

import requests

with open(${JSON.stringify(file)}, "rb") as picture:
    response = requests.post(
        ${JSON.stringify(url)},
        files={"image": picture},
        data=${literal(fields, PYTHON_WORDS)},
        timeout=60,
    )
print(json.dumps(response.json(), indent=2))
`;
}

function typescriptUpload({ url, file, fields }: UploadCall): string {
  const lines = Object.entries(fields).map(
    ([name, value]) => `form.set(${JSON.stringify(name)}, ${JSON.stringify(value)});\n`,
  );
  return `import { readFile } from "node:fs/promises";

const form = new FormData();
form.set("image", new Blob([await readFile(${JSON.stringify(file)})]), "picture");
${lines.join('')}
const response = await fetch(${JSON.stringify(url)}, { method: "POST", body: form });
console.log(JSON.stringify(await response.json(), null, 2));
`;
}

/** Text in single quotes, for a shell. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** A document on one line; line breaks matter inside block strings only. */
function onOneLine(query: string): string {
  return query.includes('"""') ? query : query.trim().replace(/\n\s*/g, ' ');
}

/** What JSON makes of a value: without what is undefined. */
function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value ?? {}));
}

/** A JSON value as a literal of a language with these words, on one line if that is short. */
function literal(value: unknown, words: typeof JSON_WORDS, indent = ''): string {
  if (value === null) return words.null;
  if (typeof value === 'boolean') return value ? words.true : words.false;
  if (typeof value !== 'object') return JSON.stringify(value);
  const deeper = `${indent}  `;
  const [open, close] = Array.isArray(value) ? '[]' : '{}';
  const parts = (inner: string) =>
    Array.isArray(value)
      ? value.map(each => literal(each, words, inner))
      : Object.entries(value).map(([key, each]) => `${JSON.stringify(key)}: ${literal(each, words, inner)}`);
  const short = `${open}${parts('').join(', ')}${close}`;
  if (!short.includes('\n') && indent.length + short.length <= LINE) return short;
  return `${open}\n${parts(deeper)
    .map(part => `${deeper}${part}`)
    .join(',\n')}\n${indent}${close}`;
}

import { CombinedError } from 'urql';
import { describe, expect, it } from 'vitest';

import { problemOf } from './problem';

describe('problemOf', () => {
  it('gives the code and the words of the API', () => {
    const error = new CombinedError({
      graphQLErrors: [{ message: 'no worker is free', extensions: { code: 'OVERLOADED' } }],
    });
    expect(problemOf(error)).toEqual({ code: 'OVERLOADED', message: 'no worker is free' });
  });

  it('is offline where there was no answer', () => {
    const error = new CombinedError({ networkError: new Error('Failed to fetch') });
    expect(problemOf(error)).toEqual({ code: 'offline', message: 'Failed to fetch' });
  });

  it('is not offline where a server answered something else than GraphQL', () => {
    const response = new Response('boom', { status: 502, statusText: 'Bad Gateway' });
    const error = new CombinedError({ networkError: new Error('boom'), response });
    expect(problemOf(error)).toEqual({ code: 'ERROR', message: '502 Bad Gateway' });
  });
});

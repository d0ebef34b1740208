/** Dates of imagery: which there are at a place, and which two are compared. */

import type { Bounds } from './address';
import { overlap } from './area';

export interface Acquired {
  acquiredAt?: string | null;
  bounds: Bounds;
}

/** The moments at which scenes within bounds were acquired, newest first, each once. */
export function momentsWithin(scenes: readonly Acquired[], bounds: Bounds): string[] {
  const moments = scenes
    .filter(scene => overlap(scene.bounds, bounds))
    .flatMap(({ acquiredAt }) => acquiredAt?.replace('+00:00', 'Z') ?? []);
  return [...new Set(moments)].sort((a, b) => Date.parse(b) - Date.parse(a));
}

/** The moments with another one among them, which may be of no scene that is seen. */
export function withMoment(moments: readonly string[], moment: string | undefined): string[] {
  if (moment === undefined || moments.some(other => sameMoment(other, moment))) return [...moments];
  return [...moments, moment].sort((a, b) => Date.parse(b) - Date.parse(a));
}

/** Whether two texts name the same moment, in whatever zones. */
export const sameMoment = (a: string | undefined, b: string | undefined) =>
  a === b || (a !== undefined && b !== undefined && Date.parse(a) === Date.parse(b));

/** A span of time: from `before` to `after`. */
export interface Span {
  before: string;
  after: string;
}

/**
 * What is compared: `before` with `at`, or with the newest imagery if no `at` is chosen.
 *
 * Undefined if the first is not earlier than the second.
 */
export function comparedSpan(
  before: string | undefined,
  at: string | undefined,
  moments: readonly string[],
): Span | undefined {
  const after = at ?? moments[0];
  if (before === undefined || after === undefined) return undefined;
  return Date.parse(before) < Date.parse(after) ? { before, after } : undefined;
}

/** The two dates that are compared at first: the newest one, and the one before it. */
export function firstSpan(moments: readonly string[], at: string | undefined): Span | undefined {
  const after = at ?? moments[0];
  const before = moments.find(moment => after !== undefined && Date.parse(moment) < Date.parse(after));
  return after !== undefined && before !== undefined ? { before, after } : undefined;
}

/** The newest of some moments within a period (its end is not part of it). */
export function newestIn(moments: readonly string[], from: string, to: string): string | undefined {
  return moments.find(
    moment => Date.parse(from) <= Date.parse(moment) && Date.parse(moment) < Date.parse(to),
  );
}

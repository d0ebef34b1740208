import { describe, expect, it } from 'vitest';

import { comparedSpan, firstSpan, momentsWithin, newestIn, withMoment } from './dates';

const [y2015, y2016, y2017] = ['2015-08-01T14:00:00Z', '2016-08-04T14:00:00Z', '2017-08-11T14:00:00Z'];
const here = { west: -55, south: -4, east: -54, north: -3 };
const elsewhere = { west: 10, south: 50, east: 11, north: 51 };

describe('moments', () => {
  it('are those of scenes in view, newest first, each once', () => {
    const scenes = [
      { acquiredAt: '2016-08-04T14:00:00+00:00', bounds: here },
      { acquiredAt: y2017, bounds: here },
      { acquiredAt: y2017, bounds: here },
      { acquiredAt: y2015, bounds: elsewhere },
      { acquiredAt: null, bounds: here },
    ];
    expect(momentsWithin(scenes, here)).toEqual([y2017, y2016]);
  });

  it('have the chosen one among them, whatever its zone', () => {
    expect(withMoment([y2017, y2015], y2016)).toEqual([y2017, y2016, y2015]);
    expect(withMoment([y2017], '2017-08-11T11:00:00-03:00')).toEqual([y2017]);
    expect(withMoment([y2017], undefined)).toEqual([y2017]);
  });

  it('are found in a period, whose end is not part of it', () => {
    expect(newestIn([y2017, y2016], '2016-01-01T00:00:00Z', '2017-01-01T00:00:00Z')).toBe(y2016);
    expect(newestIn([y2017], '2016-01-01T00:00:00Z', y2017)).toBeUndefined();
  });
});

describe('the span that is compared', () => {
  it('ends at the chosen moment or with the newest imagery', () => {
    expect(comparedSpan(y2015, y2016, [y2017, y2016, y2015])).toEqual({ before: y2015, after: y2016 });
    expect(comparedSpan(y2015, undefined, [y2017, y2016])).toEqual({ before: y2015, after: y2017 });
  });

  it('is none if it would run backwards, or nothing is compared', () => {
    expect(comparedSpan(y2017, y2016, [])).toBeUndefined();
    expect(comparedSpan(undefined, y2016, [])).toBeUndefined();
    expect(comparedSpan(y2015, undefined, [])).toBeUndefined();
  });

  it('begins with the date before the one that is shown', () => {
    expect(firstSpan([y2017, y2016, y2015], undefined)).toEqual({ before: y2016, after: y2017 });
    expect(firstSpan([y2017, y2016, y2015], y2016)).toEqual({ before: y2015, after: y2016 });
    expect(firstSpan([y2017], undefined)).toBeUndefined();
  });
});

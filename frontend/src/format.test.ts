import { describe, expect, it } from 'vitest';

import { formatFor } from './format';

describe('numbers', () => {
  it('have units and the separators of the language', () => {
    expect(formatFor('en').km2(1234.5)).toBe('1,235 km²');
    expect(formatFor('en').km2(1.2345)).toBe('1.23 km²');
    expect(formatFor('pt').km2(1.2345)).toBe('1,23 km²');
    expect(formatFor('en').percent(0.1234)).toBe('12.3%');
    expect(formatFor('en').percent(0.07)).toBe('7%');
    expect(formatFor('en').share(0.07)).toBe('7.0%');
    expect(formatFor('pt').score(0.5)).toBe('0,50');
  });

  it('name UTC', () => {
    expect(formatFor('en').utc('2017-08-11T16:00:00+02:00')).toBe('Aug 11, 2017, 2:00:00 PM UTC');
  });
});

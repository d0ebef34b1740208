import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { throttle } from './throttle';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test('calls at once, then at most once in a while, and the last time', () => {
  const action = vi.fn();
  const { call } = throttle(action, 100);
  call();
  expect(action).toHaveBeenCalledTimes(1);
  for (let i = 0; i < 10; i++) {
    call();
    vi.advanceTimersByTime(25);
  }
  expect(action).toHaveBeenCalledTimes(3);
  vi.advanceTimersByTime(1000);
  expect(action).toHaveBeenCalledTimes(4);
  call();
  expect(action).toHaveBeenCalledTimes(5);
});

test('makes the call that is to come now, or never', () => {
  const action = vi.fn();
  const { call, flush, cancel } = throttle(action, 100);
  flush();
  expect(action).not.toHaveBeenCalled();
  call();
  call();
  flush();
  expect(action).toHaveBeenCalledTimes(2);
  call();
  cancel();
  vi.advanceTimersByTime(1000);
  expect(action).toHaveBeenCalledTimes(2);
});

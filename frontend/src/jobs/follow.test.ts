import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { followJob, isFinished, POLL_MS, type Job } from './follow';

/** The browser's EventSource, which Node.js has not: events come when a test says so. */
class Events extends EventTarget {
  static readonly CLOSED = 2;
  static last: Events;
  readyState = 1;
  constructor(readonly url: string) {
    super();
    Events.last = this;
  }
  close() {
    this.readyState = Events.CLOSED;
  }
  send(kind: string, data: object) {
    this.dispatchEvent(new MessageEvent(kind, { data: JSON.stringify(data) }));
  }
  refuse() {
    this.readyState = Events.CLOSED;
    this.dispatchEvent(new Event('error'));
  }
}

const JOB: Job = {
  id: 'j',
  status: 'RUNNING',
  total: 10,
  done: 0,
  alreadyDone: 0,
  failed: 0,
  rate: null,
  eta: null,
  errors: [],
  eventsUrl: 'http://server/jobs/1/events',
};

let told: (Job | boolean | 'gone')[];
const follow = (ask: () => Promise<Job | null | undefined> = () => Promise.reject(new Error('asked'))) =>
  followJob(JOB, ask, {
    news: job => told.push(job),
    connected: connected => told.push(connected),
    gone: () => told.push('gone'),
  });

beforeEach(() => {
  told = [];
  vi.useFakeTimers();
  vi.stubGlobal('EventSource', Events);
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test('tells of each event and closes after the last', () => {
  follow();
  expect(Events.last.url).toBe(JOB.eventsUrl);
  Events.last.send('progress', { status: 'RUNNING', done: 4 });
  Events.last.send('end', { status: 'DONE', done: 10 });
  expect(told).toEqual([true, { ...JOB, done: 4 }, true, { ...JOB, status: 'DONE', done: 10 }]);
  expect(Events.last.readyState).toBe(Events.CLOSED);
});

test('says when the connection is lost, and when it is back', () => {
  follow();
  Events.last.dispatchEvent(new Event('error'));
  Events.last.dispatchEvent(new Event('open'));
  expect(told).toEqual([false, true]);
});

test('asks for the job where events are refused, also after no answer', async () => {
  const answers: (Job | undefined)[] = [{ ...JOB, done: 3 }, undefined, { ...JOB, status: 'CANCELLED' }];
  const ask = vi.fn(() => Promise.resolve(answers.shift()));
  follow(ask);
  Events.last.refuse();
  await vi.advanceTimersByTimeAsync(POLL_MS * 10);
  expect(ask).toHaveBeenCalledTimes(3);
  expect(told).toEqual([true, { ...JOB, done: 3 }, false, true, { ...JOB, status: 'CANCELLED' }]);
});

test('says that a job is gone', async () => {
  follow(() => Promise.resolve(null));
  Events.last.refuse();
  await vi.advanceTimersByTimeAsync(POLL_MS * 10);
  expect(told).toEqual(['gone']);
});

test('tells nothing after it was stopped', async () => {
  const stop = follow(() => Promise.resolve(JOB));
  Events.last.refuse();
  stop();
  await vi.advanceTimersByTimeAsync(POLL_MS * 10);
  expect(told).toEqual([]);
});

test('knows which jobs are finished', () => {
  const statuses = ['QUEUED', 'RUNNING', 'DONE', 'FAILED', 'CANCELLED'] as const;
  expect(statuses.filter(status => isFinished({ status }))).toEqual(['DONE', 'FAILED', 'CANCELLED']);
});

import type { JobProgressFragment } from '../api/generated/graphql';

/** A job as the API tells of it. */
export type Job = JobProgressFragment;

/** What an event of a job holds: the job but for what never changes. */
type Snapshot = Omit<Job, 'id' | 'eventsUrl'>;

/** How often a job is asked for where events cannot be had. */
export const POLL_MS = 2000;

/** Where news of a job go. */
export interface Follower {
  /** The job as it is now. */
  news: (job: Job) => void;
  /** Whether news can be expected: false while the server cannot be reached. */
  connected: (connected: boolean) => void;
  /** There is no such job any more. */
  gone: () => void;
}

export const isFinished = ({ status }: Pick<Job, 'status'>) => status !== 'QUEUED' && status !== 'RUNNING';

/**
 * Follow a job until it is finished; returns what stops it.
 *
 * By server-sent events, which browsers open again when a connection breaks. Where the server refuses
 * them (it has threads for a few only), `ask` is called every two seconds: it returns the job, null if
 * there is none, or undefined if there is no answer.
 */
export function followJob(
  job: Job,
  ask: () => Promise<Job | null | undefined>,
  { news, connected, gone }: Follower,
): () => void {
  const events = new EventSource(job.eventsUrl);
  let timer: ReturnType<typeof setTimeout> | undefined;
  let stopped = false;
  const stop = () => {
    stopped = true;
    events.close();
    clearTimeout(timer);
  };
  const tell = (now: Job) => {
    if (isFinished(now)) stop();
    connected(true);
    news(now);
  };
  const poll = async () => {
    const now = await ask();
    if (stopped) return;
    timer = setTimeout(() => void poll(), POLL_MS);
    if (now) tell(now);
    else if (now === null) {
      stop();
      gone();
    } else connected(false);
  };
  const receive = (event: MessageEvent<string>) => tell({ ...job, ...(JSON.parse(event.data) as Snapshot) });
  events.addEventListener('progress', receive);
  events.addEventListener('end', receive);
  events.addEventListener('open', () => connected(true));
  events.addEventListener('error', () => {
    if (stopped) return;
    if (events.readyState === EventSource.CLOSED) void poll();
    else connected(false);
  });
  return stop;
}

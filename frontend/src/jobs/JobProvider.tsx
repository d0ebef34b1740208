import {
  createContext,
  useCallback,
  useContext,
  useEffect,
  useMemo,
  useRef,
  useState,
  type ReactNode,
} from 'react';
import { useClient } from 'urql';

import {
  CancelJobDocument,
  ClassifyAreaDocument,
  JobDocument,
  RecentJobsDocument,
  type ClassifyAreaMutationVariables,
} from '../api/generated/graphql';
import { problemOf, type Problem } from '../api/problem';
import { followJob, isFinished, type Job } from './follow';

/** While a job runs, what is made of scores is asked for again this often. */
const REFRESH_MS = 2000;

interface JobState {
  /** The job that was started here or found unfinished; it stays when it is finished, until dismissed. */
  job: Job | undefined;
  /** Whether news of it arrive. */
  connected: boolean;
  /** Whether starting or cancelling is under way. */
  busy: boolean;
  problem: Problem | undefined;
  start: (variables: ClassifyAreaMutationVariables) => Promise<void>;
  cancel: () => Promise<void>;
  dismiss: () => void;
  /** Goes up as scores are stored: whatever is made of scores is to be asked for again. */
  scoresRevision: number;
}

const Context = createContext<JobState | undefined>(undefined);

/** Start jobs, and follow one whichever panel is open. */
export function JobProvider({ children }: { children: ReactNode }) {
  const client = useClient();
  const [job, setJob] = useState<Job>();
  const [connected, setConnected] = useState(true);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem>();

  useEffect(() => {
    let left = false;
    void client.query(RecentJobsDocument, {}, { requestPolicy: 'network-only' }).then(({ data }) => {
      const found = data?.jobs?.nodes.filter(other => !isFinished(other)).at(-1);
      if (!left && found) setJob(current => current ?? found);
    });
    return () => void (left = true);
  }, [client]);

  const followed = job && !isFinished(job) ? job.id : undefined;
  const latest = useRef(job);
  useEffect(() => void (latest.current = job), [job]);
  useEffect(() => {
    const current = latest.current;
    if (followed === undefined || !current) return undefined;
    const ask = async () => {
      const { data } = await client.query(JobDocument, { id: followed }, { requestPolicy: 'network-only' });
      return data?.job;
    };
    return followJob(current, ask, {
      news: setJob,
      connected: setConnected,
      gone: () => setJob(undefined),
    });
  }, [client, followed]);

  const change = useCallback(async (ask: () => Promise<Job | Problem>) => {
    setBusy(true);
    const answer = await ask();
    setBusy(false);
    if ('code' in answer) setProblem(answer);
    else {
      setProblem(undefined);
      setJob(answer);
    }
  }, []);
  const start = useCallback(
    (variables: ClassifyAreaMutationVariables) =>
      change(async () => {
        const { data, error } = await client.mutation(ClassifyAreaDocument, variables);
        return data?.classifyArea ?? problemOf(error!);
      }),
    [client, change],
  );
  const cancel = useCallback(async () => {
    if (followed === undefined) return;
    await change(async () => {
      const { data, error } = await client.mutation(CancelJobDocument, { id: followed });
      return data?.cancelJob ?? problemOf(error!);
    });
  }, [client, change, followed]);
  const dismiss = useCallback(() => setJob(undefined), []);

  const scoresRevision = useRevision(job);
  const state = useMemo(
    () => ({ job, connected, busy, problem, start, cancel, dismiss, scoresRevision }),
    [job, connected, busy, problem, start, cancel, dismiss, scoresRevision],
  );
  return <Context value={state}>{children}</Context>;
}

/** The job that is followed, and what starts and cancels it. */
export function useJob(): JobState {
  const state = useContext(Context);
  if (!state) throw new Error('useJob needs a JobProvider around it');
  return state;
}

/** A number that goes up when a job has stored scores, but not more often than every two seconds. */
function useRevision(job: Job | undefined): number {
  const [revision, setRevision] = useState(0);
  const seen = useRef<string>(undefined);
  const last = useRef(0);
  const state = job && `${job.id} ${job.done} ${job.status}`;
  useEffect(() => {
    const before = seen.current;
    seen.current = state;
    if (state === undefined || before === undefined || before === state) return undefined;
    const wait = Math.max(0, last.current + REFRESH_MS - Date.now());
    const timer = setTimeout(() => {
      last.current = Date.now();
      setRevision(count => count + 1);
    }, wait);
    return () => clearTimeout(timer);
  }, [state]);
  return revision;
}

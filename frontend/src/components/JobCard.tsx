import { isFinished, type Job } from '../jobs/follow';
import { useJob } from '../jobs/JobProvider';
import { useWording } from '../texts';
import { ProblemNotice } from './Notice';
import { Time } from './Time';

/** The job that is followed: how far it is, what ends it, and how it ended. */
export function JobCard() {
  const { job, connected, busy, problem, cancel, dismiss } = useJob();
  const { texts } = useWording();
  if (!job) return problem ? <ProblemNotice problem={problem} /> : null;
  const finished = isFinished(job);
  return (
    <section className="job" aria-label={texts.jobs.title}>
      <p role="status">{texts.jobs.status[job.status]}</p>
      <Bar job={job} />
      {!connected && !finished && <p className="hint">{texts.jobs.lost}</p>}
      {job.errors.map(({ code, message, tiles }) => (
        <p key={code} className="detail">
          {tiles > 0 && `${texts.jobs.failed(tiles)} `}
          {message}
        </p>
      ))}
      {problem && <ProblemNotice problem={problem} />}
      {finished ? (
        <button type="button" onClick={dismiss}>
          {texts.page.close}
        </button>
      ) : (
        <button type="button" disabled={busy} onClick={() => void cancel()}>
          {texts.jobs.cancel}
        </button>
      )}
    </section>
  );
}

function Bar({ job: { total, done, failed, rate, eta, status } }: { job: Job }) {
  const { texts, format } = useWording();
  if (total === null || total === undefined) return <progress aria-label={texts.jobs.title} />;
  return (
    <>
      <progress
        aria-label={texts.jobs.title}
        value={done + failed}
        max={Math.max(total, 1)}
        aria-valuetext={texts.jobs.done(format.number(done), format.number(total))}
      />
      <p className="hint">
        <span className="number">{texts.jobs.done(format.number(done), format.number(total))}</span>
        {status === 'RUNNING' && rate ? <span>{texts.jobs.rate(format.number(round(rate)))}</span> : null}
        {status === 'RUNNING' && eta ? (
          <span>
            {texts.jobs.until} <Time moment={eta} />
          </span>
        ) : null}
      </p>
    </>
  );
}

const round = (rate: number) => (rate >= 10 ? Math.round(rate) : Math.round(rate * 10) / 10);

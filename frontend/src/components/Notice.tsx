import type { Problem } from '../api/problem';
import { useWording } from '../texts';

/** An error, in words for the reader, with what to do. */
export function ProblemNotice({ problem, retry }: { problem: Problem; retry?: (() => void) | undefined }) {
  const { texts } = useWording();
  const known = texts.problems as Record<string, string>;
  return (
    <div className="notice" role="alert">
      <p>{known[problem.code] ?? texts.problems.other}</p>
      {problem.code !== 'offline' && <p className="detail">{problem.message}</p>}
      {retry && (
        <button type="button" onClick={retry}>
          {texts.page.retry}
        </button>
      )}
    </div>
  );
}

/** What is shown while something loads. */
export function Loading() {
  const { texts } = useWording();
  return (
    <p className="loading" role="status">
      {texts.page.loading}
    </p>
  );
}

import type { Histogram } from '../api/useHistogram';
import { modelTitle, useModels } from '../api/useModels';
import { isFinished } from '../jobs/follow';
import { useJob } from '../jobs/JobProvider';
import { useMap } from '../map/MapProvider';
import { useAddress } from '../state/useAddress';
import { useWording } from '../texts';
import { JobCard } from './JobCard';

/** The job that is followed, and a button that starts one on what the view has unclassified. */
export function ClassifyView({ histogram }: { histogram: Histogram | undefined }) {
  const { job } = useJob();
  const missing = histogram ? histogram.tiles - histogram.tilesClassified : 0;
  const running = job && !isFinished(job);
  return (
    <>
      <JobCard />
      {missing > 0 && !running && <Start missing={missing} />}
    </>
  );
}

function Start({ missing }: { missing: number }) {
  const { texts, format } = useWording();
  const { view } = useMap();
  const [{ at }] = useAddress();
  const { busy, start } = useJob();
  const { model, served } = useModels();
  if (!view) return null;
  if (model && served && modelTitle(model) !== modelTitle(served))
    return <p className="hint">{texts.jobs.otherModel(modelTitle(served))}</p>;
  return (
    <button
      type="button"
      className="primary"
      disabled={busy}
      onClick={() => void start(at === undefined ? { bounds: view } : { bounds: view, at })}
    >
      {texts.jobs.start(missing, format.number(missing))}
    </button>
  );
}

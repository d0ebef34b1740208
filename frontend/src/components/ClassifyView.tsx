import type { Histogram } from '../api/useHistogram';
import { modelTitle, useModels } from '../api/useModels';
import { isFinished } from '../jobs/follow';
import { useJob } from '../jobs/JobProvider';
import { useMap } from '../map/MapProvider';
import type { AreaVariables } from '../state/area';
import { useAddress } from '../state/useAddress';
import { useWording } from '../texts';
import { JobCard } from './JobCard';

interface Props {
  histogram: Histogram | undefined;
  /** What is to be classified; by default what the map shows. */
  area?: AreaVariables;
}

/** The job that is followed, and a button that starts one on what the view or an area has unclassified. */
export function ClassifyView({ histogram, area }: Props) {
  const { job } = useJob();
  const missing = histogram ? histogram.tiles - histogram.tilesClassified : 0;
  const running = job && !isFinished(job);
  return (
    <>
      <JobCard />
      {missing > 0 && !running && <Start missing={missing} area={area} />}
    </>
  );
}

function Start({ missing, area }: { missing: number; area: AreaVariables | undefined }) {
  const { texts, format } = useWording();
  const { view } = useMap();
  const [{ at }] = useAddress();
  const { busy, start } = useJob();
  const { model, served } = useModels();
  const wanted = area ?? (view && { bounds: view });
  if (!wanted) return null;
  if (model && served && modelTitle(model) !== modelTitle(served))
    return <p className="hint">{texts.jobs.otherModel(modelTitle(served))}</p>;
  return (
    <button
      type="button"
      className="primary"
      disabled={busy}
      onClick={() => void start(at === undefined ? wanted : { ...wanted, at })}
    >
      {area
        ? texts.jobs.startArea(missing, format.number(missing))
        : texts.jobs.start(missing, format.number(missing))}
    </button>
  );
}

import { useModels } from '../api/useModels';
import { useMoments } from '../api/useMoments';
import { ChangeList } from './time/ChangeList';
import { DateChoice } from './time/DateChoice';
import { LabelSelect } from '../components/LabelSelect';
import { Loading, ProblemNotice } from '../components/Notice';
import { Timeline } from './time/Timeline';
import { useAddress } from '../state/useAddress';
import { useChosenLabel } from '../state/useChosenLabel';
import { useWording } from '../texts';

/** The map at a date, what changed between two, and a label over time. */
export function TimePanel() {
  const { texts } = useWording();
  const { problem: noModel } = useModels();
  const { moments, partial, problem, retry } = useMoments();
  const [{ before }] = useAddress();
  const chosen = useChosenLabel();
  if (noModel) return <ProblemNotice problem={noModel} />;
  if (problem) return <ProblemNotice problem={problem} retry={retry} />;
  if (!chosen || !moments) return <Loading />;
  return (
    <>
      <LabelSelect chosen={chosen} />
      <DateChoice moments={moments} />
      {partial && <p className="hint">{texts.time.partial}</p>}
      {before !== undefined && <ChangeList label={chosen.label} />}
      <Timeline chosen={chosen} moments={moments} />
    </>
  );
}

import { LabelHistogramDocument } from '../api/generated/graphql';
import { useHistogram } from '../api/useHistogram';
import { useModels } from '../api/useModels';
import { ClassifyView } from '../components/ClassifyView';
import { CutoffSlider } from '../components/CutoffSlider';
import { Coverage, HistogramList } from '../components/Histogram';
import { LabelSelect } from '../components/LabelSelect';
import { Legend } from '../components/Legend';
import { ModelPicker } from '../components/ModelPicker';
import { Loading, ProblemNotice } from '../components/Notice';
import { OpacitySlider } from '../components/OpacitySlider';
import { ShowQuery } from '../components/ShowQuery';
import { changeAddress } from '../state/useAddress';
import { useChosenLabel, type ChosenLabel } from '../state/useChosenLabel';
import { useWording } from '../texts';

/** Choose what is painted, and see what the view has of each label. */
export function LabelsPanel() {
  const { problem, retry } = useModels();
  const chosen = useChosenLabel();
  if (problem) return <ProblemNotice problem={problem} retry={retry} />;
  if (!chosen) return <Loading />;
  return (
    <>
      <LabelSelect chosen={chosen} />
      <CutoffSlider chosen={chosen} />
      <Legend />
      <OpacitySlider />
      <ModelPicker />
      <ViewLabels chosen={chosen} />
    </>
  );
}

/** The histogram of the view, and the way to classify what it lacks. */
function ViewLabels({ chosen }: { chosen: ChosenLabel }) {
  const { texts } = useWording();
  const { histogram, outdated, problem, retry, variables } = useHistogram();
  return (
    <section className="view-labels" aria-labelledby="view-labels">
      <h3 id="view-labels">{texts.histogram.title}</h3>
      {problem && <ProblemNotice problem={problem} retry={retry} />}
      {!histogram && !problem && <Loading />}
      {histogram?.tiles === 0 && <NoImagery />}
      {histogram && histogram.tiles > 0 && <Coverage histogram={histogram} />}
      <ClassifyView histogram={histogram} />
      {histogram && histogram.tilesClassified > 0 && (
        <HistogramList
          histogram={histogram}
          chosen={chosen.label}
          outdated={outdated}
          title={texts.histogram.title}
        />
      )}
      <ShowQuery operation={LabelHistogramDocument} variables={variables} />
    </section>
  );
}

function NoImagery() {
  const { texts } = useWording();
  return (
    <div className="empty">
      <p>{texts.histogram.empty}</p>
      <button type="button" onClick={() => changeAddress({ panel: 'scenes' })}>
        {texts.histogram.toScenes}
      </button>
    </div>
  );
}

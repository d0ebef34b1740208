import { ModelComparisonDocument, ServedModelDocument } from '../api/generated/graphql';
import { useModelComparison } from '../api/useModelComparison';
import { modelTitle, useModels } from '../api/useModels';
import { AgreementTable } from '../components/AgreementTable';
import { DifferentTiles } from '../components/DifferentTiles';
import { ModelSelect } from '../components/ModelPicker';
import { Loading, ProblemNotice } from '../components/Notice';
import { SecondModel } from '../components/SecondModel';
import { ShowQuery } from '../components/ShowQuery';
import { changeAddress, useAddress } from '../state/useAddress';
import { useTwoModels, type TwoModels } from '../state/useTwoModels';
import { useWording } from '../texts';

/** Two models side by side, on what the map shows. */
export function ModelsPanel() {
  const { model, problem, retry } = useModels();
  const two = useTwoModels();
  if (problem) return <ProblemNotice problem={problem} retry={retry} />;
  if (!model) return <Loading />;
  if (two)
    return (
      <>
        <ModelChoice two={two} />
        <Agreement two={two} />
      </>
    );
  return (
    <>
      <SecondModel only={model} />
      <ShowQuery operation={ServedModelDocument} variables={{}} />
    </>
  );
}

/** Choose the two, and whether the map is divided between them. */
function ModelChoice({ two: { a, b } }: { two: TwoModels }) {
  const { texts } = useWording();
  const { models } = useModels();
  const [{ swipe = false }] = useAddress();
  const [titleA, titleB] = [modelTitle(a), modelTitle(b)];
  const show = (other: string, model: string) => changeAddress({ other, model, cutoff: undefined });
  return (
    <>
      <ModelSelect
        label={texts.models.a}
        models={models}
        value={a}
        change={chosen => show(chosen, chosen === titleB ? titleA : titleB)}
      />
      <ModelSelect
        label={texts.models.b}
        models={models}
        value={b}
        change={chosen => show(chosen === titleA ? titleB : titleA, chosen)}
      />
      <div className="buttons">
        <button type="button" onClick={() => show(titleB, titleA)}>
          {texts.models.swap}
        </button>
        <button
          type="button"
          aria-pressed={swipe}
          onClick={() => changeAddress({ swipe: swipe ? undefined : true })}
        >
          {texts.models.swipe}
        </button>
      </div>
    </>
  );
}

function Agreement({ two }: { two: TwoModels }) {
  const { texts, format } = useWording();
  const { comparison, outdated, problem, retry, variables } = useModelComparison(two);
  return (
    <section className="agreement" aria-labelledby="agreement" aria-busy={outdated}>
      <h3 id="agreement">{texts.histogram.title}</h3>
      {problem && <ProblemNotice problem={problem} retry={retry} />}
      {!comparison && !problem && <Loading />}
      {comparison && (
        <p role="status">
          {comparison.tiles > 0
            ? texts.models.agree(format.percent(comparison.agreement ?? 0))
            : texts.models.nothing}{' '}
          <span className="hint">
            {texts.models.tiles({
              both: format.number(comparison.tiles),
              onlyA: format.number(comparison.tilesOnlyA),
              onlyB: format.number(comparison.tilesOnlyB),
            })}
          </span>
        </p>
      )}
      {comparison && comparison.tiles > 0 && <AgreementTable labels={comparison.labels} />}
      {comparison && comparison.tiles > 0 && <DifferentTiles tiles={comparison.mostDifferent} />}
      {variables && <ShowQuery operation={ModelComparisonDocument} variables={variables} />}
    </section>
  );
}

import { useMemo } from 'react';

import { LabelHistogramDocument } from '../api/generated/graphql';
import { useHistogram, type Histogram } from '../api/useHistogram';
import { useModels } from '../api/useModels';
import { ClassifyView } from '../components/ClassifyView';
import { CutoffSlider } from '../components/CutoffSlider';
import { Coverage, HistogramList } from '../components/Histogram';
import { LabelSelect } from '../components/LabelSelect';
import { Loading, ProblemNotice } from '../components/Notice';
import { ShowQuery } from '../components/ShowQuery';
import type { Area } from '../state/address';
import { areaVariables } from '../state/area';
import { changeAddress, useAddress } from '../state/useAddress';
import { useChosenLabel, type ChosenLabel } from '../state/useChosenLabel';
import { useWording } from '../texts';
import { AreaTools } from './area/AreaTools';
import { Downloads } from './area/Downloads';
import { TileTable } from './area/TileTable';

/** Draw an area; what it has, as sums, as a table and as a file. */
export function AreaPanel() {
  const { texts } = useWording();
  const [{ area }] = useAddress();
  const { problem } = useModels();
  const chosen = useChosenLabel();
  return (
    <>
      {!area && <p>{texts.area.intro}</p>}
      <AreaTools area={area} />
      {problem && <ProblemNotice problem={problem} />}
      {area && !chosen && !problem && <Loading />}
      {area && chosen && <AreaContents area={area} chosen={chosen} />}
    </>
  );
}

function AreaContents({ area, chosen }: { area: Area; chosen: ChosenLabel }) {
  const { texts, format } = useWording();
  const variables = useMemo(() => areaVariables(area), [area]);
  const { histogram, outdated, problem, retry, variables: asked } = useHistogram(variables);
  if (histogram?.tiles === 0) return <NoImagery />;
  return (
    <>
      <LabelSelect chosen={chosen} />
      <CutoffSlider chosen={chosen} />
      {histogram && <LabelSum histogram={histogram} label={chosen.label} />}
      <Downloads area={area} chosen={chosen} />
      <TileTable area={area} chosen={chosen} unclassified={histogram?.tilesClassified === 0} />
      <section className="section" aria-labelledby="area-sums">
        <h3 id="area-sums">{texts.area.sums}</h3>
        {problem && <ProblemNotice problem={problem} retry={retry} />}
        {!histogram && !problem && <Loading />}
        {histogram && (
          <>
            <p>{texts.area.size(format.km2(histogram.areaKm2))}</p>
            <Coverage histogram={histogram} />
            <ClassifyView histogram={histogram} area={variables} />
            <HistogramList
              histogram={histogram}
              chosen={chosen.label}
              outdated={outdated}
              title={texts.area.sums}
            />
          </>
        )}
        <ShowQuery operation={LabelHistogramDocument} variables={asked} />
      </section>
    </>
  );
}

/** How much of the area has the chosen label. */
function LabelSum({ histogram, label }: { histogram: Histogram; label: string }) {
  const { texts, format } = useWording();
  const summary = histogram.labels.find(other => other.label === label);
  if (!summary) return null;
  const { areaKm2, share, tiles } = summary;
  return (
    <p className="label-sum" role="status">
      <strong>{format.km2(areaKm2)}</strong>{' '}
      {texts.area.sumOf(
        label,
        texts.histogram.tiles(tiles, format.number(tiles)),
        format.percent(share ?? 0),
      )}
    </p>
  );
}

function NoImagery() {
  const { texts } = useWording();
  return (
    <div className="empty" role="status">
      <p>{texts.area.empty}</p>
      <button type="button" onClick={() => changeAddress({ panel: 'scenes' })}>
        {texts.histogram.toScenes}
      </button>
    </div>
  );
}

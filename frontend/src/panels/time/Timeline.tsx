import { useMemo } from 'react';
import { useQuery } from 'urql';

import {
  LabelTimelineDocument,
  type LabelTimelineQuery,
  type LabelTimelineQueryVariables,
  type TimelineInterval,
} from '../../api/generated/graphql';
import { problemOf } from '../../api/problem';
import { modelTitle } from '../../api/useModels';
import { INTERVALS, type Interval } from '../../state/address';
import { newestIn } from '../../state/dates';
import { changeAddress, useAddress } from '../../state/useAddress';
import type { ChosenLabel } from '../../state/useChosenLabel';
import { useScope } from '../../state/useScope';
import { useWording } from '../../texts';
import { Loading, ProblemNotice } from '../../components/Notice';
import { ShowQuery } from '../../components/ShowQuery';

type Period = NonNullable<LabelTimelineQuery['labelTimeline']>['periods'][number];

interface Props {
  chosen: ChosenLabel;
  /** When imagery was acquired, newest first. */
  moments: readonly string[];
}

/** How much of the area or view had the label, period by period. */
export function Timeline({ chosen, moments }: Props) {
  const { texts } = useWording();
  const [{ area, interval = 'month' }] = useAddress();
  const variables = useTimelineVariables(chosen, interval);
  const [{ data, error }, again] = useQuery({
    query: LabelTimelineDocument,
    variables: variables ?? { interval: 'MONTH' },
    pause: !variables || moments.length === 0,
  });
  const periods = data?.labelTimeline?.periods;
  if (moments.length === 0) return null;
  return (
    <section className="timeline">
      <h3>
        {texts.time.timeline(chosen.label)} <small>{area ? texts.time.inArea : texts.time.inView}</small>
      </h3>
      <label className="field inline">
        <span>{texts.time.interval}</span>
        <select
          value={interval}
          onChange={event => changeAddress({ interval: event.target.value as Interval }, { replace: true })}
        >
          {INTERVALS.map(name => (
            <option key={name} value={name}>
              {texts.time.intervals[name]}
            </option>
          ))}
        </select>
      </label>
      {error && (
        <ProblemNotice problem={problemOf(error)} retry={() => again({ requestPolicy: 'network-only' })} />
      )}
      {!periods && !error && <Loading />}
      {periods && <Bars periods={periods} interval={interval} moments={moments} />}
      {periods && <PeriodTable periods={periods} interval={interval} label={chosen.label} />}
      {variables && <ShowQuery operation={LabelTimelineDocument} variables={variables} />}
    </section>
  );
}

function useTimelineVariables(
  { label, cutoff, model }: ChosenLabel,
  interval: Interval,
): LabelTimelineQueryVariables | undefined {
  const scope = useScope();
  const title = modelTitle(model);
  return useMemo(
    () =>
      scope && {
        interval: interval.toUpperCase() as TimelineInterval,
        labels: [label],
        cutoffs: [{ label, cutoff }],
        model: title,
        ...scope,
      },
    [scope, interval, label, cutoff, title],
  );
}

interface Shown {
  periods: readonly Period[];
  interval: Interval;
}

function Bars({ periods, interval, moments }: Shown & { moments: readonly string[] }) {
  const { texts, format } = useWording();
  const nameOf = usePeriodName(interval);
  const [{ at = moments[0] }] = useAddress();
  const most = Math.max(...periods.map(areaOf), Number.MIN_VALUE);
  return (
    <ol className="bars">
      {periods.map(period => {
        const newest = newestIn(moments, period.from, period.to);
        const shown = at !== undefined && newestIn([at], period.from, period.to) !== undefined;
        const km2 = format.km2(areaOf(period));
        return (
          <li key={period.from}>
            <button
              type="button"
              aria-pressed={shown}
              disabled={newest === undefined}
              onClick={() => changeAddress({ at: newest })}
            >
              <span className="value number">{km2}</span>
              <span className="bar" style={{ height: `${(100 * areaOf(period)) / most}px` }} />
              <span className="name">{nameOf(period)}</span>
              {newest && <span className="visually-hidden">{texts.time.bar(format.date(newest))}</span>}
            </button>
          </li>
        );
      })}
    </ol>
  );
}

function PeriodTable({ periods, interval, label }: Shown & { label: string }) {
  const { texts, format } = useWording();
  const nameOf = usePeriodName(interval);
  return (
    <details>
      <summary>{texts.time.table}</summary>
      <table>
        <caption className="visually-hidden">{texts.time.timeline(label)}</caption>
        <thead>
          <tr>
            <th scope="col">{texts.time.period}</th>
            <th scope="col">{texts.time.withLabel(label)}</th>
            <th scope="col">{texts.time.classified}</th>
            <th scope="col">{texts.time.covered}</th>
          </tr>
        </thead>
        <tbody>
          {periods.map(period => (
            <tr key={period.from}>
              <th scope="row">{nameOf(period)}</th>
              <td className="number">{format.km2(areaOf(period))}</td>
              <td className="number">{format.km2(period.classifiedKm2)}</td>
              <td className="number">{format.km2(period.coveredKm2)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </details>
  );
}

const areaOf = ({ labels }: Period) => labels[0]?.areaKm2 ?? 0;

function usePeriodName(interval: Interval): (period: Period) => string {
  const { texts, format } = useWording();
  return ({ from }) => {
    if (interval === 'year') return format.year(from);
    if (interval === 'month') return format.month(from);
    return texts.time.quarter(Math.floor(new Date(from).getUTCMonth() / 3) + 1, format.year(from));
  };
}

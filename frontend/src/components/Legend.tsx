import { GRADIENT } from '../layers/scale';
import { useWording } from '../texts';

/** What the colours mean. */
export function Legend() {
  const { texts, format } = useWording();
  return (
    <dl className="legend">
      <div>
        <dt>{texts.labels.score}</dt>
        <dd>
          <span>{format.score(0)}</span>
          <span className="scale" style={{ backgroundImage: GRADIENT }} aria-hidden />
          <span>{format.score(1)}</span>
        </dd>
      </div>
      <div>
        <dt>{texts.labels.notClassified}</dt>
        <dd>
          <span className="hatch" aria-hidden />
        </dd>
      </div>
    </dl>
  );
}

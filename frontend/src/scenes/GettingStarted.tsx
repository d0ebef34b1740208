import { Code } from '../requests/Code';
import { useWording } from '../texts';

const DEMO = 'make demo\n';
const INGEST =
  '.venv/bin/python manage.py ingest raster scene.tif --acquired-at 2024-06-30 --attribution "Whom to credit"\n';
const CLASSIFY = '.venv/bin/python manage.py classify --all\n';

/** How imagery gets into an empty database; once there is some, the page begins anew. */
export function GettingStarted() {
  const { texts } = useWording();
  const { intro, demo, ingest, classify, waiting } = texts.start;
  return (
    <>
      <p>{intro}</p>
      <Code text={DEMO} label={demo} />
      <Code text={INGEST} label={ingest} />
      <Code text={CLASSIFY} label={classify} />
      <p className="hint" role="status">
        {waiting}
      </p>
    </>
  );
}

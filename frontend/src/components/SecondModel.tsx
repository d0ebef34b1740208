import { modelTitle, type Model } from '../api/useModels';
import { Code } from '../requests/Code';
import { useWording } from '../texts';

const MAKE =
  '.venv/bin/python manage.py model fine-tune earthgql/bundles/amazon-resnet50 --data PICTURES --out var/models/mine\n';
const CLASSIFY = 'EARTHGQL_BUNDLE=var/models/mine .venv/bin/python manage.py classify --all\n';

/** There is one model: how to get another to compare it with. */
export function SecondModel({ only }: { only: Model }) {
  const { texts } = useWording();
  return (
    <>
      <p>{texts.models.single(modelTitle(only))}</p>
      <Code text={MAKE} label={texts.models.make} />
      <Code text={CLASSIFY} label={texts.models.classify} />
      <p className="hint">{texts.models.ways}</p>
    </>
  );
}

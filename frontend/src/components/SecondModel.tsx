import { modelTitle, type Model } from '../api/useModels';
import { useWording } from '../texts';
import { CopyButton } from './CopyButton';

const COMMANDS = `python manage.py model fine-tune earthgql/bundles/amazon-resnet50 \\
  --data PICTURES --out var/models/mine
EARTHGQL_BUNDLE=var/models/mine python manage.py classify --all`;

/** There is one model: how to get another to compare it with. */
export function SecondModel({ only }: { only: Model }) {
  const { texts } = useWording();
  return (
    <div className="empty">
      <p>{texts.models.single(modelTitle(only))}</p>
      <p>{texts.models.second}</p>
      <pre>
        <code>{COMMANDS}</code>
      </pre>
      <CopyButton text={COMMANDS} />
      <p className="hint">{texts.models.ways}</p>
    </div>
  );
}

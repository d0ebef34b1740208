import { modelTitle, useModels, type Model } from '../api/useModels';
import { changeAddress } from '../state/useAddress';
import { useWording } from '../texts';

/** Choose the model whose labels are painted; nothing where there is no choice. */
export function ModelPicker() {
  const { texts } = useWording();
  const { models, served, model } = useModels();
  if (!model || models.length < 2) return null;
  return (
    <ModelSelect
      label={texts.labels.model}
      models={models}
      value={model}
      change={chosen =>
        changeAddress({
          model: served && chosen === modelTitle(served) ? undefined : chosen,
          cutoff: undefined,
        })
      }
    />
  );
}

interface Props {
  label: string;
  models: readonly Model[];
  value: Model;
  change: (title: string) => void;
}

/** A list of models to choose from. */
export function ModelSelect({ label, models, value, change }: Props) {
  return (
    <label className="field">
      <span>{label}</span>
      <select value={modelTitle(value)} onChange={event => change(event.target.value)}>
        {models.map(modelTitle).map(title => (
          <option key={title}>{title}</option>
        ))}
      </select>
    </label>
  );
}

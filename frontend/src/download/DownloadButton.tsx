import { useState } from 'react';

import { modelTitle } from '../api/useModels';
import { legendMeaning } from '../components/Legend';
import { Icon } from '../components/Icon';
import { useLabelDetail } from '../map/useLabelDetail';
import { useMap } from '../map/MapProvider';
import { useAddress } from '../state/useAddress';
import { useChosenLabel } from '../state/useChosenLabel';
import { useWording } from '../texts';
import { mapPicture, type Captions } from './mapPicture';
import { saveFile } from './saveFile';

/** A button that saves what the map shows as a PNG. */
export function DownloadButton() {
  const { texts } = useWording();
  const { map } = useMap();
  const captions = useCaptions();
  const [failed, setFailed] = useState(false);
  const save = async () => {
    if (!map) return;
    const credits = map.getContainer().querySelector('.maplibregl-ctrl-attrib-inner')?.textContent ?? '';
    try {
      saveFile(await mapPicture(map, { ...captions, attribution: credits }), 'earthgql-map.png');
      setFailed(false);
    } catch {
      setFailed(true);
    }
  };
  const label = failed ? texts.header.downloadFailed : texts.header.download;
  return (
    <button
      type="button"
      className="icon"
      disabled={!map}
      aria-label={label}
      title={label}
      onClick={() => void save()}
    >
      <Icon name={failed ? 'failed' : 'download'} />
    </button>
  );
}

/** What the picture says, in the reader's language; the attribution is the map's. */
function useCaptions(): Captions {
  const { texts, format } = useWording();
  const [{ at }] = useAddress();
  const detail = useLabelDetail() ?? 'tiles';
  const chosen = useChosenLabel();
  const write = detail === 'cells' ? format.percent : format.score;
  const parts = chosen && [
    chosen.label,
    `${texts.labels.cutoff} ${format.score(chosen.cutoff)}`,
    modelTitle(chosen.model),
    at && format.date(at),
  ];
  return {
    title: parts?.filter(Boolean).join(' · ') ?? texts.page.title,
    legend: legendMeaning(detail, texts.labels),
    ticks: [write(0), write(0.5), write(1)],
    notClassified: texts.labels.notClassified,
    attribution: '',
    length: format.length,
  };
}

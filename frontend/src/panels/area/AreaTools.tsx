import { flyTo } from '../../map/fly';
import { useMap } from '../../map/MapProvider';
import type { Area } from '../../state/address';
import { areaBounds, withinTurn } from '../../state/area';
import { changeAddress } from '../../state/useAddress';
import { useDrawing, type DrawingMode } from '../../state/useDrawing';
import { useWording } from '../../texts';
import { BoundsForm } from './BoundsForm';

/** Draw, take, type, change and clear an area. */
export function AreaTools({ area }: { area: Area | undefined }) {
  const { texts } = useWording();
  const { map, view } = useMap();
  const { mode, ready, start, stop } = useDrawing();
  if (mode) return <DrawingHint mode={mode} ready={ready} stop={stop} />;
  return (
    <div className="area-tools">
      <div className="buttons" role="group" aria-label={texts.area.tools}>
        <button type="button" className={area ? '' : 'primary'} onClick={() => start('rectangle')}>
          {texts.area.rectangle}
        </button>
        <button type="button" onClick={() => start('polygon')}>
          {texts.area.polygon}
        </button>
        <button type="button" disabled={!view} onClick={() => changeAddress({ area: view })}>
          {texts.area.useView}
        </button>
        {area && (
          <>
            {/* Terra Draw takes no longitude beyond 180. */}
            {withinTurn(area) && (
              <button type="button" onClick={() => start('edit')}>
                {texts.area.edit}
              </button>
            )}
            <button type="button" onClick={() => map && flyTo(map, areaBounds(area))}>
              {texts.area.fly}
            </button>
            <button type="button" onClick={() => changeAddress({ area: undefined })}>
              {texts.area.clear}
            </button>
          </>
        )}
      </div>
      <BoundsForm area={area} />
    </div>
  );
}

interface HintProps {
  mode: DrawingMode;
  ready: boolean;
  stop: () => void;
}

function DrawingHint({ mode, ready, stop }: HintProps) {
  const { texts } = useWording();
  return (
    <div className="drawing-hint" role="status">
      <p>{ready ? texts.area.hints[mode] : texts.page.loading}</p>
      <button type="button" onClick={stop}>
        {mode === 'edit' ? texts.area.done : texts.area.cancel}
      </button>
    </div>
  );
}

import { createPortal } from 'react-dom';

import { useAddress } from '../state/useAddress';
import { useMap } from './MapProvider';

/**
 * The centre of the map: the place that Enter on the map means.
 *
 * It is shown while the map has the keyboard's focus, and always beside the place panel.
 */
export function Crosshair() {
  const { map } = useMap();
  const [{ panel }] = useAddress();
  if (!map) return null;
  return createPortal(
    <div className={panel === 'place' ? 'crosshair always' : 'crosshair'} aria-hidden />,
    map.getContainer(),
  );
}

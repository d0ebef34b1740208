import { useEffect } from 'react';

import { useWording } from '../texts';
import { useAddress } from './useAddress';
import { useChosenLabel } from './useChosenLabel';

/** Name the browser's tab after what is shown. */
export function usePageTitle() {
  const { texts } = useWording();
  const [{ panel }] = useAddress();
  const label = useChosenLabel()?.label;
  const title = [texts.panels[panel], label, texts.page.title].filter(Boolean).join(' · ');
  useEffect(() => void (document.title = title), [title]);
}

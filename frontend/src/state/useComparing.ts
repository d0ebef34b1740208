import { useAddress } from './useAddress';

/** Whether the map is divided, between two dates or two models. */
export function useComparing(): boolean {
  const [{ panel, before, swipe }] = useAddress();
  return (panel === 'time' && before !== undefined) || (panel === 'models' && swipe === true);
}

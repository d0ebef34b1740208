import type { PanelName } from '../state/address';
import type { Texts } from '../texts/en';

interface Step {
  name: keyof Texts['tour']['steps'];
  /** The panel that the step is about. */
  panel: PanelName;
}

/** The tour: what the page is for, in four steps. `styles/tour.css` marks what each is about. */
export const STEPS: readonly Step[] = [
  { name: 'label', panel: 'labels' },
  { name: 'cutoff', panel: 'labels' },
  { name: 'place', panel: 'labels' },
  { name: 'time', panel: 'time' },
];

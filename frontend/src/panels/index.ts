import type { ComponentType } from 'react';

import type { PanelName } from '../state/address';
import { AreaPanel } from './AreaPanel';
import { LabelsPanel } from './LabelsPanel';
import { ModelsPanel } from './ModelsPanel';
import { PicturePanel } from './PicturePanel';
import { PlacePanel } from './PlacePanel';
import { ScenesPanel } from './ScenesPanel';
import { TimePanel } from './TimePanel';

/** The panels, in the order of their tabs. */
export const PANEL_VIEWS: { name: PanelName; Panel: ComponentType }[] = [
  { name: 'labels', Panel: LabelsPanel },
  { name: 'place', Panel: PlacePanel },
  { name: 'area', Panel: AreaPanel },
  { name: 'time', Panel: TimePanel },
  { name: 'models', Panel: ModelsPanel },
  { name: 'scenes', Panel: ScenesPanel },
  { name: 'picture', Panel: PicturePanel },
];

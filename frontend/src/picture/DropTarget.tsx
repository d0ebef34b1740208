import { useEffect, useState } from 'react';

import { useWording } from '../texts';
import { usePicture } from './PictureProvider';

/** Accept a picture that is dropped anywhere on the page. */
export function DropTarget() {
  const { texts } = useWording();
  const { choose } = usePicture();
  const [dragging, setDragging] = useState(false);

  useEffect(() => {
    const stop = new AbortController();
    const listen = (name: 'dragover' | 'dragleave' | 'drop', act: (event: DragEvent) => void) =>
      addEventListener(name, act, { signal: stop.signal });
    listen('dragover', event => {
      if (!event.dataTransfer?.types.includes('Files')) return;
      // Else the browser would open the picture instead of the page.
      event.preventDefault();
      setDragging(true);
    });
    listen('dragleave', event => {
      if (!event.relatedTarget) setDragging(false);
    });
    listen('drop', event => {
      setDragging(false);
      const [file] = event.dataTransfer?.files ?? [];
      if (!file) return;
      event.preventDefault();
      choose(file);
    });
    return () => stop.abort();
  }, [choose]);

  return dragging && <div className="drop-target">{texts.picture.drop}</div>;
}

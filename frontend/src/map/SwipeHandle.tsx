import type { KeyboardEvent, PointerEvent } from 'react';

import { useWording } from '../texts';
import { sharePressed } from './swipeKeys';

interface Props {
  /** Where the divider is: 0 at the left edge, 1 at the right one. */
  share: number;
  setShare: (share: number) => void;
  /** What is left and right of it. */
  names: [string, string];
}

/** The divider of a map in two, for pointer, touch and keyboard. */
export function SwipeHandle({ share, setShare, names: [left, right] }: Props) {
  const { texts, format } = useWording();
  const drag = (event: PointerEvent<HTMLDivElement>) => {
    if (!event.currentTarget.hasPointerCapture(event.pointerId)) return;
    const { left: start, width } = event.currentTarget.parentElement!.getBoundingClientRect();
    setShare(Math.min(Math.max((event.clientX - start) / width, 0), 1));
  };
  const press = (event: KeyboardEvent) => {
    const next = sharePressed(event.key, share);
    if (next === undefined) return;
    event.preventDefault();
    setShare(next);
  };
  return (
    <>
      <p className="swipe-name" data-side="left">
        {left}
      </p>
      <p className="swipe-name" data-side="right">
        {right}
      </p>
      <div
        className="swipe-handle"
        style={{ left: `${100 * share}%` }}
        role="slider"
        tabIndex={0}
        aria-label={texts.swipe.divider(left, right)}
        aria-orientation="horizontal"
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={Math.round(100 * share)}
        aria-valuetext={texts.swipe.shown(format.percent(share), left)}
        onPointerDown={event => {
          // Neither selects text nor drags it.
          event.preventDefault();
          event.currentTarget.setPointerCapture(event.pointerId);
          event.currentTarget.focus();
        }}
        onPointerMove={drag}
        onKeyDown={press}
      >
        <span aria-hidden>⟨ ⟩</span>
      </div>
    </>
  );
}

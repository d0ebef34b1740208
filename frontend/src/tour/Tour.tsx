import { useEffect, useLayoutEffect, useId, useRef } from 'react';

import { useAnyScene } from '../scenes/useAnyScene';
import { useWording } from '../texts';
import { STEPS } from './steps';
import { useTour } from './TourProvider';

/** The step of the tour, beside what it is about; the page stays usable. */
export function Tour() {
  const { step } = useTour();
  const any = useAnyScene();
  return step !== undefined && any ? <StepCard step={step} /> : null;
}

function StepCard({ step }: { step: number }) {
  const { texts } = useWording();
  const { asked, go, leave } = useTour();
  const id = useId();
  const heading = useRef<HTMLHeadingElement>(null);
  const { name } = STEPS[step]!;
  const { title, text } = texts.tour.steps[name];
  const last = step === STEPS.length - 1;

  useEffect(() => {
    document.body.dataset['tour'] = name;
    return () => {
      delete document.body.dataset['tour'];
    };
  }, [name]);
  useEffect(() => {
    if (asked) heading.current?.focus();
  }, [asked, step]);
  // In place as soon as the tour is seen: somebody may leave it at once.
  useLayoutEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (event.key === 'Escape' && !document.querySelector('dialog[open]')) leave();
    };
    addEventListener('keydown', press);
    return () => removeEventListener('keydown', press);
  }, [leave]);

  return (
    <aside className="tour" aria-labelledby={id}>
      <div aria-live="polite">
        <p className="hint">{texts.tour.progress(step + 1, STEPS.length)}</p>
        <h2 id={id} ref={heading} tabIndex={-1}>
          {title}
        </h2>
        <p>{text}</p>
      </div>
      <p className="tour-actions">
        <button type="button" className="quiet" onClick={leave}>
          {texts.tour.leave}
        </button>
        {step > 0 && (
          <button type="button" onClick={() => go(step - 1)}>
            {texts.tour.back}
          </button>
        )}
        <button type="button" className="primary" onClick={() => (last ? leave() : go(step + 1))}>
          {last ? texts.tour.finish : texts.tour.next}
        </button>
      </p>
    </aside>
  );
}

import { useEffect, useId, useRef, type ReactNode } from 'react';

import { useWording } from '../texts';

/** A window over the page with a heading, open as long as it is rendered; Escape closes it. */
export function Dialog({
  title,
  onClose,
  children,
}: {
  title: string;
  onClose: () => void;
  children: ReactNode;
}) {
  const { texts } = useWording();
  const heading = useId();
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const shown = dialog.current!;
    shown.showModal();
    return () => shown.close();
  }, []);
  return (
    <dialog ref={dialog} className="dialog" aria-labelledby={heading} closedby="any" onClose={onClose}>
      <header>
        <h2 id={heading}>{title}</h2>
        <button type="button" className="quiet" onClick={() => dialog.current?.close()}>
          {texts.page.close}
        </button>
      </header>
      {children}
    </dialog>
  );
}

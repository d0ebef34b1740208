import { Suspense, useState, type ReactNode } from 'react';

interface DialogButtonProps {
  label: string;
  /** The dialog, which may load its code when it is opened; called with what closes it. */
  dialog: (close: () => void) => ReactNode;
}

/** A quiet button that opens a request of the page, for developers to copy. */
export function DialogButton({ label, dialog }: DialogButtonProps) {
  const [open, setOpen] = useState(false);
  return (
    <>
      <button type="button" className="quiet show-query" aria-haspopup="dialog" onClick={() => setOpen(true)}>
        {label}
      </button>
      {open && <Suspense>{dialog(() => setOpen(false))}</Suspense>}
    </>
  );
}

const PATHS = {
  link: 'M10 14a4 4 0 0 0 6 .4l3-3a4 4 0 0 0-5.7-5.7l-1.1 1.1M14 10a4 4 0 0 0-6-.4l-3 3a4 4 0 0 0 5.7 5.7l1.1-1.1',
  done: 'M5 12.5l4.5 4.5L19 7.5',
  failed: 'M12 5v9M12 18.5v.5',
  download: 'M12 4v11M7 10.5l5 5 5-5M5 20h14',
  help: 'M9 9.2a3 3 0 1 1 4.6 2.5c-1 .7-1.6 1.2-1.6 2.3M12 17.4v.6',
} as const;

/** A drawing in a button; the button has the words. */
export function Icon({ name }: { name: keyof typeof PATHS }) {
  return (
    <svg className="icon-drawing" viewBox="0 0 24 24" width={20} height={20} aria-hidden>
      <path d={PATHS[name]} />
    </svg>
  );
}

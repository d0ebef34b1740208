import { useWording } from '../texts';

/** A moment in the reader's zone, with UTC on hover. */
export function Time({ moment, dateOnly = false }: { moment: string; dateOnly?: boolean }) {
  const { format } = useWording();
  return (
    <time dateTime={moment} title={format.utc(moment)}>
      {dateOnly ? format.date(moment) : format.time(moment)}
    </time>
  );
}

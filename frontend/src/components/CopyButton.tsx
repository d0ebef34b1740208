import { copyText } from '../copyText';
import { useOutcome } from '../state/useOutcome';
import { useWording } from '../texts';

/** A button that copies text, and says whether it did. */
export function CopyButton({ text }: { text: string }) {
  const { texts } = useWording();
  const [outcome, setOutcome] = useOutcome<'copied' | 'failed'>();
  const copy = async () => setOutcome((await copyText(text)) ? 'copied' : 'failed');
  return (
    <>
      <button type="button" className="copy" onClick={() => void copy()}>
        {texts.copy[outcome ?? 'copy']}
      </button>
      <span className="visually-hidden" role="status">
        {outcome && texts.copy[outcome]}
      </span>
    </>
  );
}

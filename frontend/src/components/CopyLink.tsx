import { copyText } from '../copyText';
import { useOutcome } from '../state/useOutcome';
import { useWording } from '../texts';
import { Icon } from './Icon';

/** A button that copies the address of the page: a link shows another person the same. */
export function CopyLink() {
  const { texts } = useWording();
  const [outcome, setOutcome] = useOutcome<'done' | 'failed'>();
  const copy = async () => setOutcome((await copyText(location.href)) ? 'done' : 'failed');
  const feedback = outcome && { done: texts.header.copied, failed: texts.header.notCopied }[outcome];
  return (
    <span className="with-feedback">
      <button
        type="button"
        className="icon"
        aria-label={texts.header.copyLink}
        title={texts.header.copyLink}
        onClick={() => void copy()}
      >
        <Icon name={outcome ?? 'link'} />
      </button>
      <span className="feedback" role="status">
        {feedback}
      </span>
    </span>
  );
}

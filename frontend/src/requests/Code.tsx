import { CopyButton } from '../components/CopyButton';

/** Text of a program or a shell, with a button that copies it. */
export function Code({ text, label }: { text: string; label: string }) {
  return (
    <figure className="code">
      <figcaption>
        {label}
        <CopyButton text={text} />
      </figcaption>
      {/* Long lines scroll, which takes the focus of a keyboard. */}
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- see above */}
      <pre tabIndex={0} aria-label={label}>
        <code>{text}</code>
      </pre>
    </figure>
  );
}

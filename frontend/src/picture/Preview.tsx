import { useEffect, useRef, useState } from 'react';

import { useWording } from '../texts';

/** The picture itself, with its name and size. Another file needs another `key`. */
export function Preview({ file }: { file: File }) {
  const { texts, format } = useWording();
  const image = useRef<HTMLImageElement>(null);
  const [shown, setShown] = useState(true);
  useEffect(() => {
    const url = URL.createObjectURL(file);
    image.current!.src = url;
    return () => URL.revokeObjectURL(url);
  }, [file]);
  return (
    <figure className="preview">
      <img ref={image} alt={texts.picture.preview} hidden={!shown} onError={() => setShown(false)} />
      {!shown && <p className="hint">{texts.picture.noPreview}</p>}
      <figcaption>
        {file.name} <span className="number">{format.kilobytes(file.size)}</span>
      </figcaption>
    </figure>
  );
}

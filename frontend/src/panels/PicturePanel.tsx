import { useState } from 'react';

import { Loading, ProblemNotice } from '../components/Notice';
import { ShowUpload } from '../requests/ShowUpload';
import { uploadOf } from '../picture/classify';
import { Preview } from '../picture/Preview';
import { PictureScores } from '../picture/PictureScores';
import { usePicture } from '../picture/PictureProvider';
import { useWording } from '../texts';

const TYPES = 'image/jpeg,image/png,image/tiff,.jpg,.jpeg,.png,.tif,.tiff';

/** Problems that the same file has again. */
const OF_THE_FILE = new Set(['BAD_USER_INPUT', 'IMAGE_UNREADABLE', 'REQUEST_TOO_LARGE']);

/** Classify a picture that is not on the map. */
export function PicturePanel() {
  const { texts } = useWording();
  const { file, choose, retry, answer, problem } = usePicture();
  const [cutoff, setCutoff] = useState<number>();
  return (
    <>
      <p>{texts.picture.intro}</p>
      <label className="file-field">
        <input
          type="file"
          accept={TYPES}
          onChange={({ target }) => {
            const [chosen] = target.files ?? [];
            if (chosen) choose(chosen);
            // The same file may be chosen again, after it was changed.
            target.value = '';
          }}
        />
        <span>{texts.picture.choose}</span>
        <small>{texts.picture.kinds}</small>
      </label>
      {file && <Preview key={`${file.name} ${file.lastModified}`} file={file} />}
      {problem && (
        <ProblemNotice problem={problem} retry={OF_THE_FILE.has(problem.code) ? undefined : retry} />
      )}
      {file && !answer && !problem && <Loading />}
      {answer && <PictureScores answer={answer} cutoff={cutoff} onCutoff={setCutoff} />}
      {file && <ShowUpload upload={uploadOf(file, cutoff)} />}
    </>
  );
}

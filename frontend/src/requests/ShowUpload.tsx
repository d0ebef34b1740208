import { lazy } from 'react';

import type { UploadCall } from './snippets';
import { useWording } from '../texts';
import { DialogButton } from './DialogButton';

const UploadDialog = lazy(() => import('./UploadDialog'));

/** A button that opens the upload behind a picture's scores. */
export function ShowUpload({ upload }: { upload: UploadCall }) {
  const { texts } = useWording();
  return (
    <DialogButton
      label={texts.query.showRequest}
      dialog={close => <UploadDialog upload={upload} onClose={close} />}
    />
  );
}

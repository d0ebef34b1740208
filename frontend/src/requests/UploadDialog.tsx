import { uploadSnippets, type UploadCall } from './snippets';
import { useWording } from '../texts';
import { Dialog } from '../components/Dialog';
import { programTabs } from './programTabs';
import { Tabs } from '../components/Tabs';

/** The upload of a picture as programs. */
export default function UploadDialog({ upload, onClose }: { upload: UploadCall; onClose: () => void }) {
  const { texts } = useWording();
  return (
    <Dialog title={texts.query.requestTitle} onClose={onClose}>
      <p className="hint">{texts.query.requestHint}</p>
      <Tabs label={texts.query.languages} tabs={programTabs(uploadSnippets(upload))} />
    </Dialog>
  );
}

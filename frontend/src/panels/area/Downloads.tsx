import { useState } from 'react';

import { EXPORT_FORMATS, exportAddress, postExport, type Export, type ExportFormat } from '../../api/exports';
import { problemOfResponse, type Problem } from '../../api/problem';
import { tileWhere } from '../../api/tilePages';
import { modelTitle } from '../../api/useModels';
import { ProblemNotice } from '../../components/Notice';
import type { Area } from '../../state/address';
import { useAddress } from '../../state/useAddress';
import type { ChosenLabel } from '../../state/useChosenLabel';
import { useWording } from '../../texts';

/** The tiles of the table as files. */
export function Downloads({ area, chosen }: { area: Area; chosen: ChosenLabel }) {
  const { texts } = useWording();
  const [{ at, only = false }] = useAddress();
  const [problem, setProblem] = useState<Problem>();
  const { label, cutoff, model } = chosen;
  const request = {
    area,
    where: tileWhere(chosen, only),
    at,
    model: modelTitle(model),
    cutoffs: { [label]: cutoff },
  };
  return (
    <section className="section downloads" aria-labelledby="downloads">
      <h3 id="downloads">{texts.area.download}</h3>
      <ul className="buttons">
        {EXPORT_FORMATS.map(format => (
          <li key={format}>
            <Download format={format} request={request} onProblem={setProblem} />
          </li>
        ))}
      </ul>
      <p className="hint">{texts.area.downloadHint}</p>
      {problem && <ProblemNotice problem={problem} />}
    </section>
  );
}

interface DownloadProps {
  format: ExportFormat;
  request: Export;
  onProblem: (problem: Problem | undefined) => void;
}

/** A link where there is an address, which can be copied; else a button. */
function Download({ format, request, onProblem }: DownloadProps) {
  const { texts } = useWording();
  const [busy, setBusy] = useState(false);
  const address = exportAddress(format, request);
  const name = texts.area.formats[format];
  if (address !== undefined)
    return (
      <a className="button" href={address} download={`tiles.${format}`}>
        {name}
      </a>
    );
  const download = async () => {
    setBusy(true);
    onProblem(await saveExport(format, request));
    setBusy(false);
  };
  return (
    <button type="button" disabled={busy} onClick={() => void download()}>
      {busy ? texts.area.downloading : name}
    </button>
  );
}

/** Fetch a file and give it to the reader; returns what kept it from that. */
async function saveExport(format: ExportFormat, request: Export): Promise<Problem | undefined> {
  try {
    const response = await postExport(format, request);
    if (!response.ok) return await problemOfResponse(response);
    const url = URL.createObjectURL(await response.blob());
    const link = document.createElement('a');
    link.href = url;
    link.download = `tiles.${format}`;
    link.click();
    // The browser reads it after this.
    setTimeout(() => URL.revokeObjectURL(url), 60_000);
    return undefined;
  } catch (error) {
    return { code: 'offline', message: String(error) };
  }
}

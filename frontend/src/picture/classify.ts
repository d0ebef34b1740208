/** `POST /classify`: a picture that is not on the map (docs/rest.md). */

import { apiUrl } from '../api/client';
import { problemOfResponse, type Problem } from '../api/problem';
import type { UploadCall } from '../requests/snippets';

/** The API accepts so much; a larger file need not be sent to be refused. */
export const MAX_BYTES = 10_000_000;

/** What the API says of a picture. */
export interface PictureAnswer {
  model: { name: string; version: string };
  /** Above 1, the picture is unlike those that the model was trained on; null if it cannot tell. */
  domainDistance: number | null;
  /** All labels of the model, highest score first. */
  scores: { label: string; score: number }[];
}

/** Ask for all labels of a picture: the page applies the cutoff itself, so it may change later. */
export async function classifyPicture(file: File, signal: AbortSignal): Promise<PictureAnswer | Problem> {
  if (file.size > MAX_BYTES) return { code: 'REQUEST_TOO_LARGE', message: '' };
  const form = new FormData();
  form.set('image', file);
  form.set('cutoff', '0');
  try {
    const response = await fetch(apiUrl('/classify'), { method: 'POST', body: form, signal });
    if (!response.ok) return await problemOfResponse(response);
    return (await response.json()) as PictureAnswer;
  } catch (error) {
    return { code: 'offline', message: String(error) };
  }
}

/** The request for what is shown of a picture: at a cutoff, or at the model's thresholds. */
export function uploadOf(file: File, cutoff: number | undefined): UploadCall {
  const fields: Record<string, string> = cutoff === undefined ? {} : { cutoff: String(cutoff) };
  return { url: apiUrl('/classify'), file: file.name, fields };
}

/** A score of a picture as it is shown. */
export interface ShownScore {
  label: string;
  score: number;
  /** From which score the label counts. */
  cutoff: number;
  counts: boolean;
}

/** Scores with the cutoff of each label: one for all, or the model's own thresholds. */
export function shownScores(
  scores: PictureAnswer['scores'],
  thresholds: ReadonlyMap<string, number>,
  cutoff: number | undefined,
): ShownScore[] {
  return scores.map(({ label, score }) => {
    const least = cutoff ?? thresholds.get(label) ?? 0.5;
    return { label, score, cutoff: least, counts: score >= least };
  });
}

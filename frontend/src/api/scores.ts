/** The score of a label beside the cutoff from which it counts. */
export interface RankedScore {
  label: string;
  score: number;
  cutoff: number;
  /** How far the score is above the cutoff; negative below it. */
  margin: number;
}

/** Scores with their cutoffs, highest first: those that count, and the others. */
export function rankScores(
  scores: readonly { label: string; score: number }[],
  cutoffOf: (label: string) => number,
): { counting: RankedScore[]; others: RankedScore[] } {
  const ranked = scores
    .map(({ label, score }) => ({ label, score, cutoff: cutoffOf(label), margin: score - cutoffOf(label) }))
    .sort((a, b) => b.score - a.score);
  return {
    counting: ranked.filter(({ score, cutoff }) => score >= cutoff),
    others: ranked.filter(({ score, cutoff }) => score < cutoff),
  };
}

/** Nearly all tiles are clear: this label tells places apart, and is a better first sight. */
const FIRST_SIGHT = 'water';

/** The label of the address, if the model has it, or the one that is shown without. */
export function shownLabel(labels: readonly string[], wanted: string | undefined): string | undefined {
  return [wanted, FIRST_SIGHT].find(name => name !== undefined && labels.includes(name)) ?? labels[0];
}

const STEPS: Record<string, number> = {
  ArrowLeft: -0.02,
  ArrowDown: -0.02,
  ArrowRight: 0.02,
  ArrowUp: 0.02,
  PageDown: -0.1,
  PageUp: 0.1,
  Home: -1,
  End: 1,
};

/** Where a key moves the divider, 0 to 1, as the pattern "slider" of ARIA has it; undefined for other keys. */
export function sharePressed(key: string, share: number): number | undefined {
  const step = STEPS[key];
  return step === undefined ? undefined : Math.min(Math.max(share + step, 0), 1);
}

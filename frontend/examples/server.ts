/** What the examples share: where the server is, and what it says of its labels. */

/** Of `/labels.json`, what a page needs. */
export interface Labels {
  minzoom: number;
  bounds: [number, number, number, number];
  attribution?: string;
  labels: { name: string; threshold: number }[];
}

const SERVER = new URL(new URLSearchParams(location.search).get('server') ?? '/', location.href);

/** An address of the server: that of `?server=`, or else the page's own. */
export function address(path: string): string {
  return decodeURI(new URL(path, SERVER).href);
}

export async function fetchLabels(): Promise<Labels> {
  return (await (await fetch(address('/labels.json'))).json()) as Labels;
}

/** Fill the page's list of labels and its slider; `change` is called with what is chosen, also at once. */
export function controls({ labels }: Labels, change: (label: string, cutoff: number) => void) {
  const select = document.querySelector('select')!;
  const slider = document.querySelector<HTMLInputElement>('input[type=range]')!;
  select.append(...labels.map(({ name }) => new Option(name)));
  const update = () => change(select.value, Number(slider.value));
  select.addEventListener('change', update);
  slider.addEventListener('input', update);
  update();
}

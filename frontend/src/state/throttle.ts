/** A call that is made at once if the last is long enough ago, else as soon as it is. */
export interface Throttled {
  call: () => void;
  /** Make the call now that is still to come, if there is one. */
  flush: () => void;
  /** Forget the call that is still to come. */
  cancel: () => void;
}

/** Make a call at most once in so many milliseconds; the last of several is always made. */
export function throttle(action: () => void, milliseconds: number): Throttled {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let waiting = false;
  const act = () => {
    waiting = false;
    timer = setTimeout(() => {
      timer = undefined;
      if (waiting) act();
    }, milliseconds);
    action();
  };
  const call = () => {
    if (timer === undefined) act();
    else waiting = true;
  };
  const cancel = () => {
    waiting = false;
  };
  const flush = () => {
    if (!waiting) return;
    waiting = false;
    action();
  };
  return { call, flush, cancel };
}

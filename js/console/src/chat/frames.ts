/**
 * Calls something at most once per frame.
 *
 * A hidden page has no frames, not even the one that it was promised: a slow timer stands
 * in, so that an answer is still folded and kept while nobody looks.
 */

const HIDDEN_MS = 250;

export interface Frames {
  /** Asks for a call at the next frame; asking again before it changes nothing. */
  request(): void;
  /** Calls now if a call was asked for. */
  flush(): void;
  cancel(): void;
}

export function onFrames(callback: () => void): Frames {
  let cancelRequest: (() => void) | null = null;

  function run(): void {
    cancel();
    callback();
  }

  function request(): void {
    if (cancelRequest) return;
    const frame = requestAnimationFrame(run);
    const timer = setTimeout(run, HIDDEN_MS);
    cancelRequest = () => {
      cancelAnimationFrame(frame);
      clearTimeout(timer);
    };
  }

  function cancel(): void {
    cancelRequest?.();
    cancelRequest = null;
  }

  function flush(): void {
    if (cancelRequest) run();
  }

  return { request, flush, cancel };
}

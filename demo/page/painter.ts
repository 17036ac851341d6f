/** Paints what keeps coming: soon, and not so often that a flood leaves no time for anything else. */

/** Milliseconds between two paintings, at least. */
const shortestPause = 100;

/** A painting that took long is followed by a pause so many times as long. */
const pausePart = 3;

/** Calls `paint` with the next frame, once for all that asked meanwhile, and leaves the page a pause after it. */
export function painter(paint: () => void): () => void {
  let isBusy = false;
  let isDue = false;

  const run = () => {
    const began = performance.now();
    isDue = false;
    paint();
    // A task of its own comes after the browser has laid out and painted, which is most of the work.
    setTimeout(() => setTimeout(rest, Math.max(shortestPause, (performance.now() - began) * pausePart)));
  };
  const rest = () => {
    if (isDue) requestAnimationFrame(run);
    else isBusy = false;
  };

  return () => {
    isDue = true;
    if (isBusy) return;
    isBusy = true;
    requestAnimationFrame(run);
  };
}

// frame.ts - one animation frame for everything that draws live data: at most ten times a second,
// not at all while the page is hidden (then once on return). Redraws of the same thing that come
// sooner are one.

type Draw = () => void;

const GAP_MS = 100;

const waiting = new Set<Draw>();
let scheduled = false;
let lastMs = -GAP_MS;

function run(nowMs: number): void {
  scheduled = false;
  if (document.hidden) return;
  if (nowMs - lastMs < GAP_MS - 4) {
    request();
    return;
  }
  lastMs = nowMs;
  const draws = [...waiting];
  waiting.clear();
  for (const draw of draws) draw();
}

function request(): void {
  if (scheduled || waiting.size === 0 || document.hidden) return;
  scheduled = true;
  const restMs = lastMs + GAP_MS - performance.now();
  if (restMs > 20) window.setTimeout(() => requestAnimationFrame(run), restMs - 16);
  else requestAnimationFrame(run);
}

document.addEventListener("visibilitychange", request);

/** Draws soon. The same function handed in again before that is drawn once. */
export function scheduleDraw(draw: Draw): void {
  waiting.add(draw);
  request();
}

export function cancelDraw(draw: Draw): void {
  waiting.delete(draw);
}

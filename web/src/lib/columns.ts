// columns.ts - where the columns of a grid begin. One of them may grow into what the others leave,
// so that the last one ends where the grid ends instead of being cut there.

/** The left edge of each column, and at the end the right edge of the last. */
export function columnLefts(
  widths: readonly number[],
  growing: number,
  viewWidth: number,
): readonly number[] {
  const sum = widths.reduce((all, width) => all + width, 0);
  // A pixel stays free: the view's width is rounded, and rounded up it would need a scroll bar.
  const rest = Math.max(0, viewWidth - 1 - sum);
  const out = [0];
  widths.forEach((width, i) => {
    out.push((out[i] ?? 0) + width + (i === growing ? rest : 0));
  });
  return out;
}

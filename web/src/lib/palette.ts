// palette.ts - the colours and dashes of chart series: eight, told apart in both themes and, by
// their dashes, without colour. They are variables of styles.css, here by name and as values.

export const SERIES_COLORS = [
  "--chart-1",
  "--chart-2",
  "--chart-3",
  "--chart-4",
  "--chart-5",
  "--chart-6",
  "--chart-7",
  "--chart-8",
] as const;

export const SERIES_DASHES: readonly (readonly number[])[] = [
  [],
  [8, 4],
  [3, 3],
  [10, 3, 3, 3],
  [16, 5],
  [5, 5],
  [3, 6],
  [12, 3, 3, 3, 3, 3],
];

export function seriesColor(index: number): string {
  return SERIES_COLORS[index % SERIES_COLORS.length] ?? SERIES_COLORS[0];
}

export function seriesDash(index: number): readonly number[] {
  return SERIES_DASHES[index % SERIES_DASHES.length] ?? [];
}

/** The present value of a colour variable, for a canvas. */
export function colorValue(variable: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(variable).trim();
}

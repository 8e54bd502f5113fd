// scroll.ts - scrolling through more rows than a browser's elements may be high. Up to 15 million
// px the scroll position is the position; above, the bar is scaled: its place is the share of the
// way, while the wheel still moves by the rows it should.

export const HEIGHT_MAX = 15_000_000;

export interface ScrollMap {
  /** Height of the element that scrolls. */
  height: number;
  scaled: boolean;
  /** How far down the content one can be. */
  positionMax: number;
  /** The bar's own maximum. */
  scrollMax: number;
}

export function scrollMap(rows: number, rowHeight: number, viewHeight: number): ScrollMap {
  const total = rows * rowHeight;
  const height = Math.min(total, HEIGHT_MAX);
  return {
    height,
    scaled: total > HEIGHT_MAX,
    positionMax: Math.max(0, total - viewHeight),
    scrollMax: Math.max(0, height - viewHeight),
  };
}

export function positionOf(map: ScrollMap, scrollTop: number): number {
  if (!map.scaled) return scrollTop;
  if (map.scrollMax === 0) return 0;
  return Math.min(1, Math.max(0, scrollTop / map.scrollMax)) * map.positionMax;
}

export function scrollTopOf(map: ScrollMap, position: number): number {
  if (!map.scaled) return position;
  if (map.positionMax === 0) return 0;
  return (Math.min(map.positionMax, Math.max(0, position)) / map.positionMax) * map.scrollMax;
}

// split-pane.tsx - editor above, result below, and a bar between that can be dragged or moved with
// the arrow keys. Its place is kept.
import { type KeyboardEvent, type PointerEvent, type ReactNode, useRef, useState } from "react";
import { readStored, writeStored } from "@/lib/stored";

interface SplitPaneProps {
  storeKey: string;
  top: ReactNode;
  middle: ReactNode;
  bottom: ReactNode;
}

/** Some eight lines: what is asked is short, what it answers is long. */
const SHARE_DEFAULT = 0.27;
const SHARE_MIN = 0.12;
const SHARE_MAX = 0.8;

function bounded(share: number): number {
  return Math.min(SHARE_MAX, Math.max(SHARE_MIN, share));
}

export function SplitPane({ storeKey, top, middle, bottom }: SplitPaneProps) {
  const box = useRef<HTMLDivElement>(null);
  const [share, setShare] = useState(() => {
    const stored = Number(readStored(storeKey));
    return stored > 0 ? bounded(stored) : SHARE_DEFAULT;
  });
  const put = (next: number) => {
    setShare(bounded(next));
    writeStored(storeKey, bounded(next).toFixed(3));
  };
  const drag = (event: PointerEvent<HTMLElement>) => {
    const area = box.current?.getBoundingClientRect();
    const handle = event.currentTarget;
    if (area === undefined) return;
    event.preventDefault();
    handle.setPointerCapture(event.pointerId);
    const onMove = (e: globalThis.PointerEvent) => put((e.clientY - area.top) / area.height);
    handle.addEventListener("pointermove", onMove);
    handle.addEventListener(
      "lostpointercapture",
      () => handle.removeEventListener("pointermove", onMove),
      { once: true },
    );
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "ArrowUp") put(share - 0.05);
    else if (event.key === "ArrowDown") put(share + 0.05);
    else if (event.key === "Home") put(SHARE_DEFAULT);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <div ref={box} className="flex min-h-0 flex-1 flex-col">
      <div style={{ flexBasis: `${share * 100}%` }} className="min-h-20 shrink-0 overflow-hidden">
        {top}
      </div>
      {/* biome-ignore lint/a11y/useSemanticElements: a rule that can be moved is no <hr>. */}
      <div
        role="separator"
        aria-orientation="horizontal"
        aria-label="Height of the editor"
        aria-valuenow={Math.round(share * 100)}
        aria-valuemin={SHARE_MIN * 100}
        aria-valuemax={SHARE_MAX * 100}
        tabIndex={0}
        onPointerDown={drag}
        onKeyDown={onKeyDown}
        className="h-1.5 shrink-0 cursor-row-resize touch-none border-t border-line hover:bg-accent-soft focus-visible:bg-accent-soft"
      />
      <div className="shrink-0 border-b border-line">{middle}</div>
      <div className="flex min-h-0 flex-1 flex-col overflow-auto">{bottom}</div>
    </div>
  );
}

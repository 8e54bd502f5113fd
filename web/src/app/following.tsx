// following.tsx - a list that follows what comes in, newest first: at its top it moves; scrolled down
// or paused it stands still and says how many have come since. For Live and a topic's records.
import { ArrowUp } from "lucide-react";
import { type ReactNode, type RefObject, useCallback, useRef, useState } from "react";
import { grouped } from "@/lib/numbers";
import { type CalmStore, useStore } from "@/lib/store";
import { Button } from "@/ui/button";
import { cx } from "@/ui/cx";
import { usePause } from "./range";

export interface Following<V> {
  /** What is drawn: the newest view, or the one at which it was told to stand still. */
  view: V;
  /** How many came since. */
  fresh: number;
  paused: boolean;
  /** Goes on, at the top. */
  newest: () => void;
  frame: RefObject<HTMLDivElement | null>;
  onScrolled: (scrolled: boolean) => void;
}

interface Followable {
  /** How many were ever shown. */
  total: number;
  /** Another number is another list: what was held is let go. */
  turn?: number;
}

export function useFollowing<V extends Followable>(store: CalmStore<V>): Following<V> {
  const now = useStore(store);
  const paused = usePause((s) => s.paused);
  const setPaused = usePause((s) => s.setPaused);
  const [scrolled, onScrolled] = useState(false);
  const held = useRef(now);
  if ((!paused && !scrolled) || now.turn !== held.current.turn) held.current = now;
  const frame = useRef<HTMLDivElement>(null);
  const newest = useCallback(() => {
    setPaused(false);
    frame.current?.querySelector("[role=grid]")?.scrollTo({ top: 0 });
  }, [setPaused]);
  const view = held.current;
  return { view, fresh: now.total - view.total, paused, newest, frame, onScrolled };
}

interface FollowFrameProps {
  following: Pick<Following<unknown>, "fresh" | "paused" | "newest" | "frame" | "onScrolled">;
  className?: string;
  /** The grid. */
  children: ReactNode;
}

/** Watches where the grid inside is scrolled to, and shows the way back to the newest. */
export function FollowFrame({ following, className, children }: FollowFrameProps) {
  const { fresh, paused, newest, frame, onScrolled } = following;
  return (
    <div
      ref={frame}
      className={cx("relative flex min-w-0 flex-1 flex-col", className)}
      onScrollCapture={(event) => {
        const grid = event.target as HTMLElement;
        if (grid.role === "grid") onScrolled(grid.scrollTop > 4);
      }}
    >
      {fresh > 0 || paused ? (
        <Button
          variant="primary"
          icon={ArrowUp}
          className="absolute top-10 left-1/2 z-20 -translate-x-1/2 shadow-raised"
          onClick={newest}
        >
          {fresh > 0 ? `${grouped(fresh)} new` : "Paused"} · show newest
        </Button>
      ) : null}
      {children}
    </div>
  );
}

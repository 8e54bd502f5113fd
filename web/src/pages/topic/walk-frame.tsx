// walk-frame.tsx - the frame of a list that a walk fills: how far it is and what can be done about
// it, what went wrong, and reading on when the list is scrolled near its end.
import { RotateCw } from "lucide-react";
import { type ReactNode, useEffect } from "react";
import { grouped } from "@/lib/numbers";
import { useStore } from "@/lib/store";
import { Badge } from "@/ui/badge";
import { Button, Spinner } from "@/ui/button";
import { ErrorCard } from "@/ui/states";
import { KEPT_MAX, type Walk, type WalkView } from "./walk";

const NEAR_PX = 800;

/** Begins it, and lets go of it with the component. */
export function useWalk<R>(walk: Walk<R>): WalkView<R> {
  useEffect(() => {
    void walk.more();
    return () => walk.cancel();
  }, [walk]);
  return useStore(walk);
}

interface WalkFrameProps {
  walk: Walk<unknown>;
  view: WalkView<unknown>;
  /** How many there are and out of what: read out when it changes. */
  status: ReactNode;
  /** Said when all was read. */
  end?: string;
  /** What could not be read, as a sentence. */
  failed: string;
  onRenew: () => void;
  /** The grid. */
  children: ReactNode;
}

export function WalkFrame(props: WalkFrameProps) {
  const { walk, view, status, end, failed, onRenew, children } = props;
  const { state } = view;
  const more = () => void walk.more();
  return (
    <>
      <div className="flex min-h-7 shrink-0 flex-wrap items-center gap-x-3 gap-y-1 text-sm text-muted">
        <span role="status">{status}</span>
        {state === "done" && end !== undefined ? <Badge>{end}</Badge> : null}
        {state === "cancelled" ? <Badge tone="warn">cancelled</Badge> : null}
        {state === "full" ? (
          <Badge tone="warn">
            {grouped(KEPT_MAX)} is what this list holds: narrow it, or use SQL
          </Badge>
        ) : null}
        {state === "cancelled" || state === "resting" ? (
          <Button size="sm" variant="ghost" onClick={more}>
            Read on
          </Button>
        ) : null}
        {state === "reading" ? (
          <>
            <Spinner />
            <Button size="sm" onClick={() => walk.cancel()}>
              Cancel
            </Button>
          </>
        ) : (
          <Button size="sm" variant="ghost" icon={RotateCw} onClick={onRenew}>
            Renew
          </Button>
        )}
      </div>
      {state === "failed" ? <ErrorCard what={failed} error={view.error} retry={more} /> : null}
      <div
        className="flex min-h-64 min-w-0 flex-1 flex-col"
        onScrollCapture={(event) => {
          const grid = event.target as HTMLElement;
          if (grid.role !== "grid" || state !== "resting") return;
          if (grid.scrollHeight - grid.scrollTop - grid.clientHeight < NEAR_PX) more();
        }}
      >
        {children}
      </div>
    </>
  );
}

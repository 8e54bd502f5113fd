// range.ts - the time range of the page: it lives in the address (from, to, tz), so that a link
// shows what its sender saw. Pausing is of the moment and lives here. The zone's default is kept.
import { useNavigate, useRouterState, useSearch } from "@tanstack/react-router";
import { useCallback, useMemo } from "react";
import { create } from "zustand";
import { absolute, isLive, pointText, type Range, rangeFrom, type Span } from "@/lib/range";
import { readStored, writeStored } from "@/lib/stored";
import { isZone, type Zone } from "@/lib/zone";

const ZONE_KEY = "tarn.zone";

interface LiveState {
  /** Views stand still; what streams in is kept. */
  paused: boolean;
  setPaused: (paused: boolean) => void;
  toggle: () => void;
}

export const usePause = create<LiveState>()((set) => ({
  paused: false,
  setPaused: (paused) => set({ paused }),
  toggle: () => set((s) => ({ paused: !s.paused })),
}));

const storedZone = readStored(ZONE_KEY);

export const useZonePreference = create<{ zone: Zone; setZone: (zone: Zone) => void }>()((set) => ({
  zone: storedZone !== null && isZone(storedZone) ? storedZone : "local",
  setZone: (zone) => {
    writeStored(ZONE_KEY, zone === "local" ? null : zone);
    set({ zone });
  },
}));

/** The zone of the address, else the preferred one. */
export function useZone(): Zone {
  const { tz } = useSearch({ strict: false });
  const preferred = useZonePreference((s) => s.zone);
  return tz !== undefined && isZone(tz) ? tz : preferred;
}

/** Prefers a zone. The address says it, too, else one that a link brought would stay. */
export function useChooseZone(): (zone: Zone) => void {
  const navigate = useNavigate();
  const prefer = useZonePreference((s) => s.setZone);
  return useCallback(
    (zone: Zone) => {
      prefer(zone);
      const tz = zone === "local" ? undefined : zone;
      void navigate({ to: ".", search: (old) => ({ ...old, tz }), replace: true });
    },
    [navigate, prefer],
  );
}

/** Pages whose content is that of the range; the others are about now, or about all there is. */
const WITH_RANGE = ["/", "/live", "/analytics"];

export function useHasRange(): boolean {
  return useRouterState({ select: (s) => WITH_RANGE.includes(s.location.pathname) });
}

export interface PageRange {
  range: Range;
  zone: Zone;
  /** The range ends now. Views still stand still while paused. */
  live: boolean;
  paused: boolean;
  /** live and not paused: views move. */
  moving: boolean;
  /** A new step in the history: Back undoes it. */
  setRange: (range: Range) => void;
  /** What a brush over a chart does. */
  setSpan: (span: Span) => void;
  /** Back to the last 15 minutes. */
  reset: () => void;
}

export function useRange(): PageRange {
  const search = useSearch({ strict: false });
  const navigate = useNavigate();
  const zone = useZone();
  const paused = usePause((s) => s.paused);
  const range = useMemo(() => rangeFrom(search.from, search.to), [search.from, search.to]);
  const setRange = useCallback(
    (next: Range) => {
      const from = pointText(next.from);
      const to = pointText(next.to);
      void navigate({ to: ".", search: (old) => ({ ...old, from, to }) });
    },
    [navigate],
  );
  const setSpan = useCallback((span: Span) => setRange(absolute(span)), [setRange]);
  const reset = useCallback(() => {
    void navigate({ to: ".", search: (old) => ({ ...old, from: undefined, to: undefined }) });
  }, [navigate]);
  const live = isLive(range);
  return { range, zone, live, paused, moving: live && !paused, setRange, setSpan, reset };
}

// shell.tsx - the frame around every page: rail, top bar, banners, dialogs, keys. Moving to another
// page takes the focus to its title, so that keyboard and screen reader are where the eye is.
import { Outlet, useNavigate, useRouterState } from "@tanstack/react-router";
import { lazy, Suspense, useEffect, useRef } from "react";
import { queryClient } from "@/api/queries";
import type { Health } from "@/api/types";
import { useChannel, useLiveSession } from "@/api/use-live";
import { shift, zoomOut } from "@/lib/range";
import { Toaster } from "@/ui/toast";
import { TooltipProvider } from "@/ui/tooltip";
import { Banners } from "./banners";
import { KeySheet } from "./key-sheet";
import { isBehindDialog, type KeyCommand, useKeyListener, useKeys } from "./keys";
import { PAGES } from "./nav";
import { Rail, RailSheet } from "./rail";
import { useHasRange, usePause, useRange } from "./range";
import { SignInDialog } from "./sign-in";
import { TopBar } from "./topbar";
import { useUi } from "./ui-state";

const Palette = lazy(() => import("./palette"));

export function Shell() {
  useKeyListener();
  useLiveSession();
  useShellKeys();
  useHealthChannel();
  const path = useRouterState({ select: (s) => s.location.pathname });
  const main = useFocusOnMove();
  const bare = path.endsWith("/login");
  return (
    <TooltipProvider delayDuration={400}>
      <SkipLink />
      <div className="flex h-dvh min-w-0">
        {bare ? null : <Rail />}
        <div className="flex min-w-0 flex-1 flex-col">
          {bare ? null : <TopBar />}
          <Banners />
          <main
            ref={main}
            id="main"
            tabIndex={-1}
            className="min-h-0 flex-1 overflow-auto outline-none"
          >
            <Outlet />
          </main>
        </div>
      </div>
      <RailSheet />
      <KeySheet />
      {bare ? null : <SignInDialog />}
      <PaletteSlot />
      <Toaster />
    </TooltipProvider>
  );
}

/** A button, since with <base> an address of "#main" would lead to another page. */
function SkipLink() {
  return (
    <button
      type="button"
      onClick={() => document.getElementById("main")?.focus()}
      className="sr-only z-50 rounded-md bg-accent px-3 py-2 text-on-accent focus:not-sr-only focus:fixed focus:top-2 focus:left-2"
    >
      Skip to the content
    </button>
  );
}

function PaletteSlot() {
  const open = useUi((s) => s.palette);
  if (!open) return null;
  return (
    <Suspense fallback={null}>
      <Palette />
    </Suspense>
  );
}

/** Once the new page stands there (its code may have had to be fetched). */
function useFocusOnMove() {
  const path = useRouterState({ select: (s) => s.resolvedLocation?.pathname });
  const main = useRef<HTMLElement>(null);
  const before = useRef<string | undefined>(undefined);
  useEffect(() => {
    const moved = before.current !== undefined && before.current !== path;
    before.current = path;
    if (!moved) return;
    const frame = requestAnimationFrame(() => {
      if (isBehindDialog()) return; // opened while the page was on its way
      (document.getElementById("page-title") ?? main.current)?.focus({ preventScroll: true });
    });
    return () => cancelAnimationFrame(frame);
  }, [path]);
  return main;
}

/** Health comes live to whoever asks for it by query; the connection is held by this too. */
function useHealthChannel(): void {
  useChannel<Health>(
    "health",
    {},
    {
      onData: (health) => queryClient.setQueryData(["health"], health),
      onResumed: () => void queryClient.invalidateQueries({ queryKey: ["info"] }),
    },
  );
}

function useShellKeys(): void {
  const navigate = useNavigate();
  const set = useUi((s) => s.set);
  const togglePause = usePause((s) => s.toggle);
  const { range, setRange, reset } = useRange();
  const hasRange = useHasRange();
  const rangeKeys: KeyCommand[] = [
    {
      keys: "t z",
      label: "Zoom out",
      group: "Time range",
      run: () => setRange(zoomOut(range, Date.now())),
    },
    { keys: "t r", label: "Back to the last 15 minutes", group: "Time range", run: reset },
    {
      keys: "[",
      label: "Earlier",
      group: "Time range",
      run: () => setRange(shift(range, -1, Date.now())),
    },
    {
      keys: "]",
      label: "Later",
      group: "Time range",
      run: () => setRange(shift(range, 1, Date.now())),
    },
  ];
  const moves: KeyCommand[] = PAGES.map((page) => ({
    keys: `g ${page.key}`,
    label: page.label,
    group: "Go to",
    run: () => void navigate({ to: page.to }),
  }));
  useKeys([
    ...moves,
    { keys: "ctrl+k", label: "Find or do", group: "Anywhere", run: () => set({ palette: true }) },
    { keys: "?", label: "This sheet", group: "Anywhere", run: () => set({ keySheet: true }) },
    { keys: "p", label: "Pause or resume", group: "Anywhere", run: togglePause },
    { keys: "/", label: "Search on the page", group: "Anywhere", run: focusSearch },
    ...(hasRange ? rangeKeys : []),
  ]);
}

/** The page's search field: <Input type="search">; without one, the palette. */
function focusSearch(): void {
  const field = document.querySelector<HTMLInputElement>("#main input[type=search]");
  if (field === null) useUi.getState().set({ palette: true });
  else field.focus();
}

// topbar.tsx - where one is (server, version), when one looks (range, zone, pause), the palette,
// and whether the live connection holds.
import { useRouterState } from "@tanstack/react-router";
import { Menu as MenuIcon, Moon, Search, Sun } from "lucide-react";
import type { LiveState } from "@/api/live";
import { useInfo } from "@/api/queries";
import { useLiveStatus } from "@/api/use-live";
import { IconButton } from "@/ui/button";
import { cx } from "@/ui/cx";
import { Tooltip } from "@/ui/tooltip";
import { useTheme } from "./theme";
import { TimePicker } from "./time-picker";
import { useUi } from "./ui-state";

/** Pages on which nothing moves by itself; Live has a button of its own, which says it in a word. */
const WITHOUT_PAUSE = ["/settings", "/login", "/sql", "/build", "/live"];

export function TopBar() {
  const set = useUi((s) => s.set);
  const path = useRouterState({ select: (s) => s.location.pathname });
  return (
    <header className="flex h-12 shrink-0 items-center gap-2 border-b border-line bg-panel px-2 md:px-4">
      <IconButton
        icon={MenuIcon}
        label="Pages"
        className="md:hidden"
        onClick={() => set({ railSheet: true })}
      />
      <Server />
      <div className="flex-1" />
      {path === "/login" ? null : <TimePicker canPause={!WITHOUT_PAUSE.includes(path)} />}
      <PaletteButton />
      <ThemeButton />
      <ConnectionLight />
    </header>
  );
}

function Server() {
  const info = useInfo();
  return (
    <div className="hidden min-w-0 items-baseline gap-2 text-sm lg:flex">
      <span className="truncate font-medium">{window.location.host}</span>
      {info.data ? <span className="text-xs text-muted">{info.data.version}</span> : null}
    </div>
  );
}

function PaletteButton() {
  const set = useUi((s) => s.set);
  return (
    <button
      type="button"
      onClick={() => set({ palette: true })}
      className="flex h-8 items-center gap-2 rounded-md border border-line bg-panel px-2 text-sm text-muted hover:bg-hover"
    >
      <Search aria-hidden="true" className="size-4" />
      <span className="hidden xl:inline">Find or do</span>
      <span className="sr-only xl:hidden">Find or do</span>
      <kbd className="hidden font-mono text-xs xl:inline">Ctrl K</kbd>
    </button>
  );
}

function ThemeButton() {
  const theme = useTheme((s) => s.theme);
  const choose = useTheme((s) => s.choose);
  return (
    <IconButton
      icon={theme === "dark" ? Sun : Moon}
      label={theme === "dark" ? "Light theme" : "Dark theme"}
      className="hidden sm:inline-flex"
      onClick={() => choose(theme === "dark" ? "light" : "dark")}
    />
  );
}

const LIGHTS: Record<LiveState, { text: string; tone: string }> = {
  idle: { text: "Not connected", tone: "text-muted" },
  connecting: { text: "Connecting", tone: "text-muted" },
  open: { text: "Live", tone: "text-ok" },
  stale: { text: "Stale", tone: "text-warn" },
  lost: { text: "Lost", tone: "text-error" },
};

function ConnectionLight() {
  const { state, transport } = useLiveStatus();
  const { text, tone } = LIGHTS[state];
  const how = transport === "sse" ? "by event stream" : "by WebSocket";
  return (
    <Tooltip text={state === "open" ? `Live connection ${how}` : `Live connection: ${text}`}>
      <button
        type="button"
        aria-label={`Live connection: ${text}`}
        className={cx("flex h-8 items-center gap-1.5 rounded-md px-1.5 text-xs font-medium", tone)}
      >
        <span
          aria-hidden="true"
          className={cx(
            "size-2 rounded-full border-2 border-current",
            state === "open" && "bg-current",
          )}
        />
        <span className="hidden sm:inline">{text}</span>
      </button>
    </Tooltip>
  );
}

// banners.tsx - news about the whole place, above every page: live updates lost, a newer page at
// the server, disk full or read-only.
import { CircleAlert, Info, RefreshCw, TriangleAlert } from "lucide-react";
import { type ReactNode, useEffect, useState } from "react";
import { live } from "@/api/live";
import { useHealth, useInfo } from "@/api/queries";
import { useLiveStatus } from "@/api/use-live";
import { Button } from "@/ui/button";
import { cx } from "@/ui/cx";

interface BannerProps {
  tone: "warn" | "error" | "info";
  children: ReactNode;
  action?: ReactNode;
}

const LOOK = {
  warn: { box: "bg-warn-soft text-warn", icon: TriangleAlert },
  error: { box: "bg-error-soft text-error", icon: CircleAlert },
  info: { box: "bg-info-soft text-info", icon: Info },
};

function Banner({ tone, children, action }: BannerProps) {
  const { box, icon: Icon } = LOOK[tone];
  return (
    <div
      className={cx(
        "flex shrink-0 flex-wrap items-center gap-x-2 gap-y-1 border-b border-line px-4 py-1.5 text-sm",
        box,
      )}
    >
      <Icon aria-hidden="true" className="size-4 shrink-0" />
      <span className="min-w-0 flex-1">{children}</span>
      {action}
    </div>
  );
}

export function Banners() {
  return (
    <div role="status" aria-live="polite" className="contents">
      <LostBanner />
      <BuildBanner />
      <HealthBanner />
    </div>
  );
}

const QUIET_MS = 1500;

/** Only a loss that lasts is worth a bar: a reconnect within a moment passes unseen. */
function LostBanner() {
  const { state, lostAtMs, retryAtMs } = useLiveStatus();
  const away = state !== "open" && lostAtMs !== undefined;
  const nowMs = useNow(away);
  if (!away || nowMs - lostAtMs < QUIET_MS) return null;
  const since = Math.max(0, Math.round((nowMs - lostAtMs) / 1000));
  const rest = retryAtMs === undefined ? 0 : Math.max(0, Math.ceil((retryAtMs - nowMs) / 1000));
  return (
    <Banner
      tone="warn"
      action={
        state === "lost" ? (
          <Button size="sm" icon={RefreshCw} onClick={live.retryNow}>
            Retry now
          </Button>
        ) : null
      }
    >
      {state === "stale" ? "The server has gone quiet" : "Live updates lost"}{" "}
      <span aria-hidden="true">
        {since} s ago
        {state === "lost" && rest > 0 ? `, retrying in ${rest} s` : ""}
        {state === "connecting" ? ", connecting" : ""}
      </span>
      . Figures on this page may be old.
    </Banner>
  );
}

function useNow(active: boolean): number {
  const [nowMs, setNowMs] = useState(() => Date.now());
  useEffect(() => {
    if (!active) return;
    setNowMs(Date.now());
    const timer = window.setInterval(() => setNowMs(Date.now()), 1000);
    return () => window.clearInterval(timer);
  }, [active]);
  return nowMs;
}

let firstBuild: string | undefined;

/** Offers the newer page; never forces it over a draft. */
function BuildBanner() {
  const info = useInfo();
  const { build } = useLiveStatus();
  const current = build ?? info.data?.build;
  firstBuild ??= info.data?.build ?? build;
  if (current === undefined || current === firstBuild) return null;
  return (
    <Banner
      tone="info"
      action={
        <Button size="sm" icon={RefreshCw} onClick={() => window.location.reload()}>
          Reload
        </Button>
      }
    >
      The server has a newer version of this console.
    </Banner>
  );
}

/** States that change what can be done everywhere: the log or the disk take no more. */
function HealthBanner() {
  const health = useHealth();
  const find = (name: string) =>
    health.data?.components.find((c) => c.component === name && c.state !== "ok");
  const log = find("log");
  const disk = find("disk");
  if (log?.state === "failed") {
    return (
      <Banner tone="error">Events cannot be stored: {log.reason}. Queries go on working.</Banner>
    );
  }
  if (disk === undefined) return null;
  return <Banner tone="warn">The disk is nearly full: {disk.reason}.</Banner>;
}

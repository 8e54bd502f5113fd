// badge.tsx - small marks. A state is an icon and a word, never colour alone.
import {
  Ban,
  CircleAlert,
  CircleCheck,
  CircleDashed,
  CirclePause,
  CircleX,
  Info,
  LoaderCircle,
  type LucideIcon,
} from "lucide-react";
import type { ReactNode } from "react";
import { cx } from "./cx";

export type Tone = "neutral" | "ok" | "warn" | "error" | "info" | "accent";

const TONES: Record<Tone, string> = {
  neutral: "bg-sunken text-muted",
  ok: "bg-ok-soft text-ok",
  warn: "bg-warn-soft text-warn",
  error: "bg-error-soft text-error",
  info: "bg-info-soft text-info",
  accent: "bg-accent-soft text-accent",
};

interface BadgeProps {
  tone?: Tone;
  icon?: LucideIcon;
  title?: string;
  className?: string;
  children: ReactNode;
}

export function Badge({ tone = "neutral", icon: Icon, title, className, children }: BadgeProps) {
  return (
    <span
      title={title}
      className={cx(
        "inline-flex h-5 max-w-full items-center align-middle gap-1 rounded px-1.5 text-xs font-medium whitespace-nowrap",
        TONES[tone],
        className,
      )}
    >
      {Icon ? <Icon aria-hidden="true" className="size-3.5 shrink-0" /> : null}
      <span className="truncate">{children}</span>
    </span>
  );
}

const STATES: Record<string, { tone: Tone; icon: LucideIcon }> = {
  ok: { tone: "ok", icon: CircleCheck },
  done: { tone: "ok", icon: CircleCheck },
  running: { tone: "ok", icon: LoaderCircle },
  finished: { tone: "neutral", icon: CircleCheck },
  stopped: { tone: "neutral", icon: CirclePause },
  starting: { tone: "neutral", icon: CircleDashed },
  waiting: { tone: "neutral", icon: CircleDashed },
  slowed: { tone: "warn", icon: CircleAlert },
  degraded: { tone: "warn", icon: CircleAlert },
  stale: { tone: "warn", icon: CircleAlert },
  provisional: { tone: "info", icon: Info },
  cancelling: { tone: "warn", icon: Ban },
  cancelled: { tone: "neutral", icon: Ban },
  failed: { tone: "error", icon: CircleX },
  clash: { tone: "warn", icon: CircleAlert },
  unreadable: { tone: "error", icon: CircleX },
  damaged: { tone: "error", icon: CircleX },
};

interface StateBadgeProps {
  /** A state word of the API: ok, degraded, failed, running, stopped, slowed, … Unknown words are
   * shown as they are. */
  state: string;
  /** Shown instead of the state's own word. */
  label?: string;
  /** Why: as a title. */
  reason?: string;
  className?: string;
}

export function StateBadge({ state, label, reason, className }: StateBadgeProps) {
  const { tone, icon } = STATES[state] ?? { tone: "neutral" as const, icon: CircleDashed };
  return (
    <Badge tone={tone} icon={icon} title={reason} className={className}>
      {label ?? state}
    </Badge>
  );
}

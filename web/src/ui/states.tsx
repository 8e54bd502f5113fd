// states.tsx - what stands in the place of data: still loading, none there, failed. Each says why
// and what to do next; the rest of the page goes on working.
import { CircleAlert, Inbox, type LucideIcon, RotateCw } from "lucide-react";
import { type ReactNode, useEffect, useState } from "react";
import { isProblem, messageOf } from "@/api/problem";
import { forServer } from "@/lib/terminal";
import { Button } from "./button";
import { CodeBlock, CopyButton } from "./copy";
import { cx } from "./cx";

interface EmptyStateProps {
  title: string;
  /** Why there is nothing: none at all, or hidden by filters. */
  reason?: ReactNode;
  icon?: LucideIcon;
  /** The one primary action. */
  action?: ReactNode;
  /** The same as a command to copy; one of `tarn` is told this server. */
  command?: string;
  className?: string;
}

export function EmptyState(props: EmptyStateProps) {
  const { title, reason, icon: Icon = Inbox, action, command, className } = props;
  return (
    <div
      className={cx(
        "mx-auto flex w-full max-w-xl flex-col items-center gap-3 px-4 py-10 text-center",
        className,
      )}
    >
      <Icon aria-hidden="true" className="size-8 text-muted" strokeWidth={1.5} />
      <div>
        <p className="text-base font-semibold">{title}</p>
        {reason ? <p className="mt-1 text-sm text-muted">{reason}</p> : null}
      </div>
      {action}
      {command ? (
        <div className="w-full text-left">
          <CodeBlock text={forServer(command)} label="The same in a terminal" />
        </div>
      ) : null}
    </div>
  );
}

interface ErrorCardProps {
  /** What did not work, as a sentence of the page: "The topics could not be loaded." */
  what: string;
  error: unknown;
  retry?: () => void;
  className?: string;
}

function details(error: unknown): string {
  if (!isProblem(error))
    return error instanceof Error ? (error.stack ?? error.message) : String(error);
  const { request } = error;
  const lines = [
    `${error.status} ${error.code}: ${error.title}`,
    error.message,
    request ? `${request.method} ${request.url}` : "",
    new Date().toISOString(),
  ];
  return lines.filter((line) => line !== "").join("\n");
}

export function ErrorCard({ what, error, retry, className }: ErrorCardProps) {
  return (
    <div
      role="alert"
      className={cx(
        "flex min-w-0 gap-3 rounded-lg border border-error/50 bg-error-soft p-3 text-sm",
        className,
      )}
    >
      <CircleAlert aria-hidden="true" className="mt-0.5 size-4 shrink-0 text-error" />
      <div className="min-w-0 flex-1">
        <p className="font-medium">{what}</p>
        <p className="mt-0.5 break-words">{messageOf(error)}</p>
        {isProblem(error) ? (
          <p className="mt-0.5 font-mono text-xs text-muted">
            {error.code}
            {error.status > 0 ? ` · ${error.status}` : ""}
          </p>
        ) : null}
        <div className="mt-2 flex flex-wrap gap-2">
          {retry ? (
            <Button size="sm" icon={RotateCw} onClick={retry}>
              Retry
            </Button>
          ) : null}
          <CopyButton text={() => details(error)} label="Copy details" showLabel />
        </div>
      </div>
    </div>
  );
}

/** True once `ms` have passed: what is quick shows no placeholder at all. */
export function useDelayed(ms = 150): boolean {
  const [past, setPast] = useState(false);
  useEffect(() => {
    const timer = window.setTimeout(() => setPast(true), ms);
    return () => window.clearTimeout(timer);
  }, [ms]);
  return past;
}

interface SkeletonProps {
  lines?: number;
  /** Read out instead of the grey bars. */
  label?: string;
  className?: string;
}

/** Grey bars after 150 ms. Their place is taken from the start, so that nothing shifts. */
export function Skeleton({ lines = 3, label = "Loading", className }: SkeletonProps) {
  const visible = useDelayed();
  return (
    <div role="status" className={cx("flex flex-col gap-2", className)}>
      <span className="sr-only">{label}</span>
      {Array.from({ length: lines }, (_, i) => (
        <span
          // biome-ignore lint/suspicious/noArrayIndexKey: bars are all alike.
          key={i}
          className={cx("h-4 rounded", visible && "animate-pulse bg-hover")}
          style={{ width: `${[92, 78, 85, 64][i % 4]}%` }}
        />
      ))}
    </div>
  );
}

interface LoadedProps<T> {
  /** A result of useQuery. */
  query: {
    data: T | undefined;
    error: Error | null;
    isPending: boolean;
    refetch: () => unknown;
  };
  /** "The topics could not be loaded." */
  what: string;
  lines?: number;
  children: (data: T) => ReactNode;
}

/** The three states of a query around its content; data that is there stays when a renewal fails. */
export function Loaded<T>({ query, what, lines = 6, children }: LoadedProps<T>) {
  if (query.data !== undefined) return <>{children(query.data)}</>;
  if (query.error !== null) {
    return <ErrorCard what={what} error={query.error} retry={() => void query.refetch()} />;
  }
  return <Skeleton lines={lines} />;
}

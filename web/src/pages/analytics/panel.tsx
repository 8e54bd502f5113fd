// panel.tsx - the frame of one answer: it loads, fails and is empty by itself, and its SQL can be
// seen, copied and taken along.
import { Link } from "@tanstack/react-router";
import { Code, SquareTerminal } from "lucide-react";
import type { ReactNode } from "react";
import { Button, ButtonLike, IconButton } from "@/ui/button";
import { Card } from "@/ui/card";
import { CodeBlock, CopyAsCurl } from "@/ui/copy";
import { cx } from "@/ui/cx";
import { Popover } from "@/ui/popover";
import { ErrorCard, Skeleton } from "@/ui/states";
import { type Asked, askPlan } from "./use-ask";

interface PanelProps<T> {
  title: string;
  note?: ReactNode;
  actions?: ReactNode;
  sql: string | null;
  asked: Asked<T>;
  /** Said in the place of the answer, where there is nothing to ask or to show. */
  empty?: ReactNode;
  isEmpty?: (data: T) => boolean;
  /** Of the skeleton. */
  lines?: number;
  flush?: boolean;
  className?: string;
  children: (data: T) => ReactNode;
}

export function Panel<T>(props: PanelProps<T>) {
  const { title, note, actions, sql, asked, flush, className } = props;
  return (
    <Card
      title={title}
      note={note}
      flush={flush ?? false}
      className={className ?? ""}
      actions={
        <>
          {actions}
          {sql === null ? null : <SqlButton title={title} sql={sql} />}
        </>
      }
    >
      <Content {...props} asked={asked} />
    </Card>
  );
}

function Content<T>({
  title,
  sql,
  asked,
  empty,
  isEmpty,
  lines = 5,
  flush,
  children,
}: PanelProps<T>) {
  const inset = flush ? "px-3 pb-3" : "";
  if (sql === null) return <div className={cx("text-sm text-muted", inset)}>{empty}</div>;
  if (asked.error !== null) {
    return (
      <ErrorCard
        className={flush ? "m-3 mt-0" : ""}
        what={`${title}: the tables gave no answer.`}
        error={asked.error}
        retry={asked.retry}
      />
    );
  }
  if (asked.data === undefined) return <Skeleton lines={lines} className={inset} />;
  if (isEmpty?.(asked.data)) {
    return <div className={cx("text-sm text-muted", inset)}>{empty}</div>;
  }
  return (
    <div aria-busy={asked.isStale} className={cx(asked.isStale && "opacity-50")}>
      {children(asked.data)}
    </div>
  );
}

export function SqlButton({ title, sql }: { title: string; sql: string }) {
  return (
    <Popover
      label={`SQL of ${title}`}
      className="w-[min(40rem,calc(100vw-1rem))]"
      trigger={<IconButton icon={Code} label={`Show the SQL of ${title}`} size="sm" />}
    >
      <div className="flex flex-col gap-2">
        <div className="max-h-80 overflow-auto">
          <CodeBlock text={sql} />
        </div>
        <div className="flex flex-wrap justify-end gap-2">
          <CopyAsCurl plan={askPlan(sql)} showLabel />
          <Link to="/sql" search={{ q: sql }} className={ButtonLike({ size: "sm" })}>
            <SquareTerminal aria-hidden="true" className="size-4" /> Open in SQL
          </Link>
        </div>
      </div>
    </Popover>
  );
}

/** "Show more" under a list that was cut. */
export function More({ onClick, label }: { onClick: () => void; label: string }) {
  return (
    <Button size="sm" variant="ghost" onClick={onClick}>
      {label}
    </Button>
  );
}

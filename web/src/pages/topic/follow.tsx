// follow.tsx - the records of one topic as they come: the channel `events`, kept in a ring of the
// newest 2,000. Partition and key are judged here, text by the server. Scrolled down or paused it
// stands still and says how many have come since; what was thinned or dropped is said.
import { Square } from "lucide-react";
import { type ReactNode, useState } from "react";
import { type EventsFrame, inTimeOrder } from "@/api/events";
import type { EventRecord } from "@/api/types";
import { useChannel } from "@/api/use-live";
import { FollowFrame, useFollowing } from "@/app/following";
import { compact, count, grouped } from "@/lib/numbers";
import { Ring } from "@/lib/ring";
import { CalmStore } from "@/lib/store";
import { Badge } from "@/ui/badge";
import { Button } from "@/ui/button";
import { EmptyState } from "@/ui/states";

interface View {
  records: readonly EventRecord[];
  /** How many were ever shown. */
  total: number;
  hidden: number;
}

const KEPT = 2000;

function isCut(value: unknown): value is { truncated: true; bytes: number } {
  if (typeof value !== "object" || value === null) return false;
  const names = Object.keys(value);
  return names.length === 2 && names[0] === "truncated" && names[1] === "bytes";
}

class FollowStore extends CalmStore<View> {
  readonly #ring = new Ring<EventRecord>(KEPT);
  #hidden = 0;

  constructor() {
    super(100);
  }

  take(frame: EventsFrame, wanted: (record: EventRecord) => boolean): void {
    this.#hidden += frame.thinned ?? 0;
    for (const record of inTimeOrder(frame)) {
      if (!wanted(record)) continue;
      const { value } = record;
      // All of it is loaded when the record is opened.
      this.#ring.push(
        isCut(value) ? { ...record, value: "", truncated: true, bytes: value.bytes } : record,
      );
    }
    this.changed();
  }

  drop(dropped: number): void {
    this.#hidden += dropped;
    this.changed();
  }

  clear(): void {
    this.#ring.clear();
    this.changed();
  }

  protected makeSnapshot(): View {
    return {
      records: this.#ring.toArray().reverse(),
      total: this.#ring.total,
      hidden: this.#hidden,
    };
  }
}

interface FollowedProps {
  topic: string;
  partition: number | undefined;
  recordKey: string | undefined;
  text: string | undefined;
  list: (records: readonly EventRecord[], empty: ReactNode) => ReactNode;
  onStop: () => void;
}

export function Followed(props: FollowedProps) {
  // Another question begins with an empty list.
  const { topic, partition, recordKey, text } = props;
  return <Stream key={JSON.stringify([topic, partition, recordKey, text])} {...props} />;
}

function Stream({ topic, partition, recordKey, text, list, onStop }: FollowedProps) {
  const [store] = useState(() => new FollowStore());
  const [failure, setFailure] = useState<string | null>(null);
  useChannel<EventsFrame>(
    "events",
    { topics: [topic], filter: text === undefined ? {} : { text }, rate_max: 200, last: 100 },
    {
      onData: (data) =>
        store.take(
          data,
          (record) =>
            (partition === undefined || record.partition === partition) &&
            (recordKey === undefined || record.key === recordKey),
        ),
      onDropped: (dropped) => store.drop(dropped),
      onError: (_code, detail) => setFailure(detail),
      onResumed: () => store.clear(),
    },
  );
  const following = useFollowing(store);
  const { view } = following;
  return (
    <>
      <div className="flex min-h-7 shrink-0 flex-wrap items-center gap-x-3 gap-y-1 text-sm text-muted">
        <span>
          {count(view.records.length, "record")}, newest first, of the last {grouped(KEPT)}
        </span>
        {view.hidden > 0 ? (
          <Badge tone="warn">{compact(view.hidden)} not shown: too many a second</Badge>
        ) : null}
        <Button size="sm" icon={Square} onClick={onStop}>
          Stop following
        </Button>
      </div>
      {failure === null ? null : (
        <p role="alert" className="rounded-md bg-error-soft px-3 py-2 text-sm text-error">
          {failure}
        </p>
      )}
      <FollowFrame following={following} className="min-h-64">
        {list(
          view.records,
          <EmptyState
            title="Waiting for records"
            reason="They appear here milliseconds after they were acknowledged."
          />,
        )}
      </FollowFrame>
    </>
  );
}

// detail.tsx - one event beside the list: all of it, where it lies, and what to look for next.
import { Link } from "@tanstack/react-router";
import { Filter } from "lucide-react";
import { useZone } from "@/app/range";
import { FACETS, type Facet } from "@/filters/facets";
import type { FilterName } from "@/filters/use-filters";
import { formatJson } from "@/lib/json";
import { grouped } from "@/lib/numbers";
import { Button } from "@/ui/button";
import { CopyAsCurl, CopyButton } from "@/ui/copy";
import { Drawer } from "@/ui/dialog";
import { Instant } from "@/ui/instant";
import { JsonTree } from "@/ui/json-tree";
import { KeyValue } from "@/ui/keyvalue";
import type { LiveEvent } from "./event";

interface DetailProps {
  event: LiveEvent | null;
  onClose: () => void;
  /** Show only events with this value. */
  onFilter: (name: FilterName, value: string) => void;
}

export function EventDetail({ event, onClose, onFilter }: DetailProps) {
  return (
    <Drawer
      open={event !== null}
      onClose={onClose}
      title="Event"
      description={event === null ? undefined : `${event.topic}, partition ${event.partition}`}
      footer={event === null ? null : <Actions event={event} />}
    >
      {event === null ? null : <Content event={event} onFilter={onFilter} />}
    </Drawer>
  );
}

function Actions({ event }: { event: LiveEvent }) {
  return (
    <>
      <CopyAsCurl
        showLabel
        plan={{
          method: "GET",
          path: `api/v1/topics/${encodeURIComponent(event.topic)}/records`,
          query: { partition: event.partition, offset: event.offset, limit: 1 },
        }}
      />
      <CopyButton text={() => formatJson(event.value)} label="Copy JSON" showLabel />
    </>
  );
}

function Content({ event, onFilter }: { event: LiveEvent; onFilter: DetailProps["onFilter"] }) {
  const zone = useZone();
  return (
    <div className="flex flex-col gap-4">
      <KeyValue
        items={[
          [
            "Topic",
            <Link
              key="topic"
              to="/topics/$name"
              params={{ name: event.topic }}
              className="break-all text-accent hover:underline"
            >
              {event.topic}
            </Link>,
          ],
          ["Partition", String(event.partition)],
          ["Offset", grouped(event.offset)],
          ["Stored", <Instant key="stored" at={event.ms} zone={zone} form="millis" />],
          ["Key", event.key ?? <span className="text-muted">none</span>],
        ]}
      />
      <div className="flex flex-wrap gap-1.5">
        <OnlyThis name="topic" value={event.topic} onFilter={onFilter} />
        {FACETS.map((facet: Facet) => {
          const value = event.facets[facet];
          return value === undefined ? null : (
            <OnlyThis key={facet} name={facet} value={value} onFilter={onFilter} />
          );
        })}
      </div>
      <JsonTree value={event.value} depth={3} />
    </div>
  );
}

interface OnlyThisProps {
  name: FilterName;
  value: string;
  onFilter: DetailProps["onFilter"];
}

function OnlyThis({ name, value, onFilter }: OnlyThisProps) {
  return (
    <Button
      size="sm"
      icon={Filter}
      className="max-w-full"
      onClick={() => onFilter(name, value)}
      aria-label={`Only ${name} ${value}`}
    >
      <span className="truncate">
        {name}: {value}
      </span>
    </Button>
  );
}

// samples.tsx - what the producer sends, a few a second, newest first; one opens beside the list.
import { useMemo, useState } from "react";
import type { Producer } from "@/api/types";
import { usePause, useZone } from "@/app/range";
import { formatTime } from "@/lib/zone";
import { StateBadge } from "@/ui/badge";
import { Card } from "@/ui/card";
import { CodeBlock } from "@/ui/copy";
import { Drawer } from "@/ui/dialog";
import { type GridColumn, VirtualGrid } from "@/ui/grid";
import { Instant } from "@/ui/instant";
import { JsonTree } from "@/ui/json-tree";
import { EmptyState } from "@/ui/states";
import { type Sample, useSamples } from "./sample-feed";

export function Samples({ producer, running }: { producer: Producer; running: boolean }) {
  const paused = usePause((s) => s.paused);
  const zone = useZone();
  const view = useSamples(producer.name, running && !paused);
  const [open, setOpen] = useState<Sample | null>(null);
  const columns = useMemo<GridColumn<Sample>[]>(
    () => [
      {
        id: "at",
        header: "Sent",
        width: 116,
        value: (sample) => sample.ms,
        cell: ({ ms }) => <Instant at={ms} zone={zone} form="timeMillis" />,
      },
      {
        id: "event",
        header: "Event",
        width: 280,
        grow: true,
        value: (sample) => sample.line,
        cell: ({ line }) => <bdi className="font-mono text-xs">{line}</bdi>,
      },
    ],
    [zone],
  );
  return (
    <Card
      title="What it sends"
      note={
        view.state === "lost" ? (
          <StateBadge state="stale" label="lost, trying again" />
        ) : view.state === "closed" ? (
          paused ? (
            "paused"
          ) : (
            "stopped"
          )
        ) : (
          "a few a second"
        )
      }
      flush
    >
      <div className="px-3 pb-3">
        <VirtualGrid
          label={`Events of ${producer.name}, newest first`}
          columns={columns}
          rows={view.samples}
          rowHeight={26}
          openOnClick
          onOpen={setOpen}
          openIndex={open === null ? null : view.samples.findIndex((s) => s.n === open.n)}
          className="h-72"
          empty={
            <EmptyState
              title={running ? "Waiting for an event" : "Nothing is sent now"}
              reason={running ? "One shows as soon as it is sent." : "Start the producer to see."}
              className="py-4"
            />
          }
        />
      </div>
      <Drawer
        open={open !== null}
        onClose={() => setOpen(null)}
        title="Event"
        description={open === null ? undefined : `sent ${formatTime(open.ms, zone, "millis")}`}
      >
        {open === null ? null : typeof open.value === "string" ? (
          <CodeBlock text={open.value} wrap />
        ) : (
          <JsonTree value={open.value} depth={3} />
        )}
      </Drawer>
    </Card>
  );
}

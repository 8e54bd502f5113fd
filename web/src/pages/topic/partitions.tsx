// partitions.tsx - the tab Partitions: what each partition's log holds and how far the table has
// come; and letting go of a damaged stretch, with what exactly is lost.
import { Wrench } from "lucide-react";
import { useMemo, useState } from "react";
import { api, path } from "@/api/client";
import { invalidate } from "@/api/queries";
import type { Partition, Topic } from "@/api/types";
import { bytes, count, grouped } from "@/lib/numbers";
import { StateBadge } from "@/ui/badge";
import { Button } from "@/ui/button";
import { ConfirmDialog } from "@/ui/dialog";
import { type GridColumn, VirtualGrid } from "@/ui/grid";
import { toast } from "@/ui/toast";

function behind({ end, committed }: Partition): number | null {
  return committed === undefined ? null : Math.max(0, end - committed);
}

function columnsOf(onRepair: (partition: Partition) => void): GridColumn<Partition>[] {
  const number = (
    id: string,
    header: string,
    value: (partition: Partition) => number | null | undefined,
  ): GridColumn<Partition> => ({
    id,
    header,
    width: 100,
    align: "right",
    value,
    cell: (partition) => grouped(value(partition)),
  });
  return [
    { id: "partition", header: "Partition", width: 84, align: "right", value: (p) => p.partition },
    {
      id: "state",
      header: "State",
      width: 140,
      value: (p) => p.state,
      cell: (p) => (
        <StateBadge
          state={p.state === "waiting_for_space" ? "waiting" : p.state}
          label={p.state === "waiting_for_space" ? "waiting for space" : undefined}
          reason={p.reason}
        />
      ),
    },
    number("start", "First", (p) => p.start),
    number("end", "Next", (p) => p.end),
    number("records", "Records", (p) => p.end - p.start),
    {
      id: "bytes",
      header: "Size",
      width: 100,
      align: "right",
      value: (p) => p.bytes,
      cell: (p) => bytes(p.bytes),
    },
    number("committed", "Landed to", (p) => p.committed),
    number("lag", "Not landed", behind),
    number("dead", "Dead to", (p) => p.dead_next),
    {
      id: "action",
      header: "Reason",
      width: 200,
      grow: true,
      sortable: false,
      value: (p) => p.reason ?? "",
      cell: (p) =>
        p.state === "ok" ? null : (
          <span className="flex items-center gap-2">
            {p.state === "damaged" ? (
              <Button
                size="sm"
                variant="danger"
                icon={Wrench}
                className="h-6"
                onClick={() => onRepair(p)}
              >
                Repair
              </Button>
            ) : null}
            <span className="truncate" title={p.reason}>
              {p.reason}
            </span>
          </span>
        ),
    },
  ];
}

export function PartitionsTab({ topic }: { topic: Topic }) {
  const [repair, setRepair] = useState<Partition | null>(null);
  const columns = useMemo(() => columnsOf(setRepair), []);
  const gaps = topic.gaps ?? [];
  return (
    <>
      <VirtualGrid label="Partitions" columns={columns} rows={topic.partition_list ?? []} />
      {gaps.length > 0 ? (
        <p className="text-sm text-muted">
          Let go by a repair:{" "}
          {gaps
            .map(
              (gap) =>
                `partition ${gap.partition ?? 0}, offsets ${grouped(gap.from)} to ${grouped((gap.next ?? 1) - 1)}`,
            )
            .join("; ")}
          .
        </p>
      ) : null}
      <ConfirmDialog
        open={repair !== null}
        onClose={() => setRepair(null)}
        title={`Repair partition ${repair?.partition ?? ""}`}
        action="Let go of the damaged stretch"
        typedName={topic.name}
        onConfirm={async () => {
          const answer = await api.post<{ lost_offsets: number }>(
            path`api/v1/topics/${topic.name}/partitions/${repair?.partition ?? 0}/repair`,
          );
          await invalidate("topics");
          toast(
            answer.lost_offsets > 0
              ? `Repaired: ${count(answer.lost_offsets, "record")} lost`
              : "Repaired: nothing was lost",
          );
        }}
      >
        <p>
          The log of this partition cannot be read from some place on: {repair?.reason ?? "damaged"}
          . A repair lets go of what cannot be read, and of nothing else.
        </p>
        <ul className="mt-2 list-disc pl-5">
          <li>
            Records in the damaged stretch that have not landed in the table are lost for good.
          </li>
          <li>
            {repair === null ? null : behind(repair) === null ? (
              "How many have landed is not known now."
            ) : (
              <>
                {count(behind(repair) ?? 0, "record")} of this partition have not landed: at most
                these.
              </>
            )}
          </li>
          <li>What has landed stays in the table. The partition takes events again.</li>
          <li>Consider a copy of the data folder before.</li>
        </ul>
      </ConfirmDialog>
    </>
  );
}

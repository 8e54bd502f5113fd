// record-drawer.tsx - one record beside the list: all of it, where it lies in the log and in the
// table.
import { useQuery } from "@tanstack/react-query";
import { Download } from "lucide-react";
import { useState } from "react";
import { api, path, type RequestPlan, send } from "@/api/client";
import { isProblem } from "@/api/problem";
import type { EventRecord, Records, Topic } from "@/api/types";
import { useZone } from "@/app/range";
import { formatJson } from "@/lib/json";
import { bytes, grouped } from "@/lib/numbers";
import { saveAs } from "@/stream/save";
import { Button } from "@/ui/button";
import { CodeBlock, CopyButton } from "@/ui/copy";
import { Instant } from "@/ui/instant";
import { JsonTree } from "@/ui/json-tree";
import { KeyValue } from "@/ui/keyvalue";
import { EmptyState, Loaded } from "@/ui/states";
import { PlaceDrawer, type PlaceProps } from "./place";

/** More of a value is loaded only when asked for. */
const FIRST_BYTES = 20_000;
/** More of a value is not drawn, only downloaded. */
const SHOWN_BYTES_MAX = 2 << 20;

function planOf({ topic, partition, offset }: PlaceProps): RequestPlan {
  return {
    method: "GET",
    path: path`api/v1/topics/${topic.name}/records`,
    query: { partition, offset, limit: 1 },
  };
}

interface RecordDrawerProps {
  topic: Topic;
  /** PARTITION:OFFSET */
  open: string | null;
  onClose: () => void;
}

export function RecordDrawer({ topic, open, onClose }: RecordDrawerProps) {
  return (
    <PlaceDrawer
      title="Record"
      topic={topic}
      table={topic.table}
      open={open}
      onClose={onClose}
      planOf={planOf}
    >
      {(place) => <Content key={open} {...place} />}
    </PlaceDrawer>
  );
}

function Content({ topic, partition, offset }: PlaceProps) {
  const [whole, setWhole] = useState(false);
  const plan = planOf({ topic, partition, offset });
  const record = useQuery({
    queryKey: ["record", topic.uuid, partition, offset, whole],
    queryFn: async ({ signal }) => {
      const cut = whole ? {} : { value_bytes: FIRST_BYTES };
      const page = await api.get<Records>(plan.path, { query: { ...plan.query, ...cut }, signal });
      const first = page.records[0];
      return first !== undefined && String(first.offset) === offset ? first : null;
    },
    staleTime: Number.POSITIVE_INFINITY,
    placeholderData: (before) => before,
  });
  if (isProblem(record.error, "offset_out_of_range")) {
    return (
      <EmptyState
        title="No longer in the log"
        reason={`${record.error.message}. Retention lets old records go; what has landed is in the table.`}
      />
    );
  }
  return (
    <Loaded query={record} what="The record could not be loaded.">
      {(data) =>
        data === null ? (
          <EmptyState
            title="Nothing at this offset"
            reason="It has not been written yet, or was let go by a repair."
          />
        ) : (
          <Shown
            record={data}
            busy={record.isFetching}
            onWhole={() => setWhole(true)}
            onDownload={async () => {
              const text = await (await send(plan)).text();
              saveAs(`${topic.name}-${partition}-${offset}.json`, text);
            }}
          />
        )
      }
    </Loaded>
  );
}

interface ShownProps {
  record: EventRecord;
  busy: boolean;
  onWhole: () => void;
  onDownload: () => Promise<void>;
}

function Shown({ record, busy, onWhole, onDownload }: ShownProps) {
  const zone = useZone();
  const { value, key, truncated, headers } = record;
  const size = record.bytes ?? 0;
  return (
    <div className="flex flex-col gap-4">
      <KeyValue
        items={[
          ["Stored", <Instant key="t" at={record.timestamp} zone={zone} form="millis" />],
          ["Partition", String(record.partition)],
          ["Offset", grouped(record.offset)],
          [
            "Key",
            key === null || key === "" ? (
              <span key="none" className="text-muted">
                {key === null ? "none" : "empty"}
              </span>
            ) : (
              <span key="key" className="inline-flex items-start gap-1">
                <bdi className="break-all">{key}</bdi>
                <CopyButton text={key} label="Copy key" className="-my-1" />
              </span>
            ),
          ],
        ]}
      />
      {headers ? (
        <section aria-label="Headers">
          <h3 className="mb-1.5 text-xs font-medium text-muted">Headers</h3>
          <JsonTree value={headers} depth={1} />
        </section>
      ) : null}
      <section aria-label="Value">
        <div className="mb-1.5 flex items-center gap-2 text-xs text-muted">
          <h3 className="font-medium">Value</h3>
          {truncated ? (
            <span>
              the first {bytes(FIRST_BYTES)} of {bytes(size)}
            </span>
          ) : null}
        </div>
        {value === null ? (
          <p className="text-sm text-muted">null: the record has no value.</p>
        ) : typeof value === "string" ? (
          <CodeBlock text={value} wrap />
        ) : (
          <JsonTree value={value} depth={3} />
        )}
        {truncated ? (
          <div className="mt-2 flex flex-wrap gap-2">
            {size <= SHOWN_BYTES_MAX ? (
              <Button size="sm" busy={busy} onClick={onWhole}>
                Load all
              </Button>
            ) : null}
            <Button size="sm" icon={Download} onClick={() => void onDownload()}>
              Download
            </Button>
          </div>
        ) : value === null ? null : (
          <CopyButton
            text={() => (typeof value === "string" ? value : formatJson(value))}
            label={typeof value === "string" ? "Copy text" : "Copy JSON"}
            showLabel
            className="mt-2"
          />
        )}
      </section>
    </div>
  );
}

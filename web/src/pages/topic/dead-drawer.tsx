// dead-drawer.tsx - one dead letter: why it is one, and its bytes as they came, as text or hex.
import { useQuery } from "@tanstack/react-query";
import { Download } from "lucide-react";
import { useState } from "react";
import { api } from "@/api/client";
import type { Topic } from "@/api/types";
import { useZone } from "@/app/range";
import { bytes } from "@/lib/numbers";
import { saveAs } from "@/stream/save";
import { Badge } from "@/ui/badge";
import { Button } from "@/ui/button";
import { CodeBlock } from "@/ui/copy";
import { Instant } from "@/ui/instant";
import { KeyValue } from "@/ui/keyvalue";
import { EmptyState, Loaded } from "@/ui/states";
import { Segments } from "@/ui/tabs";
import { bytesOf, type DeadLetter, deadPlan, hexDump } from "./dead-letters";
import { PlaceDrawer, type PlaceProps } from "./place";

const FIRST_BYTES = 16_384;
const ALL_BYTES = 1 << 20;
const HEX_BYTES_MAX = 65_536;

interface DeadDrawerProps {
  topic: Topic;
  open: string | null;
  onClose: () => void;
}

/** The page that begins with it: by place, after the offset before. */
function planOf({ topic, partition, offset }: PlaceProps) {
  const plan = deadPlan(topic.name, {});
  const after = `0.${partition}.${BigInt(offset) - 1n}`;
  return { ...plan, query: { order: "offset", partition, after, limit: 1 } };
}

export function DeadDrawer({ topic, open, onClose }: DeadDrawerProps) {
  return (
    <PlaceDrawer
      title="Dead letter"
      topic={topic}
      table={`${topic.table}__dead`}
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
  const letter = useQuery({
    queryKey: ["topics", topic.name, "dead", partition, offset, whole],
    queryFn: async ({ signal }) => {
      const value_bytes = whole ? ALL_BYTES : FIRST_BYTES;
      const page = await api.get<{ dead: DeadLetter[] }>(plan.path, {
        query: { ...plan.query, value_bytes },
        signal,
      });
      const first = page.dead[0];
      return first !== undefined && String(first.offset) === offset ? first : null;
    },
    placeholderData: (before) => before,
  });
  return (
    <Loaded query={letter} what="The dead letter could not be loaded.">
      {(data) =>
        data === null ? (
          <EmptyState
            title="No dead letter at this place"
            reason="The record became a row, or it is not there."
          />
        ) : (
          <Shown
            letter={data}
            busy={letter.isFetching}
            onWhole={() => setWhole(true)}
            name={`${topic.name}-${partition}-${offset}.bin`}
          />
        )
      }
    </Loaded>
  );
}

interface ShownProps {
  letter: DeadLetter;
  busy: boolean;
  onWhole: () => void;
  name: string;
}

function Shown({ letter, busy, onWhole, name }: ShownProps) {
  const zone = useZone();
  const { value, encoding, truncated } = letter;
  const [view, setView] = useState<"text" | "hex">(encoding === "base64" ? "hex" : "text");
  const size = letter.bytes ?? 0;
  return (
    <div className="flex flex-col gap-4">
      <KeyValue
        items={[
          ["Reason", letter.reason],
          ["Detail", letter.detail ?? <span className="text-muted">none</span>],
          ["Stored", <Instant key="t" at={letter.timestamp} zone={zone} form="millis" />],
          [
            "Key",
            letter.key == null ? (
              <span key="none" className="text-muted">
                none
              </span>
            ) : (
              <bdi key="key" className="break-all">
                {letter.key_encoding === "base64"
                  ? hexDump(bytesOf(letter.key, "base64"))
                  : letter.key}
              </bdi>
            ),
          ],
          [
            "Re-driven",
            letter.redriven ? (
              <Badge key="yes" tone="ok">
                became a row
              </Badge>
            ) : (
              <span key="no" className="text-muted">
                not yet
              </span>
            ),
          ],
        ]}
      />
      <section aria-label="Value">
        <div className="mb-1.5 flex flex-wrap items-center gap-2 text-xs text-muted">
          <h3 className="font-medium">Value</h3>
          <span>
            {truncated ? `the beginning of ${bytes(size)}` : bytes(size)}
            {encoding === "base64" ? ", not UTF-8" : ""}
          </span>
          <Segments
            label="Show as"
            className="ml-auto"
            value={view}
            onChange={setView}
            items={[
              { value: "text", label: "Text" },
              { value: "hex", label: "Hex" },
            ]}
          />
        </div>
        {value === null ? (
          <p className="text-sm text-muted">The record has no value.</p>
        ) : (
          <CodeBlock text={shownAs(value, encoding, view)} wrap={view === "text"} />
        )}
        {value === null ? null : (
          <div className="mt-2 flex flex-wrap gap-2">
            {truncated ? (
              <Button size="sm" busy={busy} onClick={onWhole}>
                Load {size > ALL_BYTES ? `the first ${bytes(ALL_BYTES)}` : "all"}
              </Button>
            ) : null}
            <Button
              size="sm"
              icon={Download}
              onClick={() => saveAs(name, bytesOf(value, encoding))}
            >
              Download {truncated ? "what is shown" : ""}
            </Button>
          </div>
        )}
      </section>
    </div>
  );
}

function shownAs(value: string, encoding: DeadLetter["encoding"], view: "text" | "hex"): string {
  if (view === "text" && encoding !== "base64") return value;
  const data = bytesOf(value, encoding);
  return view === "hex" ? hexDump(data.subarray(0, HEX_BYTES_MAX)) : new TextDecoder().decode(data);
}

// side-lists.tsx - what was run lately in this browser, and statements to begin with.
import { Ban, CircleAlert, CircleCheck, Play } from "lucide-react";
import { useState } from "react";
import { useZone } from "@/app/range";
import { count, duration } from "@/lib/numbers";
import { formatTime, timeTitle } from "@/lib/zone";
import { Button } from "@/ui/button";
import { ConfirmDialog } from "@/ui/dialog";
import { EmptyState, Skeleton } from "@/ui/states";
import type { CatalogIndex } from "./complete";
import { firstSamples, type Sample, samples } from "./samples";
import { clearHistory, type HistoryEntry, isCut, useTabs } from "./tabs";

const ICONS = { done: CircleCheck, failed: CircleAlert, cancelled: Ban };
const TONES = { done: "text-ok", failed: "text-error", cancelled: "text-muted" };

export function HistoryList({ onOpen }: { onOpen: (sql: string) => void }) {
  const history = useTabs((s) => s.history);
  const [clearing, setClearing] = useState(false);
  if (history.length === 0) {
    return (
      <EmptyState
        title="Nothing run yet"
        reason="Statements that you run are listed here, in this browser alone: the newest 200, without their results."
        className="px-1 py-4"
      />
    );
  }
  return (
    <div className="flex min-h-0 flex-1 flex-col gap-2">
      <ul className="min-h-0 flex-1 overflow-auto">
        {history.map((entry) => (
          <HistoryRow key={`${entry.atMs}:${entry.sql.length}`} entry={entry} onOpen={onOpen} />
        ))}
      </ul>
      <div className="flex items-center justify-between gap-2 text-xs text-muted">
        <span>In this browser only</span>
        <Button size="sm" variant="ghost" onClick={() => setClearing(true)}>
          Clear
        </Button>
      </div>
      <ConfirmDialog
        open={clearing}
        onClose={() => setClearing(false)}
        title="Clear the history?"
        action="Clear history"
        onConfirm={async () => clearHistory()}
      >
        The {count(history.length, "statement")} in it are forgotten. Tabs and saved queries stay.
      </ConfirmDialog>
    </div>
  );
}

function HistoryRow({ entry, onOpen }: { entry: HistoryEntry; onOpen: (sql: string) => void }) {
  const zone = useZone();
  const Icon = ICONS[entry.state] ?? CircleCheck;
  const facts = [
    formatTime(entry.atMs, zone, "time"),
    entry.rows === undefined ? "" : count(entry.rows, "row"),
    entry.elapsedMs === undefined ? "" : duration(entry.elapsedMs),
    entry.state === "done" ? "" : entry.state,
  ].filter((fact) => fact !== "");
  return (
    <li>
      <button
        type="button"
        disabled={isCut(entry)}
        onClick={() => onOpen(entry.sql)}
        title={`${timeTitle(entry.atMs, zone)}\n\n${entry.detail ? `${entry.detail}\n\n` : ""}${entry.sql.slice(0, 600)}`}
        className="flex w-full gap-2 rounded px-1.5 py-1 text-left hover:bg-hover disabled:opacity-60"
      >
        <Icon aria-hidden="true" className={`mt-0.5 size-3.5 shrink-0 ${TONES[entry.state]}`} />
        <span className="min-w-0 flex-1">
          <span className="block truncate font-mono text-xs">
            {entry.sql.replace(/\s+/g, " ").slice(0, 120)}
          </span>
          <span className="block truncate text-xs text-muted">{facts.join(" · ")}</span>
        </span>
      </button>
    </li>
  );
}

interface SampleListProps {
  index: CatalogIndex | undefined;
  onOpen: (sql: string) => void;
}

export function SampleList({ index, onOpen }: SampleListProps) {
  if (index === undefined) return <Skeleton lines={6} />;
  const all = samples(index);
  if (all.length === 0) {
    return (
      <EmptyState
        title="No tables to ask yet"
        reason="The sample shop brings nine tables that belong together, and fifteen questions."
        command="tarn sample tarn-data/files"
        className="px-1 py-4"
      />
    );
  }
  const groups = new Map<string, Sample[]>();
  for (const sample of all) {
    const list = groups.get(sample.group);
    if (list) list.push(sample);
    else groups.set(sample.group, [sample]);
  }
  return (
    <div className="min-h-0 flex-1 overflow-auto">
      {[...groups].map(([group, list]) => (
        <section key={group} className="mb-3">
          <h3 className="truncate px-1.5 pb-0.5 text-xs font-semibold text-muted" title={group}>
            {group}
          </h3>
          <ul>
            {list.map((sample) => (
              <li key={sample.title}>
                <button
                  type="button"
                  onClick={() => onOpen(sample.sql)}
                  className="w-full rounded px-1.5 py-1 text-left text-sm hover:bg-hover"
                >
                  {sample.title}
                </button>
              </li>
            ))}
          </ul>
        </section>
      ))}
    </div>
  );
}

/** In the place of a result that is not there yet: questions that one click answers. */
export function FirstQuestions({
  index,
  onRun,
}: {
  index: CatalogIndex | undefined;
  onRun: (sql: string) => void;
}) {
  const first = index === undefined ? [] : firstSamples(index);
  return (
    <EmptyState
      title="Ask a question"
      reason="Write a statement, then Ctrl-Enter. Ctrl-Space completes names of tables, columns and functions."
      action={
        first.length === 0 ? undefined : (
          <ul
            aria-label="Questions to begin with"
            className="flex w-full flex-wrap justify-center gap-2"
          >
            {first.map((sample) => (
              <li key={`${sample.group} ${sample.title}`} className="min-w-0 max-w-full">
                <Button
                  icon={Play}
                  title={sample.sql}
                  onClick={() => onRun(sample.sql)}
                  className="max-w-full"
                >
                  <span className="min-w-0 truncate">{sample.title}</span>
                  <span className="hidden shrink-0 text-xs font-normal text-muted sm:inline">
                    {sample.group}
                  </span>
                </Button>
              </li>
            ))}
          </ul>
        )
      }
      command={`tarn query ${JSON.stringify((first[0]?.sql ?? "SELECT 42 AS answer").replace(/\s+/g, " "))}`}
    />
  );
}

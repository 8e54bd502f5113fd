// dead.tsx - the tab Dead letters: how many for which reason, the list with its filters, one of
// them beside the list, and putting them through the door again.
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { CircleCheck, RotateCw, Undo2, X } from "lucide-react";
import { useMemo, useState } from "react";
import { api, path } from "@/api/client";
import { invalidate } from "@/api/queries";
import type { Topic } from "@/api/types";
import { useZone } from "@/app/range";
import { bytes, count, grouped, percent } from "@/lib/numbers";
import { formatTime, type Zone } from "@/lib/zone";
import { TimeInput } from "@/stream/time-input";
import { Badge } from "@/ui/badge";
import { Button } from "@/ui/button";
import { CopyAsCurl } from "@/ui/copy";
import { cx } from "@/ui/cx";
import { Field, Select } from "@/ui/field";
import { type GridColumn, VirtualGrid } from "@/ui/grid";
import { SearchField } from "@/ui/search-field";
import { EmptyState, Loaded } from "@/ui/states";
import { DeadDrawer } from "./dead-drawer";
import {
  type DeadFilter,
  type DeadLetter,
  type DeadSummary,
  DeadWalk,
  deadPlan,
} from "./dead-letters";
import { placeColumns } from "./place";
import { idOf } from "./record";
import { RedriveDialog } from "./redrive";
import type { TopicSearch } from "./search";
import { useWalk, WalkFrame } from "./walk-frame";

export function DeadTab({ topic }: { topic: Topic }) {
  const search = useSearch({ from: "/topics/$name" });
  const navigate = useNavigate({ from: "/topics/$name" });
  const change = (next: Partial<TopicSearch>, replace = false) =>
    void navigate({ search: (old) => ({ ...old, ...next }), replace });
  const [redrive, setRedrive] = useState(false);
  const [turn, setTurn] = useState(0);
  const { reason, q, since, until, redriven } = search;
  const filter: DeadFilter = useMemo(
    () => ({ reason, q, since, until, redriven }),
    [reason, q, since, until, redriven],
  );
  const summary = useQuery({
    queryKey: ["topics", topic.name, "dead-summary", turn],
    queryFn: ({ signal }) =>
      api.get<DeadSummary>(path`api/v1/topics/${topic.name}/dead/summary`, { signal }),
    placeholderData: (before) => before,
  });
  const isFiltered = Object.values(filter).some((value) => value !== undefined);
  const clear = () =>
    change({
      reason: undefined,
      q: undefined,
      since: undefined,
      until: undefined,
      redriven: undefined,
    });
  const renew = () => {
    setTurn(turn + 1);
    void invalidate("topics", topic.name);
  };
  return (
    <Loaded query={summary} what="The dead letters could not be counted.">
      {(sum) =>
        sum.total === 0 ? (
          <EmptyState
            icon={CircleCheck}
            title="No dead letters"
            reason="Every record of this topic that has landed became a row. JSON that is refused at the door is told in the answer and is not here."
            command={`tarn dead count ${topic.name}`}
            action={
              <Button icon={RotateCw} onClick={renew}>
                Look again
              </Button>
            }
          />
        ) : (
          <>
            <Reasons
              summary={sum}
              chosen={reason}
              onChoose={(next) => change({ reason: next === reason ? undefined : next })}
            />
            <div className="flex shrink-0 flex-wrap items-end gap-2">
              <Field label="Reason">
                <Select
                  value={reason ?? ""}
                  options={[
                    { value: "", label: "Any" },
                    ...sum.reasons.map((one) => ({ value: one.reason, label: one.reason })),
                  ]}
                  onChange={(value) => change({ reason: value || undefined })}
                />
              </Field>
              <SearchField
                label="Text in value or detail"
                className="w-full sm:w-52"
                value={q ?? ""}
                onChange={(text) => change({ q: text || undefined }, true)}
              />
              <TimeInput label="From" value={since} onChange={(v) => change({ since: v })} />
              <TimeInput label="To" value={until} onChange={(v) => change({ until: v })} />
              <Field label="Re-driven">
                <Select
                  value={redriven ?? ""}
                  options={[
                    { value: "", label: "Either" },
                    { value: "false", label: "Not yet" },
                    { value: "true", label: "Re-driven" },
                  ]}
                  onChange={(value) =>
                    change({ redriven: value === "" ? undefined : (value as "true" | "false") })
                  }
                />
              </Field>
              {isFiltered ? (
                <Button variant="ghost" icon={X} onClick={clear}>
                  Clear
                </Button>
              ) : null}
              <span className="ml-auto flex items-center gap-1">
                <CopyAsCurl plan={deadPlan(topic.name, filter)} />
                <Button icon={Undo2} onClick={() => setRedrive(true)}>
                  Re-drive…
                </Button>
              </span>
            </div>
            <List
              key={turn}
              topic={topic}
              filter={filter}
              total={sum.total}
              open={search.open}
              onOpen={(open) => change({ open })}
              onRenew={renew}
              onClear={isFiltered ? clear : undefined}
            />
            <DeadDrawer
              topic={topic}
              open={search.open ?? null}
              onClose={() => change({ open: undefined })}
            />
            {redrive ? (
              <RedriveDialog
                topic={topic}
                filter={filter}
                onClose={() => {
                  setRedrive(false);
                  renew();
                }}
              />
            ) : null}
          </>
        )
      }
    </Loaded>
  );
}

interface ReasonsProps {
  summary: DeadSummary;
  chosen: string | undefined;
  onChoose: (reason: string) => void;
}

/** One bar per reason, to scale; choosing one filters the list. */
function Reasons({ summary, chosen, onChoose }: ReasonsProps) {
  const zone = useZone();
  const most = summary.reasons.reduce((max, one) => Math.max(max, one.count), 1);
  return (
    <section aria-label="By reason" className="shrink-0 rounded-lg border border-line bg-panel p-3">
      <p className="mb-2 text-sm">
        <strong>{count(summary.total, "dead letter")}</strong>
        <span className="text-muted">
          {summary.redriven === null ? "" : ` · ${grouped(summary.redriven)} re-driven`}
          {summary.last === null ? "" : ` · last ${formatTime(Date.parse(summary.last), zone)}`}
        </span>
      </p>
      <ul className="flex flex-col gap-0.5">
        {summary.reasons.map((one) => (
          <li key={one.reason}>
            <button
              type="button"
              aria-pressed={one.reason === chosen}
              onClick={() => onChoose(one.reason)}
              title={`first ${formatTime(Date.parse(one.first), zone)}\nlast ${formatTime(Date.parse(one.last), zone)}`}
              className={cx(
                "grid w-full grid-cols-[7rem_minmax(0,1fr)_7rem] items-center gap-3 sm:grid-cols-[9rem_minmax(0,1fr)_9rem] rounded px-1.5 py-0.5 text-left text-sm hover:bg-hover",
                one.reason === chosen && "bg-accent-soft",
              )}
            >
              <span className="truncate">{one.reason}</span>
              <span className="h-2.5 rounded-sm bg-sunken">
                <span
                  className="block h-full rounded-sm bg-chart-2"
                  style={{ width: `${Math.max((one.count / most) * 100, 0.5)}%` }}
                />
              </span>
              <span className="text-right">
                {grouped(one.count)}{" "}
                <span className="text-muted">{percent(one.count / summary.total)}</span>
              </span>
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}

interface ListProps {
  topic: Topic;
  filter: DeadFilter;
  total: number;
  open: string | undefined;
  onOpen: (id: string) => void;
  onRenew: () => void;
  onClear: (() => void) | undefined;
}

function List({ topic, filter, total, open, onOpen, onRenew, onClear }: ListProps) {
  const zone = useZone();
  const walk = useMemo(() => new DeadWalk(topic.name, filter), [topic.name, filter]);
  const view = useWalk(walk);
  const columns = useMemo(() => columnsOf(zone), [zone]);
  const at = open === undefined ? -1 : view.rows.findIndex((row) => idOf(row) === open);
  const rest =
    view.state === "done" ? "" : onClear === undefined ? ` of ${grouped(total)}` : ", more below";
  return (
    <WalkFrame
      walk={walk}
      view={view}
      status={`${count(view.rows.length, "dead letter")} shown${rest}`}
      failed="The dead letters could not be read."
      onRenew={onRenew}
    >
      <VirtualGrid
        label={`Dead letters of ${topic.name}`}
        columns={columns}
        rows={view.rows}
        rowHeight={28}
        openOnClick
        onOpen={(row) => onOpen(idOf(row))}
        openIndex={at < 0 ? null : at}
        className="min-h-0 flex-1"
        empty={
          view.state === "done" ? (
            <EmptyState
              title="No dead letter matches the filters"
              reason={`There are ${grouped(total)} in all.`}
              action={onClear ? <Button onClick={onClear}>Clear filters</Button> : null}
            />
          ) : null
        }
      />
    </WalkFrame>
  );
}

function columnsOf(zone: Zone): GridColumn<DeadLetter>[] {
  return [
    ...placeColumns<DeadLetter>(zone),
    {
      id: "reason",
      header: "Reason",
      width: 150,
      value: (row) => row.reason,
      cell: (row) => (
        <span className="inline-flex items-center gap-1.5">
          {row.reason}
          {row.redriven ? <Badge tone="ok">re-driven</Badge> : null}
        </span>
      ),
    },
    { id: "detail", header: "Detail", width: 280, value: (row) => row.detail ?? "" },
    {
      id: "bytes",
      header: "Size",
      width: 84,
      align: "right",
      value: (row) => row.bytes,
      cell: (row) => bytes(row.bytes),
    },
    {
      id: "value",
      header: "Value",
      width: 220,
      grow: true,
      value: (row) => row.value,
      cell: (row) =>
        row.value === null ? (
          <span className="text-muted">none</span>
        ) : row.encoding === "base64" ? (
          <Badge>not text</Badge>
        ) : (
          <bdi className="font-mono text-xs">{row.value.replaceAll(/\s+/g, " ")}</bdi>
        ),
    },
  ];
}

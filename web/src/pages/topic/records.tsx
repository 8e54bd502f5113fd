// records.tsx - the tab Records: the topic's log as a list, from wherever one wants to begin, page
// after page; or the newest as they come. What is looked for lives in the address.
import { useNavigate, useSearch } from "@tanstack/react-router";
import { Eraser, Radio, X } from "lucide-react";
import { type FormEvent, useCallback, useEffect, useMemo, useState } from "react";
import type { EventRecord, Topic } from "@/api/types";
import { useZone } from "@/app/range";
import { useMedia } from "@/lib/media";
import { bytes, count } from "@/lib/numbers";
import { parsePoint } from "@/lib/range";
import { formatTime, type Zone } from "@/lib/zone";
import { TimeInput } from "@/stream/time-input";
import { Badge } from "@/ui/badge";
import { Button } from "@/ui/button";
import { CopyAsCurl } from "@/ui/copy";
import { Field, Input, Select } from "@/ui/field";
import { type GridColumn, VirtualGrid } from "@/ui/grid";
import { EmptyState } from "@/ui/states";
import { Segments } from "@/ui/tabs";
import { planOf, type Question, RecordWalk } from "./browse";
import { Followed } from "./follow";
import { placeColumns } from "./place";
import { idOf, lineOf } from "./record";
import { RecordDrawer } from "./record-drawer";
import type { TopicSearch } from "./search";
import { useWalk, WalkFrame } from "./walk-frame";

/** What the address asks for. A time relative to now is fixed when it is asked. */
function questionOf(topic: Topic, search: TopicSearch): Question {
  const { p, offset, time, key, q, order = "desc" } = search;
  const point = time === undefined ? null : parsePoint(time, "utc");
  const ms =
    point === null ? undefined : point.kind === "relative" ? Date.now() - point.beforeMs : point.ms;
  return {
    topic: topic.name,
    order,
    ...(p === undefined ? {} : { partition: Number(p) }),
    ...(offset === undefined || p === undefined ? {} : { offset }),
    ...(ms === undefined || (offset !== undefined && p !== undefined)
      ? {}
      : { time: new Date(ms).toISOString() }),
    ...(key === undefined ? {} : { key }),
    ...(q === undefined ? {} : { q }),
  };
}

/** Bytes of the log that a walk may have to read. */
function logBytes(topic: Topic, partition: number | undefined): number {
  if (partition === undefined) return topic.bytes ?? 0;
  return topic.partition_list?.find((one) => one.partition === partition)?.bytes ?? 0;
}

export function RecordsTab({ topic }: { topic: Topic }) {
  const search = useSearch({ from: "/topics/$name" });
  const navigate = useNavigate({ from: "/topics/$name" });
  const change = useCallback(
    (next: Partial<TopicSearch>, replace = false) =>
      void navigate({ search: (old) => ({ ...old, ...next }), replace }),
    [navigate],
  );
  const following = search.follow === "yes";
  return (
    <>
      <Bar topic={topic} search={search} onChange={change} />
      {following ? (
        <Followed
          topic={topic.name}
          partition={search.p === undefined ? undefined : Number(search.p)}
          recordKey={search.key}
          text={search.q}
          list={(records, empty) => (
            <RecordList
              topic={topic}
              records={records}
              open={search.open}
              onOpen={(open) => change({ open })}
              empty={empty}
            />
          )}
          onStop={() => change({ follow: undefined })}
        />
      ) : (
        <Browser topic={topic} search={search} onChange={change} />
      )}
      <RecordDrawer
        topic={topic}
        open={search.open ?? null}
        onClose={() => change({ open: undefined })}
      />
    </>
  );
}

interface BarProps {
  topic: Topic;
  search: TopicSearch;
  onChange: (next: Partial<TopicSearch>, replace?: boolean) => void;
}

function Bar({ topic, search, onChange }: BarProps) {
  const { p, offset, time, key, q, order, follow } = search;
  const partitions = [
    { value: "", label: `All ${topic.partitions}` },
    ...Array.from({ length: topic.partitions }, (_, i) => ({
      value: String(i),
      label: String(i),
    })),
  ];
  const chosen = topic.partition_list?.find((one) => String(one.partition) === p);
  const isFiltered = [p, offset, time, key, q, order].some((value) => value !== undefined);
  return (
    <div className="flex shrink-0 flex-wrap items-end gap-2">
      <Field label="Partition">
        <Select
          value={p ?? ""}
          options={partitions}
          onChange={(value) => onChange({ p: value || undefined, offset: undefined })}
        />
      </Field>
      <Typed
        label="Offset"
        value={offset ?? ""}
        className="w-32"
        disabled={p === undefined || follow === "yes"}
        placeholder={chosen === undefined ? "of a partition" : `${chosen.start} to ${chosen.end}`}
        check={(text) => (/^\d{1,18}$/.test(text) ? text : null)}
        onChange={(value) => onChange({ offset: value, time: undefined })}
      />
      <TimeInput
        label={order === "asc" ? "From" : "Before"}
        value={time}
        disabled={follow === "yes"}
        onChange={(value) => onChange({ time: value, offset: undefined })}
      />
      <Typed
        label="Key"
        value={key ?? ""}
        className="w-32"
        placeholder="exactly"
        check={(text) => text}
        onChange={(value) => onChange({ key: value })}
      />
      <Typed
        label="Text in key or value"
        value={q ?? ""}
        className="w-44"
        placeholder="in any case"
        check={(text) => text}
        onChange={(value) => onChange({ q: value })}
      />
      {follow === "yes" ? null : (
        <Segments
          label="Order"
          value={order ?? "desc"}
          className="mb-0.5"
          items={[
            { value: "desc", label: "Newest" },
            { value: "asc", label: "Oldest" },
          ]}
          onChange={(value) =>
            onChange({ order: value === "asc" ? "asc" : undefined, offset: undefined })
          }
        />
      )}
      {isFiltered ? (
        <Button
          variant="ghost"
          icon={X}
          onClick={() =>
            onChange({
              p: undefined,
              offset: undefined,
              time: undefined,
              key: undefined,
              q: undefined,
              order: undefined,
            })
          }
        >
          Clear
        </Button>
      ) : null}
      <span className="ml-auto flex items-center gap-1">
        <CopyAsCurl plan={planOf(questionOf(topic, search))} />
        <Button
          icon={Radio}
          aria-pressed={follow === "yes"}
          className={follow === "yes" ? "border-accent text-accent" : undefined}
          onClick={() => onChange({ follow: follow === "yes" ? undefined : "yes" })}
        >
          {follow === "yes" ? "Following" : "Follow"}
        </Button>
      </span>
    </div>
  );
}

interface TypedProps {
  label: string;
  value: string;
  className?: string;
  placeholder?: string;
  disabled?: boolean;
  /** What the address gets for the text; null: it cannot be. */
  check: (text: string) => string | null;
  onChange: (value: string | undefined) => void;
}

/** An input that counts when Enter is pressed or it is left. */
function Typed(props: TypedProps) {
  const { label, value, className, placeholder, disabled, check, onChange } = props;
  const [text, setText] = useState(value);
  const [wrong, setWrong] = useState(false);
  useEffect(() => {
    setText(value);
    setWrong(false);
  }, [value]);
  const commit = () => {
    const typed = text.trim();
    if (typed === value) return;
    if (typed === "") {
      onChange(undefined);
      return;
    }
    const checked = check(typed);
    setWrong(checked === null);
    if (checked !== null) onChange(checked);
  };
  return (
    <form
      className={className}
      onSubmit={(event: FormEvent) => {
        event.preventDefault();
        commit();
      }}
    >
      <Field label={label}>
        <Input
          value={text}
          disabled={disabled}
          placeholder={placeholder}
          aria-invalid={wrong || undefined}
          onBlur={commit}
          onChange={(e) => setText(e.target.value)}
        />
      </Field>
    </form>
  );
}

function Browser({ topic, search, onChange }: BarProps) {
  const { p, offset, time, key, q, order } = search;
  const [turn, setTurn] = useState(0);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a walk per question and per reload.
  const walk = useMemo(
    () => new RecordWalk(questionOf(topic, search)),
    [topic.uuid, p, offset, time, key, q, order, turn],
  );
  const view = useWalk(walk);
  const scanned = bytes(view.scanned);
  const whole = Math.max(logBytes(topic, walk.question.partition), view.scanned);
  const isFound = q !== undefined || key !== undefined;
  const isFiltered = [p, offset, time, key, q].some((value) => value !== undefined);
  const clear = () =>
    onChange({ p: undefined, offset: undefined, time: undefined, key: undefined, q: undefined });
  return (
    <WalkFrame
      walk={walk}
      view={view}
      status={`${count(view.rows.length, "record")} ${isFound ? "found" : "shown"} · scanned ${scanned} of ${bytes(whole)}`}
      end="end of the log"
      failed="The log could not be read."
      onRenew={() => setTurn(turn + 1)}
    >
      <RecordList
        topic={topic}
        records={view.rows}
        open={search.open}
        onOpen={(open) => onChange({ open })}
        empty={
          view.state !== "done" ? null : isFiltered ? (
            <EmptyState
              title="No record matches"
              reason={`All of the log was searched: ${scanned}.`}
              action={<Button onClick={clear}>Clear filters</Button>}
            />
          ) : (
            <EmptyState
              icon={Eraser}
              title="The log is empty"
              reason="Nothing was sent yet, or retention has let it go; what has landed is in the table."
              command={`curl ${new URL(`api/v1/topics/${encodeURIComponent(topic.name)}/events`, document.baseURI).href} \\\n     -H 'Content-Type: application/json' -d '{"type": "view", "who": "ada"}'`}
            />
          )
        }
      />
    </WalkFrame>
  );
}

/** On a narrow screen the value comes before what it has to do with. */
function columnsOf(zone: Zone, narrow: boolean): GridColumn<EventRecord>[] {
  const all = allColumns(zone);
  if (!narrow) return all;
  const [time, , , key, value] = all;
  const place: GridColumn<EventRecord> = {
    id: "place",
    header: "Place",
    width: 84,
    value: (record) => idOf(record),
  };
  return [
    {
      id: "time",
      header: "Stored",
      width: 108,
      value: (record) => record.timestamp,
      cell: ({ timestamp }) => formatTime(Date.parse(timestamp), zone, "timeMillis"),
    },
    ...[value, place, key, time && { ...time, id: "date" }].filter((one) => one !== undefined),
  ];
}

function allColumns(zone: Zone): GridColumn<EventRecord>[] {
  return [
    ...placeColumns<EventRecord>(zone),
    {
      id: "key",
      header: "Key",
      width: 140,
      value: (record) => record.key,
      cell: ({ key }) =>
        key === null ? (
          <span className="text-muted">none</span>
        ) : key === "" ? (
          <span className="text-muted">empty</span>
        ) : (
          <bdi>{key}</bdi>
        ),
    },
    {
      id: "value",
      header: "Value",
      width: 400,
      grow: true,
      value: (record) => lineOf(record),
      cell: (record) =>
        record.value === null ? (
          <span className="text-muted">null</span>
        ) : (
          <span className="font-mono text-xs">
            {record.truncated ? (
              <Badge className="mr-2 font-sans">{bytes(record.bytes)}</Badge>
            ) : null}
            <bdi>{lineOf(record)}</bdi>
          </span>
        ),
    },
  ];
}

interface RecordListProps {
  topic: Topic;
  records: readonly EventRecord[];
  open: string | undefined;
  onOpen: (id: string) => void;
  empty: React.ReactNode;
}

function RecordList({ topic, records, open, onOpen, empty }: RecordListProps) {
  const zone = useZone();
  const narrow = useMedia("(max-width: 640px)");
  const columns = useMemo(() => columnsOf(zone, narrow), [zone, narrow]);
  const at = open === undefined ? -1 : records.findIndex((record) => idOf(record) === open);
  return (
    <VirtualGrid
      label={`Records of ${topic.name}`}
      columns={columns}
      rows={records}
      rowHeight={28}
      openOnClick
      onOpen={(record) => onOpen(idOf(record))}
      openIndex={at < 0 ? null : at}
      empty={empty}
      className="min-h-0 flex-1"
    />
  );
}

// steps.tsx - the parts of a question, one card each, in the order in which they are answered.
import { useQuery } from "@tanstack/react-query";
import { Database, Plus, X } from "lucide-react";
import { type ReactNode, useId, useState } from "react";
import { api } from "@/api/client";
import type { CatalogTable } from "@/api/types";
import { cellText, isNumericType } from "@/lib/cell";
import { grouped } from "@/lib/numbers";
import { listFrom, listTo } from "@/lib/search";
import { OP_WORDS } from "@/results/shown";
import { Button, IconButton } from "@/ui/button";
import { Checkbox, Input, Select } from "@/ui/field";
import { Popover } from "@/ui/popover";
import { SearchInput } from "@/ui/search-field";
import {
  BUCKET_WORDS,
  BUCKETS,
  type Bucket,
  type BuildColumn,
  type BuildFilter,
  type BuildMeasure,
  type BuildOp,
  type BuildQuery,
  buildOps,
  groupName,
  isComplete,
  isTime,
  LIMIT_MAX,
  MEASURES,
  type MeasureKind,
  measureName,
  needsValue,
  outputNames,
  VALUES_ROWS_MAX,
  valuesSql,
  withParts,
} from "./model";
import { TablePicker } from "./table-picker";

interface StepsProps {
  query: BuildQuery;
  table: CatalogTable | undefined;
  tables: readonly CatalogTable[];
  onChange: (query: BuildQuery, typing?: boolean) => void;
  onTable: (table: CatalogTable) => void;
}

export function Steps({ query, table, tables, onChange, onTable }: StepsProps) {
  const [picking, setPicking] = useState(false);
  const columns = table?.columns ?? [];
  const isGrouped = query.groups.length > 0 || query.measures.length > 0;
  return (
    <div className="flex shrink-0 flex-col divide-y divide-line rounded-lg border border-line bg-panel shadow-card">
      <Step title="Table">
        <Popover
          label="Choose a table"
          align="start"
          open={picking}
          onOpenChange={setPicking}
          className="flex h-96 w-96 flex-col"
          trigger={
            <Button icon={Database} className="w-full justify-start">
              <span className="truncate">
                {query.schema ? `${query.schema}.` : ""}
                {query.table}
              </span>
            </Button>
          }
        >
          <TablePicker
            tables={tables}
            onChoose={(next) => {
              setPicking(false);
              onTable(next);
            }}
          />
        </Popover>
      </Step>
      <FiltersStep query={query} columns={columns} onChange={onChange} />
      <GroupsStep query={query} columns={columns} onChange={onChange} />
      <MeasuresStep query={query} columns={columns} onChange={onChange} />
      {isGrouped ? null : <ColumnsStep query={query} columns={columns} onChange={onChange} />}
      <OrderStep query={query} columns={columns} onChange={onChange} />
    </div>
  );
}

interface StepProps {
  title: string;
  onAdd?: (() => void) | undefined;
  addLabel?: string;
  children?: ReactNode;
}

function Step({ title, onAdd, addLabel, children }: StepProps) {
  const id = useId();
  return (
    <section aria-labelledby={id} className="px-3 py-1.5">
      <div className="flex min-h-7 items-center justify-between">
        <h2 id={id} className="text-xs font-semibold text-muted">
          {title}
        </h2>
        {onAdd ? (
          <Button size="sm" variant="ghost" icon={Plus} onClick={onAdd}>
            {addLabel}
          </Button>
        ) : null}
      </div>
      {children ? <div className="flex flex-col gap-1.5 pb-1">{children}</div> : null}
    </section>
  );
}

interface PartProps {
  query: BuildQuery;
  columns: readonly BuildColumn[];
  onChange: (query: BuildQuery, typing?: boolean) => void;
}

function replaced<T>(list: readonly T[], at: number, next: T): T[] {
  return list.map((old, i) => (i === at ? next : old));
}

function without<T>(list: readonly T[], at: number): T[] {
  return list.filter((_, i) => i !== at);
}

/** The columns to choose from, and one that is not there any more when it is chosen. */
function columnOptions(columns: readonly BuildColumn[], chosen?: string | null) {
  const options = columns.map(({ name }) => ({ value: name, label: name }));
  if (chosen && !columns.some((c) => c.name === chosen)) {
    options.unshift({ value: chosen, label: `${chosen} (not there)` });
  }
  return options;
}

const BUILD_OP_WORDS: Record<BuildOp, string> = {
  ...OP_WORDS,
  in: "is one of",
  last: "in the last",
};

function FiltersStep({ query, columns, onChange }: PartProps) {
  const set = (filters: readonly BuildFilter[], typing?: boolean) =>
    onChange({ ...query, filters }, typing);
  const add = () => {
    const [first] = columns;
    if (first === undefined) return;
    const [op = "eq"] = buildOps(first.type);
    set([...query.filters, { column: first.name, op, value: op === "last" ? "1h" : "" }]);
  };
  return (
    <Step title="Only rows where" addLabel="Filter" onAdd={columns.length > 0 ? add : undefined}>
      {query.filters.map((filter, i) => (
        <FilterRow
          // biome-ignore lint/suspicious/noArrayIndexKey: filters have no identity but their place.
          key={i}
          query={query}
          columns={columns}
          filter={filter}
          onChange={(next, typing) => set(replaced(query.filters, i, next), typing)}
          onRemove={() => set(without(query.filters, i))}
        />
      ))}
    </Step>
  );
}

interface FilterRowProps {
  query: BuildQuery;
  columns: readonly BuildColumn[];
  filter: BuildFilter;
  onChange: (filter: BuildFilter, typing?: boolean) => void;
  onRemove: () => void;
}

function FilterRow({ query, columns, filter, onChange, onRemove }: FilterRowProps) {
  const type = columns.find((c) => c.name === filter.column)?.type ?? "VARCHAR";
  const ops = buildOps(type);
  const chooseColumn = (column: string) => {
    const nextType = columns.find((c) => c.name === column)?.type ?? "VARCHAR";
    const [op = "eq"] = buildOps(nextType);
    onChange({ column, op, value: op === "last" ? "1h" : "" });
  };
  return (
    <fieldset
      aria-label={`Filter on ${filter.column}`}
      className="grid min-w-0 grid-cols-[minmax(0,1fr)_minmax(0,1fr)_auto] gap-1.5"
    >
      <Select
        aria-label="Column"
        className="w-full"
        value={filter.column}
        options={columnOptions(columns, filter.column)}
        onChange={chooseColumn}
      />
      <Select
        aria-label="Condition"
        className="w-full"
        value={filter.op}
        options={(ops.includes(filter.op) ? ops : [filter.op, ...ops]).map((op) => ({
          value: op,
          label: BUILD_OP_WORDS[op],
        }))}
        onChange={(op) => onChange({ ...filter, op, value: op === "last" ? "1h" : "" })}
      />
      <IconButton icon={X} label={`Remove the filter on ${filter.column}`} onClick={onRemove} />
      {needsValue(filter.op) ? (
        <div className="col-span-2">
          <ValueInput query={query} type={type} filter={filter} onChange={onChange} />
        </div>
      ) : null}
      {isComplete(filter) ? null : (
        <p className="col-span-2 text-xs text-muted">Counts once it has a value.</p>
      )}
    </fieldset>
  );
}

interface ValueInputProps {
  query: BuildQuery;
  type: string;
  filter: BuildFilter;
  onChange: (filter: BuildFilter, typing?: boolean) => void;
}

const SPANS = ["5m", "15m", "1h", "6h", "24h", "7d", "30d"];

function useValues(query: BuildQuery, column: string, wanted: boolean) {
  return useQuery({
    queryKey: ["build-values", query.schema, query.table, column],
    queryFn: ({ signal }) =>
      api
        .post<{ rows: unknown[][] }>(
          "api/v1/query",
          { sql: valuesSql(query, column), int64: "string", timeout_ms: 10_000, tag: "values" },
          { signal },
        )
        .then((a) => a.rows.map(([value, n]) => ({ value: cellText(value), n: String(n) }))),
    enabled: wanted,
    staleTime: 60_000,
    retry: false,
  });
}

function ValueInput({ query, type, filter, onChange }: ValueInputProps) {
  const { op, value, column } = filter;
  const listId = useId();
  const offers = !isTime(type) && !/^(STRUCT|MAP|BLOB)|\[\]$/i.test(type);
  const values = useValues(query, column, offers);
  if (op === "last") {
    return (
      <Select
        aria-label="Span"
        className="w-full"
        value={value}
        options={(SPANS.includes(value) ? SPANS : [value, ...SPANS]).map((span) => ({
          value: span,
          label: span.replace(/(\d+)(\D)/, (_m, n: string, unit: string) => spanText(n, unit)),
        }))}
        onChange={(next) => onChange({ ...filter, value: next })}
      />
    );
  }
  if (/^BOOL/i.test(type)) {
    return (
      <Select
        aria-label="Value"
        className="w-full"
        value={value}
        options={[
          { value: "", label: "…" },
          { value: "true", label: "true" },
          { value: "false", label: "false" },
        ]}
        onChange={(next) => onChange({ ...filter, value: next })}
      />
    );
  }
  if (op === "in") {
    return (
      <ValueList
        values={values.data ?? []}
        chosen={listFrom(value)}
        onChange={(next) => onChange({ ...filter, value: listTo(next) ?? "" })}
      />
    );
  }
  return (
    <>
      <Input
        aria-label="Value"
        value={value}
        list={offers ? listId : undefined}
        inputMode={isNumericType(type) ? "decimal" : undefined}
        placeholder={isTime(type) ? "2026-01-31 10:00 (UTC)" : ""}
        onChange={(event) => onChange({ ...filter, value: event.target.value }, true)}
      />
      {offers ? (
        <datalist id={listId}>
          {values.data?.map((one) => (
            <option key={one.value} value={one.value.slice(0, 200)} />
          ))}
        </datalist>
      ) : null}
    </>
  );
}

function spanText(n: string, unit: string): string {
  const words: Record<string, string> = { m: "minutes", h: "hours", d: "days" };
  const word = words[unit] ?? unit;
  return `${n} ${n === "1" ? word.replace(/s$/, "") : word}`;
}

interface ValueListProps {
  values: readonly { value: string; n: string }[];
  chosen: readonly string[];
  onChange: (chosen: string[]) => void;
}

function ValueList({ values, chosen, onChange }: ValueListProps) {
  const [typed, setTyped] = useState("");
  const extra = chosen.filter((one) => !values.some((v) => v.value === one));
  const toggle = (one: string, on: boolean) =>
    onChange(on ? [...chosen, one] : chosen.filter((other) => other !== one));
  const add = () => {
    if (typed !== "" && !chosen.includes(typed)) onChange([...chosen, typed]);
    setTyped("");
  };
  return (
    <Popover
      label="Values"
      align="start"
      className="w-72"
      trigger={
        <Button className="w-full justify-start">
          <span className="truncate">
            {chosen.length === 0 ? "Choose values…" : chosen.join(", ")}
          </span>
        </Button>
      }
    >
      <form
        className="mb-2 flex gap-1"
        onSubmit={(event) => {
          event.preventDefault();
          add();
        }}
      >
        <Input
          aria-label="Another value"
          placeholder="Another value"
          value={typed}
          onChange={(event) => setTyped(event.target.value)}
        />
        <IconButton type="submit" icon={Plus} label="Add the value" />
      </form>
      <ul className="flex max-h-64 flex-col overflow-auto">
        {[...extra.map((value) => ({ value, n: "" })), ...values].map((one) => (
          <li key={one.value} className="flex min-h-7 items-center justify-between gap-2">
            <Checkbox
              label={
                <span className="block max-w-48 truncate">
                  {one.value === "" ? <i className="text-muted">empty</i> : one.value}
                </span>
              }
              checked={chosen.includes(one.value)}
              onChange={(on) => toggle(one.value, on)}
            />
            <span className="text-xs text-muted">{one.n === "" ? "" : grouped(one.n)}</span>
          </li>
        ))}
      </ul>
      <p className="mt-2 text-xs text-muted">
        The most frequent of the first {grouped(VALUES_ROWS_MAX)} rows.
      </p>
    </Popover>
  );
}

const NO_BUCKET = "";

function GroupsStep({ query, columns, onChange }: PartProps) {
  const used = query.groups.map((g) => g.column);
  const free = columns.filter((c) => !used.includes(c.name));
  const add = () => {
    const next = free.find((c) => isTime(c.type)) ?? free[0];
    if (next === undefined) return;
    const bucket: Bucket | null = isTime(next.type) ? "hour" : null;
    const measures: readonly BuildMeasure[] =
      query.measures.length > 0 ? query.measures : [{ kind: "count", column: null }];
    const groups = [...query.groups, { column: next.name, bucket }];
    const order =
      query.order.length > 0 || bucket === null
        ? query.order
        : [{ by: groupName({ column: next.name, bucket }), descending: false }];
    onChange({ ...query, groups, measures, order });
  };
  const set = (groups: BuildQuery["groups"]) => onChange(withParts(query, { groups }));
  return (
    <Step title="For each" addLabel="Group" onAdd={free.length > 0 ? add : undefined}>
      {query.groups.map((group, i) => {
        const type = columns.find((c) => c.name === group.column)?.type ?? "VARCHAR";
        return (
          <fieldset
            // biome-ignore lint/suspicious/noArrayIndexKey: groups have no identity but their place.
            key={i}
            aria-label={`Group by ${group.column}`}
            className="flex min-w-0 gap-1.5"
          >
            <Select
              aria-label="Column"
              className="min-w-0 flex-1"
              value={group.column}
              options={columnOptions(columns, group.column)}
              onChange={(column) => {
                const next = columns.find((c) => c.name === column)?.type ?? "";
                const bucket: Bucket | null = isTime(next) ? (group.bucket ?? "hour") : null;
                set(replaced(query.groups, i, { column, bucket }));
              }}
            />
            {isTime(type) ? (
              <Select
                aria-label="Per"
                value={group.bucket ?? NO_BUCKET}
                options={[
                  { value: NO_BUCKET, label: "exact" },
                  ...BUCKETS.map((b) => ({ value: b as string, label: BUCKET_WORDS[b] })),
                ]}
                onChange={(bucket) => {
                  const next = BUCKETS.find((b) => b === bucket) ?? null;
                  set(replaced(query.groups, i, { ...group, bucket: next }));
                }}
              />
            ) : null}
            <IconButton
              icon={X}
              label={`Remove the group ${group.column}`}
              onClick={() => set(without(query.groups, i))}
            />
          </fieldset>
        );
      })}
    </Step>
  );
}

const MEASURE_WORDS: Record<MeasureKind, string> = {
  count: "number of rows",
  sum: "sum of",
  avg: "average of",
  min: "smallest",
  max: "largest",
  distinct: "different values of",
  median: "median of",
};

const NEEDS_NUMBER = new Set<MeasureKind>(["sum", "avg", "median"]);

function MeasuresStep({ query, columns, onChange }: PartProps) {
  const set = (measures: BuildQuery["measures"]) => onChange(withParts(query, { measures }));
  const taken = new Set(query.measures.map(measureName));
  const fitting = (kind: MeasureKind) =>
    NEEDS_NUMBER.has(kind) ? columns.filter((c) => isNumericType(c.type)) : columns;
  const add = () => {
    const counts: BuildMeasure = { kind: "count", column: null };
    const number = columns.find((c) => isNumericType(c.type) && !taken.has(`avg_${c.name}`));
    if (!taken.has("count")) set([...query.measures, counts]);
    else if (number) set([...query.measures, { kind: "avg", column: number.name }]);
    else set([...query.measures, { kind: "distinct", column: columns[0]?.name ?? "" }]);
  };
  return (
    <Step title="Measure" addLabel="Measure" onAdd={columns.length > 0 ? add : undefined}>
      {query.measures.map((measure, i) => (
        <fieldset
          // biome-ignore lint/suspicious/noArrayIndexKey: measures have no identity but their place.
          key={i}
          aria-label={`Measure ${measureName(measure)}`}
          className="flex min-w-0 gap-1.5"
        >
          <Select
            aria-label="Measure"
            className="min-w-0 flex-1"
            value={measure.kind}
            options={MEASURES.filter((kind) => kind === "count" || fitting(kind).length > 0).map(
              (kind) => ({ value: kind, label: MEASURE_WORDS[kind] }),
            )}
            onChange={(kind) => {
              const list = fitting(kind);
              const keeps = list.some((c) => c.name === measure.column);
              const column =
                kind === "count" ? null : keeps ? measure.column : (list[0]?.name ?? null);
              set(replaced(query.measures, i, { kind, column }));
            }}
          />
          {measure.kind === "count" ? null : (
            <Select
              aria-label="Column"
              className="min-w-0 flex-1"
              value={measure.column ?? ""}
              options={columnOptions(fitting(measure.kind), measure.column)}
              onChange={(column) => set(replaced(query.measures, i, { ...measure, column }))}
            />
          )}
          <IconButton
            icon={X}
            label={`Remove ${measureName(measure)}`}
            onClick={() => set(without(query.measures, i))}
          />
        </fieldset>
      ))}
    </Step>
  );
}

function ColumnsStep({ query, columns, onChange }: PartProps) {
  const [filter, setFilter] = useState("");
  const chosen = query.columns;
  const toggle = (name: string, on: boolean) => {
    const next = on ? [...chosen, name] : chosen.filter((other) => other !== name);
    onChange({ ...query, columns: next });
  };
  const shown = columns.filter((c) => c.name.toLowerCase().includes(filter.toLowerCase()));
  return (
    <Step title="Columns">
      <Popover
        label="Columns"
        align="start"
        className="w-80"
        trigger={
          <Button className="w-full justify-start">
            <span className="truncate">
              {chosen.length === 0 ? `All ${columns.length} columns` : chosen.join(", ")}
            </span>
          </Button>
        }
      >
        <div className="mb-2 flex gap-1">
          <SearchInput
            label="Find a column"
            className="flex-1"
            value={filter}
            onChange={setFilter}
          />
          <Button
            disabled={chosen.length === 0}
            onClick={() => onChange({ ...query, columns: [] })}
          >
            All
          </Button>
        </div>
        <ul className="flex max-h-72 flex-col overflow-auto">
          {shown.map((column) => (
            <li key={column.name} className="flex min-h-7 items-center justify-between gap-2">
              <Checkbox
                label={<span className="block max-w-44 truncate">{column.name}</span>}
                checked={chosen.includes(column.name)}
                onChange={(on) => toggle(column.name, on)}
              />
              <span className="max-w-28 truncate text-xs text-muted">{column.type}</span>
            </li>
          ))}
        </ul>
      </Popover>
    </Step>
  );
}

function OrderStep({ query, columns, onChange }: PartProps) {
  const names = outputNames(query, columns);
  const set = (order: BuildQuery["order"]) => onChange({ ...query, order });
  const free = names.filter((name) => !query.order.some((o) => o.by === name));
  const limitId = useId();
  const [limitText, setLimitText] = useState(String(query.limit));
  return (
    <Step
      title="Order and limit"
      addLabel="Order"
      onAdd={
        free.length > 0
          ? () => set([...query.order, { by: preferred(free), descending: true }])
          : undefined
      }
    >
      {query.order.map((order, i) => (
        <fieldset
          // biome-ignore lint/suspicious/noArrayIndexKey: orders have no identity but their place.
          key={i}
          aria-label={`Order by ${order.by}`}
          className="flex min-w-0 gap-1.5"
        >
          <Select
            aria-label="Order by"
            className="min-w-0 flex-1"
            value={order.by}
            options={(names.includes(order.by) ? names : [order.by, ...names]).map((name) => ({
              value: name,
              label: names.includes(name) ? name : `${name} (not in the answer)`,
            }))}
            onChange={(by) => set(replaced(query.order, i, { ...order, by }))}
          />
          <Select
            aria-label="Direction"
            className="min-w-0 flex-1"
            value={order.descending ? "down" : "up"}
            options={[
              { value: "down", label: "largest first" },
              { value: "up", label: "smallest first" },
            ]}
            onChange={(way) =>
              set(replaced(query.order, i, { ...order, descending: way === "down" }))
            }
          />
          <IconButton
            icon={X}
            label={`Remove the order by ${order.by}`}
            onClick={() => set(without(query.order, i))}
          />
        </fieldset>
      ))}
      <div className="flex items-center gap-2 text-sm">
        <label htmlFor={limitId}>At most</label>
        <Input
          id={limitId}
          type="number"
          min={1}
          max={LIMIT_MAX}
          className="w-28"
          value={limitText}
          onBlur={() => setLimitText(String(query.limit))}
          onChange={(event) => {
            const limit = event.target.valueAsNumber;
            setLimitText(event.target.value);
            if (Number.isInteger(limit) && limit > 0) {
              onChange({ ...query, limit: Math.min(limit, LIMIT_MAX) }, true);
            }
          }}
        />
        <span>rows</span>
      </div>
    </Step>
  );
}

/** A measure before a group: what is looked for is mostly the largest. */
function preferred(names: readonly string[]): string {
  return names.find((n) => /^(count|sum_|avg_|max_)/.test(n)) ?? names[0] ?? "";
}

// chart-view.tsx - a result as a chart: what is drawn is chosen by hand or suggested; the server
// aggregates the whole result (with the filters shown), and the chart says what it leaves out.
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Plus, Sparkles, Table2, X } from "lucide-react";
import { useEffect, useState } from "react";
import { isProblem } from "@/api/problem";
import { useZone } from "@/app/range";
import { compact, count, duration, grouped } from "@/lib/numbers";
import { seriesColor, seriesDash } from "@/lib/palette";
import { formatTime, offsetLabel, type Zone } from "@/lib/zone";
import { Button, IconButton } from "@/ui/button";
import { cx } from "@/ui/cx";
import { Field, Select } from "@/ui/field";
import { VirtualGrid } from "@/ui/grid";
import { EmptyState, ErrorCard, Skeleton } from "@/ui/states";
import { Segments } from "@/ui/tabs";
import { type ChartData, type ChartPoint, chartData, extentOf, fits } from "./chart-data";
import {
  AGGREGATES,
  type Aggregate,
  CHART_TYPES,
  type ChartSpec,
  type ChartType,
  roleOf,
  suggestChart,
} from "./chart-spec";
import {
  CATEGORIES_MAX,
  chartPlan,
  extentSql,
  POINTS_MAX,
  SERIES_MAX,
  SLICES_MAX,
} from "./chart-sql";
import { PieFigure } from "./pie-figure";
import { PlotFigure } from "./plot-figure";
import { askResult, type StoredResult } from "./result";
import { type ResultView, whereSql } from "./shown";

interface ChartViewProps {
  result: StoredResult;
  view: ResultView;
  onChart: (chart: ChartSpec) => void;
  onGone: () => void;
}

async function loadChart(
  result: StoredResult,
  spec: ChartSpec,
  where: string,
  signal: AbortSignal,
): Promise<ChartData> {
  const type = result.columns.find((c) => c.name === spec.x)?.type ?? "VARCHAR";
  const bounds = await askResult(result.id, extentSql(spec.x, type, where), signal);
  const extent = extentOf(bounds.rows[0]);
  const plan = chartPlan(spec, result.columns, where, extent);
  const answer = await askResult(result.id, plan.sql, signal);
  return chartData(answer.rows, spec, plan, extent);
}

const AGGREGATE_WORDS: Record<Aggregate, string> = {
  none: "each row as it is",
  count: "number of rows",
  sum: "sum",
  avg: "average",
  min: "minimum",
  max: "maximum",
  median: "median",
};

export default function ChartView({ result, view, onChart, onGone }: ChartViewProps) {
  const zone = useZone();
  const [asTable, setAsTable] = useState(false);
  const names = result.columns.map((c) => c.name);
  const suggested = suggestChart(result.columns, result.rowCount);
  const spec = view.chart !== null && fits(view.chart, names) ? view.chart : suggested;
  const where = whereSql(view.filters, result.columns);
  const query = useQuery({
    queryKey: ["result", result.id, "chart", spec, where],
    queryFn: ({ signal }): Promise<ChartData> => {
      if (spec === null) throw new Error("nothing to draw");
      return loadChart(result, spec, where, signal);
    },
    enabled: spec !== null && result.rowCount > 0,
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 60_000,
    retry: false,
    placeholderData: keepPreviousData,
  });
  const isGone = isProblem(query.error, "result_gone");
  useEffect(() => {
    if (isGone) onGone();
  }, [isGone, onGone]);
  if (result.rowCount === 0) {
    return <EmptyState title="No rows" reason="There is nothing to draw." />;
  }
  if (spec === null) {
    return (
      <EmptyState
        title="Nothing here can be drawn"
        reason="A chart needs a column with numbers, instants or names; nested values can be taken apart in the statement."
      />
    );
  }
  const { data } = query;
  return (
    <div className="flex min-h-0 flex-1 flex-col gap-2 p-2">
      <ChartControls
        result={result}
        spec={spec}
        isSuggested={view.chart === null}
        onChart={onChart}
        onSuggest={() => suggested && onChart(suggested)}
      />
      {query.error !== null ? (
        <ErrorCard
          what="The chart could not be drawn."
          error={query.error}
          retry={() => void query.refetch()}
        />
      ) : data === undefined ? (
        <Skeleton lines={8} label="Loading the chart" />
      ) : (
        <figure
          className={cx(
            "flex min-h-64 flex-1 flex-col gap-1",
            query.isPlaceholderData && "opacity-60",
          )}
        >
          {data.spec.type === "pie" || asTable ? null : <Legend data={data} />}
          {asTable ? (
            <ChartTable data={data} zone={zone} />
          ) : data.spec.type === "pie" ? (
            <PieFigure data={data} label={summary(data)} />
          ) : (
            <PlotFigure data={data} zone={zone} label={summary(data)} />
          )}
          <figcaption className="flex flex-wrap items-center gap-x-2 gap-y-1 text-xs text-muted">
            <span className="min-w-0 flex-1">{notes(data, zone).join(" · ")}</span>
            <Button
              size="sm"
              variant="ghost"
              icon={Table2}
              aria-pressed={asTable}
              onClick={() => setAsTable(!asTable)}
            >
              {asTable ? "Show as chart" : "Show as table"}
            </Button>
          </figcaption>
        </figure>
      )}
    </div>
  );
}

/** What a reader who cannot see the chart should know. */
function summary({ spec, points, series, plan }: ChartData): string {
  const values = points.map((p) => p.y);
  const low = values.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  const high = values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  return `${spec.type} chart of ${plan.measures.join(", ")} by ${spec.x}: ${count(points.length, "point")}, ${count(series.length, "series", "series")}, lowest ${compact(low)}, highest ${compact(high)}`;
}

/** What the chart shows and what it leaves out. */
function notes({ spec, points, plan, extent }: ChartData, zone: Zone): string[] {
  const out = [`${plan.measures.join(", ")} by ${spec.x}`];
  if (plan.x === "time") {
    out.push(`times in ${offsetLabel(Date.now(), zone)}`);
    if (plan.step !== undefined) out.push(`per ${stepWord(plan.step)}, cut in UTC`);
  } else if (plan.step !== undefined) out.push(`in steps of ${plan.step}`);
  if (spec.type === "scatter" && extent.rows > points.length && points.length > 0) {
    out.push(`a sample of ${grouped(points.length)} of ${count(extent.rows, "row")}`);
  }
  const most = spec.type === "pie" ? SLICES_MAX : CATEGORIES_MAX;
  if (plan.x === "category" && extent.distinct > most && spec.type !== "scatter") {
    out.push(`the first ${most} of ${grouped(extent.distinct)} values of ${spec.x}`);
  }
  if (plan.x !== "category" && spec.aggregate === "none" && extent.rows > POINTS_MAX) {
    out.push(`the first ${grouped(POINTS_MAX)} of ${count(extent.rows, "row")}`);
  }
  return out;
}

function stepWord(ms: number): string {
  const words: Record<number, string> = {
    604800000: "week",
    2592000000: "month",
    7776000000: "quarter",
    31536000000: "year",
  };
  return words[ms] ?? duration(ms);
}

function Legend({ data }: { data: ChartData }) {
  if (data.series.length < 2) return null;
  const isLine = data.spec.type === "line";
  return (
    <ul aria-label="Series" className="flex flex-wrap gap-x-4 gap-y-1 text-xs">
      {data.series.map((name, i) => (
        <li key={name} className="flex max-w-56 items-center gap-1.5">
          <svg aria-hidden="true" viewBox="0 0 20 8" className="h-2 w-5 shrink-0">
            <path
              d="M0 4H20"
              stroke={`var(${seriesColor(i)})`}
              strokeWidth={isLine ? 2 : 8}
              strokeDasharray={isLine ? seriesDash(i).join(" ") : undefined}
            />
          </svg>
          <span className="truncate" title={name}>
            {name}
          </span>
        </li>
      ))}
    </ul>
  );
}

function ChartTable({ data, zone }: { data: ChartData; zone: Zone }) {
  const at = (p: ChartPoint) =>
    data.plan.x === "time" ? formatTime(p.x as number, zone) : String(p.x);
  return (
    <VirtualGrid<ChartPoint>
      label="The chart's figures"
      rows={data.points}
      rowHeight={28}
      className="min-h-56 flex-1"
      columns={[
        { id: "x", header: data.spec.x, value: at, width: 240 },
        { id: "series", header: data.spec.by ?? "measure", value: (p) => p.series, width: 200 },
        { id: "y", header: "value", value: (p) => p.y, align: "right", width: 160 },
      ]}
    />
  );
}

interface ControlsProps {
  result: StoredResult;
  spec: ChartSpec;
  isSuggested: boolean;
  onChart: (spec: ChartSpec) => void;
  onSuggest: () => void;
}

const TYPE_WORDS: Record<ChartType, string> = {
  bar: "Bar",
  line: "Line",
  area: "Area",
  pie: "Pie",
  scatter: "Scatter",
};

const NONE = "";

/** A change that keeps the rest drawable. */
function fitted(spec: ChartSpec, numbers: readonly string[]): ChartSpec {
  const next = { ...spec };
  if (next.type === "scatter") {
    next.aggregate = "none";
    next.y = next.y.slice(0, 1);
  }
  if (next.aggregate !== "count" && next.y.length === 0) {
    const [first] = numbers.filter((name) => name !== next.x);
    if (first === undefined) next.aggregate = "count";
    else next.y = [first];
  }
  if (next.type === "pie") {
    next.by = null;
    next.y = next.y.slice(0, 1);
  }
  if (next.by !== null) next.y = next.y.slice(0, 1);
  return next;
}

function ChartControls({ result, spec, isSuggested, onChart, onSuggest }: ControlsProps) {
  const all = result.columns.map((c) => c.name);
  const numbers = result.columns.filter((c) => roleOf(c.type) === "number").map((c) => c.name);
  const options = (names: readonly string[]) => names.map((name) => ({ value: name, label: name }));
  const change = (next: Partial<ChartSpec>) => onChart(fitted({ ...spec, ...next }, numbers));
  const usesY = spec.aggregate !== "count" || spec.type === "scatter";
  const manyY = spec.by === null && spec.type !== "pie" && spec.type !== "scatter";
  const unused = numbers.filter((name) => !spec.y.includes(name));
  return (
    <div className="flex flex-wrap items-end gap-x-3 gap-y-2">
      <Segments
        label="Kind of chart"
        value={spec.type}
        onChange={(type) => change({ type })}
        items={CHART_TYPES.map((type) => ({ value: type, label: TYPE_WORDS[type] }))}
      />
      <Field label={spec.type === "pie" ? "Slices" : "Across"}>
        <Select
          value={spec.x}
          options={options(all)}
          className="max-w-28"
          onChange={(x) => change({ x })}
        />
      </Field>
      {spec.type === "scatter" ? null : (
        <Field label="Measure">
          <Select<Aggregate>
            value={spec.aggregate}
            options={AGGREGATES.filter((a) => a === "count" || numbers.length > 0).map((a) => ({
              value: a,
              label: AGGREGATE_WORDS[a],
            }))}
            className="max-w-28"
            onChange={(aggregate) => change({ aggregate })}
          />
        </Field>
      )}
      {usesY
        ? spec.y.map((name, i) => (
            <Field key={name} label={i === 0 ? (spec.type === "scatter" ? "Up" : "of") : "and"}>
              <span className="flex">
                <Select
                  aria-label={`Column ${i + 1}`}
                  value={name}
                  options={options([name, ...unused])}
                  className="max-w-28"
                  onChange={(y) => change({ y: spec.y.map((old, j) => (j === i ? y : old)) })}
                />
                {i > 0 ? (
                  <IconButton
                    icon={X}
                    label={`Remove ${name}`}
                    onClick={() => change({ y: spec.y.filter((_, j) => j !== i) })}
                  />
                ) : null}
              </span>
            </Field>
          ))
        : null}
      {usesY && manyY && unused[0] !== undefined && spec.y.length < SERIES_MAX ? (
        <IconButton
          icon={Plus}
          label="Add a column"
          onClick={() => change({ y: [...spec.y, unused[0] ?? ""] })}
        />
      ) : null}
      {spec.type === "pie" ? null : (
        <Field label="Series">
          <Select
            value={spec.by ?? NONE}
            options={[
              { value: NONE, label: "none" },
              ...options(all.filter((name) => name !== spec.x)),
            ]}
            className="max-w-28"
            onChange={(by) => change({ by: by === NONE ? null : by })}
          />
        </Field>
      )}
      <IconButton
        icon={Sparkles}
        label={isSuggested ? "This chart is a suggestion" : "Suggest a chart"}
        pressed={isSuggested}
        onClick={onSuggest}
      />
    </div>
  );
}

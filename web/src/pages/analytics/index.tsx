// The page Analytics: what the events of a period tell, counted by SQL over the tables and the rows
// that are fresher; against the period before, under the same filters as Live.
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { Radio, RotateCw } from "lucide-react";
import { useMemo, useRef } from "react";
import { type KeyCommand, useKeys } from "@/app/keys";
import { Page } from "@/app/page";
import { useRange } from "@/app/range";
import { FACETS, type Facet } from "@/filters/facets";
import { FilterBar, FilterChips } from "@/filters/filter-bar";
import { type FilterState, isFiltered, useFilters } from "@/filters/use-filters";
import { count } from "@/lib/numbers";
import { pointText } from "@/lib/range";
import { formatTime } from "@/lib/zone";
import { Badge } from "@/ui/badge";
import { Button, ButtonLike } from "@/ui/button";
import { EmptyState, ErrorCard, Skeleton } from "@/ui/states";
import { Distribution } from "./distribution";
import { topOf } from "./figures";
import { Nothing } from "./nothing";
import type { Split } from "./split";
import { askable, beforeMs, facetExpression, type Question, topSql } from "./sql";
import { Tiles, useTotals } from "./tiles";
import { TOP_MAX, TopValues } from "./top-values";
import { useAsk, useSpan } from "./use-ask";
import { type Sources, TOPICS_MAX, useSources } from "./use-sources";

export default function AnalyticsPage() {
  const state = useFilters();
  const { filters } = state;
  const sources = useSources(filters.topic);
  const { span, asOfMs, renew, isAsking } = useSpan();
  const { range } = useRange();
  const question = useMemo<Question>(
    () => ({
      sources: sources.sources ?? [],
      filters,
      fromMs: Math.floor(span.fromMs),
      toMs: Math.ceil(span.toMs),
    }),
    [sources.sources, filters, span.fromMs, span.toMs],
  );
  // What is asked, without its moment.
  const about = JSON.stringify([
    question.sources.map((one) => one.topic),
    filters,
    pointText(range.from),
    pointText(range.to),
  ]);
  const isKnown = sources.sources !== undefined;
  return (
    <Page
      title="Analytics"
      ready={isKnown || sources.error !== null}
      subtitle={isKnown ? <Subtitle question={question} sources={sources} /> : undefined}
      actions={<Actions asOfMs={asOfMs} isAsking={isAsking} onRenew={renew} />}
    >
      {isKnown ? (
        <Content question={question} about={about} sources={sources} state={state} renew={renew} />
      ) : sources.error !== null ? (
        <ErrorCard
          what="The topics and their columns could not be loaded."
          error={sources.error}
          retry={sources.retry}
        />
      ) : (
        <Skeleton lines={8} />
      )}
    </Page>
  );
}

interface ActionsProps {
  asOfMs: number;
  isAsking: boolean;
  onRenew: () => void;
}

function Actions({ asOfMs, isAsking, onRenew }: ActionsProps) {
  const { zone } = useRange();
  const { topic, type, level, source, endpoint, q } = useSearch({ from: "/analytics" });
  return (
    <>
      <span className="text-xs text-muted">as of {formatTime(asOfMs, zone, "time")}</span>
      <Link
        to="/live"
        search={{ topic, type, level, source, endpoint, q }}
        className={ButtonLike({})}
      >
        <Radio aria-hidden="true" className="size-4" /> Live
      </Link>
      <Button icon={RotateCw} busy={isAsking} onClick={onRenew}>
        Renew
      </Button>
    </>
  );
}

function Subtitle({ question, sources }: { question: Question; sources: Sources }) {
  const { zone } = useRange();
  const asked = askable(question).length;
  const from = formatTime(question.fromMs, zone, "minute");
  const date = from.slice(0, 10);
  // The date once is enough where it is the same.
  const time = (ms: number) => formatTime(ms, zone, "minute").replace(`${date} `, "");
  return (
    <span className="flex flex-wrap items-center gap-x-2 gap-y-1">
      <span>
        {count(asked, "topic")}, {from} – {time(question.toMs)}, against the same time before it,
        from {time(beforeMs(question))}
      </span>
      {sources.isCut ? (
        <Badge tone="warn">
          the {TOPICS_MAX} largest of {count(sources.topicCount, "topic")}: choose topics for others
        </Badge>
      ) : null}
      {asked < question.sources.length ? (
        <Badge tone="info">
          {count(question.sources.length - asked, "topic")} without a field for the filters
        </Badge>
      ) : null}
      {sources.missing.length > 0 ? (
        <Badge tone="warn">no topic {sources.missing.join(", ")}</Badge>
      ) : null}
    </span>
  );
}

interface ContentProps {
  question: Question;
  about: string;
  sources: Sources;
  state: FilterState;
  renew: () => void;
}

const PANELS: readonly { split: Split; title: string }[] = [
  { split: "type", title: "Event types" },
  { split: "endpoint", title: "Endpoints" },
  { split: "topic", title: "Topics" },
  { split: "source", title: "Sources" },
  { split: "level", title: "Levels" },
];

function useTop(question: Question, about: string, split: Split, enabled: boolean) {
  const sql = enabled ? topSql(question, split, TOP_MAX) : null;
  return { sql, asked: useAsk(sql, `top ${split} ${about}`, topOf) };
}

/** Those facets that some of the tables have a column for. */
function facetsOf(question: Question): ReadonlySet<Split> {
  const sources = askable(question);
  const found = FACETS.filter((facet) =>
    sources.some((one) => facetExpression(one, facet) !== null),
  );
  return new Set<Split>(sources.length > 1 ? [...found, "topic"] : found);
}

function Content({ question, about, sources, state, renew }: ContentProps) {
  const { filters, change, setText, clear } = state;
  const search = useSearch({ from: "/analytics" });
  const navigate = useNavigate({ from: "/analytics" });
  const input = useRef<HTMLInputElement>(null);
  const facets = facetsOf(question);
  const by = search.by ?? PANELS.find(({ split }) => facets.has(split))?.split ?? "topic";
  const totals = useTotals(question, about);
  const top = {
    type: useTop(question, about, "type", facets.has("type")),
    endpoint: useTop(question, about, "endpoint", facets.has("endpoint")),
    level: useTop(question, about, "level", facets.has("level")),
    source: useTop(question, about, "source", facets.has("source")),
    topic: useTop(question, about, "topic", facets.has("topic")),
  };
  const keys: KeyCommand[] = [
    {
      keys: "/",
      label: "Find text in events",
      group: "Analytics",
      run: () => input.current?.focus(),
    },
    { keys: "r", label: "Renew", group: "Analytics", run: renew },
  ];
  useKeys(keys);
  const seen = (facet: Facet) =>
    (top[facet].asked.data ?? []).flatMap(({ value, events }) =>
      value === null ? [] : [{ value, count: events }],
    );
  const isEmpty = totals.data?.events === 0 && !totals.isStale;
  if (sources.topicCount === 0) {
    return (
      <EmptyState
        title="No events yet"
        reason="Once events come in, this page counts their types, endpoints, sources and errors, and compares with the period before."
        command="tarn produce web_logs --rate 100"
      />
    );
  }
  return (
    <>
      <FilterBar
        filters={filters}
        onChange={change}
        onText={setText}
        onClear={clear}
        seen={seen}
        counted="Counted in this period."
        inputRef={input}
      />
      <FilterChips filters={filters} onChange={change} onText={setText} />
      {totals.sql === null || isEmpty ? (
        <Nothing
          question={question}
          filtered={isFiltered({ ...filters, topic: [] })}
          onClear={clear}
        />
      ) : (
        <>
          <Tiles totals={totals} lengthMs={question.toMs - question.fromMs} />
          <Distribution
            question={question}
            about={about}
            by={by}
            onBy={(next) => void navigate({ search: (old) => ({ ...old, by: next }) })}
          />
          <div className="grid items-start gap-3 lg:grid-cols-2">
            {PANELS.filter(({ split }) => facets.has(split)).map(({ split, title }) => (
              <TopValues
                key={split}
                title={title}
                split={split}
                {...top[split]}
                chosen={filters[split]}
                onChoose={(value) => change(split, [value])}
              />
            ))}
          </div>
        </>
      )}
    </>
  );
}

// The page Live: events as they are acknowledged, filtered on the server, kept here in a ring of
// the newest 5,000. At the top of the list it follows; scrolled down or paused it stands still and
// says how many have come since. What the server thinned or dropped is said, never hidden.
import { Link } from "@tanstack/react-router";
import { ChartColumn, Database, Eraser, Pause, Play, SquareTerminal } from "lucide-react";
import { useEffect, useMemo, useRef, useState } from "react";
import type { EventsFrame } from "@/api/events";
import { useTopics } from "@/api/queries";
import { useChannel } from "@/api/use-live";
import { FollowFrame, useFollowing } from "@/app/following";
import { type KeyCommand, useKeys } from "@/app/keys";
import { Page } from "@/app/page";
import { usePause, useRange } from "@/app/range";
import { markLiveSeen } from "@/app/steps";
import { FACETS, type Facet } from "@/filters/facets";
import { FilterBar, FilterChips } from "@/filters/filter-bar";
import { type Filters, isFiltered, NAMES, useFilters } from "@/filters/use-filters";
import { useMedia } from "@/lib/media";
import { compact, count, grouped, percent } from "@/lib/numbers";
import { listTo } from "@/lib/search";
import type { Zone } from "@/lib/zone";
import { Badge } from "@/ui/badge";
import { Button, ButtonLike } from "@/ui/button";
import { CopyAsCurl } from "@/ui/copy";
import { type GridColumn, VirtualGrid } from "@/ui/grid";
import { Instant } from "@/ui/instant";
import { EmptyState } from "@/ui/states";
import { TimeChart } from "@/ui/time-chart";
import { Tooltip } from "@/ui/tooltip";
import { EventDetail } from "./detail";
import { type LiveEvent, levelTone, summaryOf } from "./event";
import { EventFeed, type FeedView, KEPT } from "./feed";

const RATE_MAX = 200;
const CHART_MS = 300_000;

/** The subscription's params; the server filters, so that only hits travel. */
function paramsOf(filters: Filters) {
  const filter: Record<string, unknown> = {};
  for (const facet of FACETS) if (filters[facet].length > 0) filter[facet] = filters[facet];
  if (filters.q !== "") filter.text = filters.q;
  return {
    ...(filters.topic.length > 0 ? { topics: filters.topic } : {}),
    filter,
    rate_max: RATE_MAX,
    last: 200,
  };
}

function useFeed(filters: Filters) {
  const [feed] = useState(() => new EventFeed());
  const [failure, setFailure] = useState<string | null>(null);
  const params = useMemo(() => paramsOf(filters), [filters]);
  const text = JSON.stringify(params);
  const asked = useRef(text);
  useEffect(() => {
    if (asked.current === text) return;
    asked.current = text;
    setFailure(null);
    feed.begin();
  }, [text, feed]);
  useChannel<EventsFrame>("events", params, {
    onData: (frame) => feed.take(frame),
    onDropped: (dropped) => feed.drop(dropped),
    onError: (_code, detail) => setFailure(detail),
    onResumed: () => feed.clear(),
  });
  return { feed, failure };
}

export default function LivePage() {
  const { filters, change, setText, clear } = useFilters();
  const { live, zone } = useRange();
  const { feed, failure } = useFeed(filters);
  const setPaused = usePause((s) => s.setPaused);
  const [openN, setOpenN] = useState<number | null>(null);
  const following = useFollowing(feed);
  const { view, fresh, paused, newest } = following;
  const topics = useTopics();
  const input = useRef<HTMLInputElement>(null);
  const keys: KeyCommand[] = [
    { keys: "/", label: "Find text in events", group: "Live", run: () => input.current?.focus() },
    { keys: "n", label: "Newest events", group: "Live", run: newest },
    { keys: "c", label: "Clear the list", group: "Live", run: () => feed.begin() },
  ];
  useKeys(keys);
  const openEvent = openN === null ? null : eventOf(view, openN);
  const hasEvents = view.total > 0;
  useEffect(() => {
    if (hasEvents) markLiveSeen();
  }, [hasEvents]);
  const noTopics = topics.data?.length === 0 && view.total === 0;
  return (
    <Page
      title="Live"
      fill
      ready={view.total > 0 || topics.data !== undefined}
      subtitle={<Summary view={view} />}
      actions={
        <>
          <CopyAsCurl plan={streamPlan(filters)} />
          <Button icon={Eraser} variant="ghost" onClick={() => feed.begin()}>
            Clear
          </Button>
          <Tooltip text={paused ? "Go on at the newest" : "Hold the list still"} keys="P">
            <Button icon={paused ? Play : Pause} onClick={() => setPaused(!paused)}>
              {paused ? "Resume" : "Pause"}
            </Button>
          </Tooltip>
        </>
      }
    >
      <FilterBar
        filters={filters}
        onChange={change}
        onText={setText}
        onClear={clear}
        seen={(facet) => feed.top(facet, 500)}
        inputRef={input}
      />
      <FilterChips filters={filters} onChange={change} onText={setText} />
      {live ? null : <PastNote />}
      {failure === null ? null : (
        <p role="alert" className="rounded-md bg-error-soft px-3 py-2 text-sm text-error">
          {failure}
        </p>
      )}
      {noTopics ? (
        <EmptyState
          title="No events yet"
          reason="This server has no topics. The first event makes one."
          command={firstEvent()}
        />
      ) : (
        <>
          <TimeChart
            label="Matching events per second"
            time={view.t}
            span={{ fromMs: view.atMs - CHART_MS, toMs: view.atMs }}
            zone={zone}
            kind="bars"
            stacked
            height={96}
            series={[
              { label: "shown", values: view.shown, color: 0 },
              { label: "not shown (thinned)", values: view.hidden, color: 2 },
            ]}
          />
          <FollowFrame following={following} className="min-h-72">
            <EventList
              view={view}
              openN={openN}
              onOpen={setOpenN}
              empty={
                fresh > 0 ? null : <NothingYet filtered={isFiltered(filters)} onClear={clear} />
              }
            />
          </FollowFrame>
        </>
      )}
      <p aria-live="polite" className="sr-only">
        <Spoken view={view} />
      </p>
      <EventDetail
        event={openEvent}
        onClose={() => setOpenN(null)}
        onFilter={(name, value) => change(name, [value])}
      />
    </Page>
  );
}

function eventOf(view: FeedView, n: number): LiveEvent | null {
  return view.events[view.total - 1 - n] ?? null;
}

function streamPlan(filters: Filters) {
  return {
    method: "GET" as const,
    path: "api/v1/analytics/realtime",
    headers: { accept: "text/event-stream" },
    query: {
      channels: "events",
      ...Object.fromEntries(NAMES.map((name) => [name, listTo(filters[name])])),
      q: filters.q || undefined,
    },
  };
}

function firstEvent(): string {
  const to = new URL("api/v1/topics/visits/events", document.baseURI).href;
  return `curl ${to} \\\n     -H 'Content-Type: application/json' -d '{"type": "view", "who": "ada", "page": "/"}'`;
}

/** "1,204 of 5,000 kept · 42 /s", and whatever is not shown. */
function Summary({ view }: { view: FeedView }) {
  const thinned = view.matchedRate - view.shownRate;
  return (
    <span className="flex flex-wrap items-center gap-x-2 gap-y-1">
      <span>
        {count(view.events.length, "event")} of the newest {grouped(KEPT)} ·{" "}
        {compact(view.matchedRate)} /s match
      </span>
      {thinned >= 1 ? (
        <Badge tone="warn">
          showing {compact(view.shownRate)} of {compact(view.matchedRate)} /s
        </Badge>
      ) : null}
      {view.sampled < 1 ? (
        <Badge tone="warn">the server reads {percent(view.sampled)} of what comes in</Badge>
      ) : null}
      {view.dropped > 0 ? (
        <Badge tone="warn">{grouped(view.dropped)} dropped: slow connection</Badge>
      ) : null}
    </span>
  );
}

const SPOKEN_MS = 10_000;

/** For screen readers: a list that moves is not read out, a sentence each ten seconds is. */
function Spoken({ view }: { view: FeedView }) {
  const latest = useRef(view);
  latest.current = view;
  const [sentence, setSentence] = useState("");
  useEffect(() => {
    let before = latest.current.total;
    const timer = window.setInterval(() => {
      const came = latest.current.total - before;
      before = latest.current.total;
      setSentence(came > 0 ? `${count(came, "new event")} in ten seconds` : "");
    }, SPOKEN_MS);
    return () => window.clearInterval(timer);
  }, []);
  return sentence;
}

function PastNote() {
  return (
    <p className="flex flex-wrap items-center gap-2 rounded-md bg-info-soft px-3 py-2 text-sm">
      Live shows what comes in now, whatever the time range. For the past, ask the tables.
      <Link to="/analytics" search={(old) => old} className={ButtonLike({ size: "sm" })}>
        <ChartColumn aria-hidden="true" className="size-4" /> Analytics, with these filters
      </Link>
      <Link to="/sql" className={ButtonLike({ size: "sm" })}>
        <SquareTerminal aria-hidden="true" className="size-4" /> Open SQL
      </Link>
      <Link to="/tables" className={ButtonLike({ size: "sm" })}>
        <Database aria-hidden="true" className="size-4" /> Tables
      </Link>
    </p>
  );
}

function NothingYet({ filtered, onClear }: { filtered: boolean; onClear: () => void }) {
  return filtered ? (
    <EmptyState
      title="No event matches the filters"
      reason="Among the newest events of the topics there is none. New ones appear as they come."
      action={<Button onClick={onClear}>Clear filters</Button>}
    />
  ) : (
    <EmptyState
      title="Waiting for events"
      reason="Nothing has come in since this page was opened."
      command={firstEvent()}
    />
  );
}

/** A facet gets its column when an event has it: a list of web logs needs none for levels. On a
 * narrow screen what the event says comes right after its time. */
function columnsOf(zone: Zone, facets: readonly Facet[], narrow: boolean): GridColumn<LiveEvent>[] {
  const plain = (facet: Facet, header: string, width: number): GridColumn<LiveEvent> => ({
    id: facet,
    header,
    width,
    value: (event) => event.facets[facet] ?? "",
  });
  const time: GridColumn<LiveEvent> = {
    id: "time",
    header: "Time",
    width: 108,
    value: (event) => event.timestamp,
    cell: (event) => <Instant at={event.ms} zone={zone} form="timeMillis" />,
  };
  const topic = { id: "topic", header: "Topic", width: 150, value: (e: LiveEvent) => e.topic };
  const byFacet: Record<Facet, GridColumn<LiveEvent>> = {
    type: plain("type", "Type", 140),
    level: {
      ...plain("level", "Level", 84),
      cell: ({ facets: { level } }) =>
        level === undefined ? null : <Badge tone={levelTone(level)}>{level}</Badge>,
    },
    source: plain("source", "Source", 136),
    endpoint: plain("endpoint", "Endpoint", 170),
  };
  const event: GridColumn<LiveEvent> = {
    id: "event",
    header: "Event",
    width: narrow ? 250 : 340,
    grow: true,
    value: (e) => summaryOf(e),
    cell: (e) => (
      <span className="font-mono text-xs">
        {narrow ? <strong className="mr-2 font-medium">{e.facets.type ?? e.topic}</strong> : null}
        {summaryOf(e)}
      </span>
    ),
  };
  const chosen = facets.map((facet) => byFacet[facet]);
  return narrow ? [time, event, topic, ...chosen] : [time, topic, ...chosen, event];
}

const LOOKED_AT = 50;

/** The facets that some event has had; a column that is there stays, so that nothing jumps. */
function useSeenFacets(view: FeedView): readonly Facet[] {
  const seen = useRef<readonly Facet[]>([]);
  const newest = view.events.slice(0, LOOKED_AT);
  const all = FACETS.filter(
    (facet) => seen.current.includes(facet) || newest.some((e) => e.facets[facet] !== undefined),
  );
  if (all.length !== seen.current.length) seen.current = all;
  return seen.current;
}

interface EventListProps {
  view: FeedView;
  openN: number | null;
  onOpen: (n: number) => void;
  empty: React.ReactNode;
}

function EventList({ view, openN, onOpen, empty }: EventListProps) {
  const { zone } = useRange();
  const narrow = useMedia("(max-width: 640px)");
  const seen = useSeenFacets(view);
  const columns = useMemo(() => columnsOf(zone, seen, narrow), [zone, seen, narrow]);
  return (
    <VirtualGrid
      label="Events, newest first"
      columns={columns}
      rows={view.events}
      rowHeight={28}
      openOnClick
      onOpen={(event) => onOpen(event.n)}
      openIndex={openN === null ? null : view.total - 1 - openN}
      empty={empty}
      className="min-h-0 flex-1"
    />
  );
}

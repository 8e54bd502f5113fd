// profile-drawer.tsx - what is in a column of a result: how many, how different, how they spread.
// All figures are counted by the server over the whole result, with the filters shown.
import { useQuery } from "@tanstack/react-query";
import { useZone } from "@/app/range";
import { cellText } from "@/lib/cell";
import { compact, grouped, percent } from "@/lib/numbers";
import { formatTime } from "@/lib/zone";
import { Drawer } from "@/ui/dialog";
import { KeyValue } from "@/ui/keyvalue";
import { Loaded } from "@/ui/states";
import { columnIds, shown } from "./cells";
import { BUCKETS, factsSql, histogramSql, profileKind, topValuesSql } from "./profile-sql";
import { askResult, type StoredResult } from "./result";
import { type ResultFilter, whereSql } from "./shown";

const EXACT_ROWS_MAX = 2_000_000;
const TOP_VALUES = 12;

interface ProfileDrawerProps {
  result: StoredResult;
  column: number;
  filters: readonly ResultFilter[];
  onClose: () => void;
  onFilter: (filter: ResultFilter) => void;
}

interface Bucket {
  low: number;
  high: number;
  rows: number;
}

interface Profile {
  facts: Record<string, unknown>;
  top: { value: unknown; rows: number }[];
  buckets: Bucket[];
}

async function loadProfile(
  result: StoredResult,
  name: string,
  type: string,
  where: string,
  signal: AbortSignal,
): Promise<Profile> {
  const exact = result.rowCount <= EXACT_ROWS_MAX;
  const kind = profileKind(type);
  const facts = await askResult(result.id, factsSql(name, type, where, exact), signal);
  const [row = []] = facts.rows;
  const named = Object.fromEntries(facts.columns.map((c, i) => [c.name, row[i]]));
  const top = await askResult(result.id, topValuesSql(name, where, TOP_VALUES), signal);
  const spread =
    kind === "number" || kind === "time"
      ? await askResult(result.id, histogramSql(name, type, where), signal)
      : null;
  return {
    facts: named,
    top: top.rows.map(([value, n]) => ({ value, rows: Number(n) })),
    buckets: spread === null ? [] : bucketsOf(spread.rows),
  };
}

/** All buckets, those without rows too. */
function bucketsOf(rows: readonly (readonly unknown[])[]): Bucket[] {
  const [first] = rows;
  if (first === undefined) return [];
  const low = Number(first[0]);
  const high = Number(first[1]);
  if (!(high > low)) return [];
  const width = (high - low) / BUCKETS;
  return Array.from({ length: BUCKETS }, (_, i) => ({
    low: low + i * width,
    high: low + (i + 1) * width,
    rows: Number(rows.find((row) => Number(row[2]) === i)?.[3] ?? 0),
  }));
}

export function ProfileDrawer(props: ProfileDrawerProps) {
  const { result, column, filters, onClose } = props;
  const name = result.columns[column]?.name ?? "";
  const type = result.columns[column]?.type ?? "";
  const where = whereSql(filters, result.columns);
  const isTwin = columnIds(result.columns)[column] !== name;
  const query = useQuery({
    queryKey: ["result", result.id, "profile", column, where],
    queryFn: ({ signal }) => loadProfile(result, name, type, where, signal),
    enabled: !isTwin,
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 60_000,
    retry: false,
  });
  return (
    <Drawer
      open
      onClose={onClose}
      title={name}
      description={`${type}${filters.length > 0 ? ", of the rows that pass the filters" : ""}`}
    >
      {isTwin ? (
        <p className="text-sm text-muted">
          Another column has this name too. Give it a name of its own (AS …) to profile it.
        </p>
      ) : (
        <Loaded query={query} what="The column could not be profiled." lines={10}>
          {(profile) => <ProfileBody {...props} profile={profile} type={type} name={name} />}
        </Loaded>
      )}
    </Drawer>
  );
}

interface BodyProps extends ProfileDrawerProps {
  profile: Profile;
  type: string;
  name: string;
}

function ProfileBody({ profile, result, type, name, onFilter, onClose }: BodyProps) {
  const zone = useZone();
  const { facts, top, buckets } = profile;
  const total = Number(facts.row_count ?? 0);
  const filled = Number(facts.filled ?? 0);
  const different = grouped(String(facts.different ?? "0"));
  const approximate = result.rowCount > EXACT_ROWS_MAX;
  const value = (v: unknown) => (v === null || v === undefined ? "–" : shown(v, type, zone));
  const plain = (v: unknown) => (v === null || v === undefined ? "–" : grouped(cellText(v)));
  const has = (key: string) => key in facts;
  return (
    <div className="flex flex-col gap-5">
      <KeyValue
        items={[
          ["Rows", grouped(total)],
          [
            "NULL",
            `${grouped(total - filled)} (${percent(total > 0 ? (total - filled) / total : 0)})`,
          ],
          has("empty") && ["Empty texts", plain(facts.empty)],
          ["Distinct", approximate ? `about ${different}` : different],
          has("lowest") && ["Min", <span key="min">{value(facts.lowest).slice(0, 300)}</span>],
          has("highest") && ["Max", <span key="max">{value(facts.highest).slice(0, 300)}</span>],
          has("mean") && ["Average", plain(facts.mean)],
          has("middle") && ["Median", plain(facts.middle)],
          has("spread") && ["Standard deviation", plain(facts.spread)],
          has("shortest") && ["Length", `${plain(facts.shortest)} to ${plain(facts.longest)}`],
        ]}
      />
      {buckets.length > 0 ? (
        <Histogram
          buckets={buckets}
          label={(v) => (profileKind(type) === "time" ? formatTime(v, zone, "minute") : compact(v))}
        />
      ) : null}
      {top.length > 0 ? (
        <section>
          <h3 className="mb-1.5 text-sm font-semibold">Most frequent</h3>
          <ul className="flex flex-col gap-0.5">
            {top.map((entry) => (
              <li key={cellText(entry.value)}>
                <button
                  type="button"
                  title="Show only these rows"
                  onClick={() => {
                    onFilter({ column: name, op: "eq", value: cellText(entry.value) });
                    onClose();
                  }}
                  className="relative grid w-full grid-cols-[minmax(0,1fr)_auto_4rem] gap-2 overflow-hidden rounded px-1.5 py-0.5 text-left text-sm hover:outline-1 hover:outline-accent"
                >
                  <span
                    aria-hidden="true"
                    className="absolute inset-y-0 left-0 bg-accent-soft"
                    style={{ width: `${(100 * entry.rows) / Math.max(1, filled)}%` }}
                  />
                  <span className="relative truncate">
                    {cellText(entry.value) === "" ? (
                      <i className="text-xs text-muted">empty</i>
                    ) : (
                      value(entry.value).slice(0, 200)
                    )}
                  </span>
                  <span className="relative">{grouped(entry.rows)}</span>
                  <span className="relative text-right text-muted">
                    {percent(entry.rows / Math.max(1, total))}
                  </span>
                </button>
              </li>
            ))}
          </ul>
        </section>
      ) : null}
    </div>
  );
}

interface HistogramProps {
  buckets: readonly Bucket[];
  label: (value: number) => string;
}

function Histogram({ buckets, label }: HistogramProps) {
  const most = Math.max(1, ...buckets.map((b) => b.rows));
  const first = buckets[0]?.low ?? 0;
  const last = buckets.at(-1)?.high ?? 0;
  const peak = buckets.find((b) => b.rows === most);
  return (
    <figure>
      <h3 className="mb-1.5 text-sm font-semibold">Distribution</h3>
      <div
        role="img"
        aria-label={`${buckets.length} ranges from ${label(first)} to ${label(last)}; most rows (${grouped(most)}) between ${label(peak?.low ?? 0)} and ${label(peak?.high ?? 0)}`}
        className="flex h-24 items-end gap-px border-b border-line-strong"
      >
        {buckets.map((bucket) => (
          <span
            key={bucket.low}
            title={`${label(bucket.low)} to ${label(bucket.high)}: ${grouped(bucket.rows)} rows`}
            className="flex h-full flex-1 items-end hover:bg-hover"
          >
            <span
              className="w-full bg-chart-1"
              style={{
                height: `${(100 * bucket.rows) / most}%`,
                minHeight: bucket.rows > 0 ? 1 : 0,
              }}
            />
          </span>
        ))}
      </div>
      <figcaption className="mt-1 flex justify-between text-xs text-muted">
        <span>{label(first)}</span>
        <span>{label(last)}</span>
      </figcaption>
    </figure>
  );
}

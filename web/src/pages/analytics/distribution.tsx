// distribution.tsx - events over time, split by the most frequent values of a field.
import { PageChart } from "@/app/page-chart";
import { count } from "@/lib/numbers";
import { Segments } from "@/ui/tabs";
import { distributionOf } from "./figures";
import { Panel } from "./panel";
import { SPLITS, type Split } from "./split";
import { bucketSeconds, distributionSql, type Question } from "./sql";
import { useAsk } from "./use-ask";

function bucketText(seconds: number): string {
  if (seconds % 86_400 === 0) return count(seconds / 86_400, "day");
  if (seconds % 3600 === 0) return count(seconds / 3600, "hour");
  if (seconds % 60 === 0) return count(seconds / 60, "minute");
  return count(seconds, "second");
}

interface DistributionProps {
  question: Question;
  about: string;
  by: Split;
  onBy: (by: Split) => void;
}

export function Distribution({ question, about, by, onBy }: DistributionProps) {
  const { fromMs, toMs } = question;
  const seconds = bucketSeconds(fromMs, toMs);
  const sql = distributionSql(question, by, seconds);
  const asked = useAsk(sql, `distribution ${by} ${about}`, (answer) => ({
    span: { fromMs, toMs },
    ...distributionOf(answer, fromMs, toMs, seconds, `no ${by}`),
  }));
  return (
    <Panel
      title="Over time"
      note={`events per ${bucketText(seconds).replace(/^1 /, "")}`}
      sql={sql}
      asked={asked}
      isEmpty={(data) => data.series.length === 0}
      empty="No events in this period."
      flush
      actions={
        <Segments
          label="Split by"
          value={by}
          onChange={onBy}
          items={SPLITS.map((value) => ({ value, label: value }))}
        />
      }
    >
      {(data) => (
        <PageChart
          label={`Events over time by ${by}`}
          time={data.t}
          series={data.series}
          span={data.span}
          kind="bars"
          stacked
          height={220}
        />
      )}
    </Panel>
  );
}

// nothing.tsx - a period without events: because of the filters, or because nothing came then; and
// the way to where there are some.
import { useRange } from "@/app/range";
import { formatTime } from "@/lib/zone";
import { Button } from "@/ui/button";
import { EmptyState } from "@/ui/states";
import { newestSql, type Question } from "./sql";
import { useAsk } from "./use-ask";

interface NothingProps {
  question: Question;
  filtered: boolean;
  onClear: () => void;
}

export function Nothing({ question, filtered, onClear }: NothingProps) {
  const { zone, setSpan } = useRange();
  const length = question.toMs - question.fromMs;
  const sql = newestSql(question);
  const asked = useAsk(sql, "newest", (answer) => Date.parse(String(answer.rows[0]?.[0])));
  const newest = asked.data === undefined || Number.isNaN(asked.data) ? null : asked.data;
  const isElsewhere = newest !== null && (newest < question.fromMs || newest >= question.toMs);
  const there = isElsewhere
    ? `The newest event of the topics is of ${formatTime(newest, zone)}.`
    : "The topics have events in this period.";
  return (
    <EmptyState
      title={filtered ? "No event of this period passes the filters" : "No events in this period"}
      reason={newest === null ? "The tables of these topics have no events yet." : there}
      action={
        <span className="flex flex-wrap justify-center gap-2">
          {filtered ? <Button onClick={onClear}>Clear filters</Button> : null}
          {isElsewhere ? (
            <Button onClick={() => setSpan({ fromMs: newest - length, toMs: newest + 1000 })}>
              Go to the newest events
            </Button>
          ) : null}
        </span>
      }
    />
  );
}

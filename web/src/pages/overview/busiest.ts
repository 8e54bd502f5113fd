// busiest.ts - the topics that had the most events in the last minute. The server sends figures of
// the busiest alone, so that of ten thousand topics only those are compared, not all, each second.
import type { Stats } from "@/api/stats";
import type { Topic } from "@/api/types";

const LISTED = 10;
const MINUTE = 60;

export interface BusyTopic {
  topic: Topic;
  /** Events in each second. */
  recent: number[];
  rate: number;
}

function busyTopic(topic: Topic, stats: Pick<Stats, "topic">): BusyTopic {
  const recent = Array.from(stats.topic(topic.name, "events_in").slice(-MINUTE));
  const sum = recent.reduce((a, v) => a + (Number.isNaN(v) ? 0 : v), 0);
  return { topic, recent, rate: sum / Math.max(recent.length, 1) };
}

/** At most ten; quiet ones, in the list's order, where fewer are busy. */
export function busiest(
  topics: readonly Topic[],
  stats: Pick<Stats, "topic" | "topics">,
): BusyTopic[] {
  const known = new Set(stats.topics);
  const rows = topics
    .filter((topic) => known.has(topic.name))
    .map((topic) => busyTopic(topic, stats))
    .filter((row) => row.rate > 0)
    .sort((a, b) => b.rate - a.rate || a.topic.name.localeCompare(b.topic.name))
    .slice(0, LISTED);
  const shown = new Set(rows.map((row) => row.topic.name));
  for (const topic of topics) {
    if (rows.length >= LISTED) break;
    if (!shown.has(topic.name)) rows.push(busyTopic(topic, stats));
  }
  return rows;
}

// topic-state.tsx - how a topic is, in one word with its reason.
import type { Topic } from "@/api/types";
import { count } from "@/lib/numbers";
import { StateBadge } from "@/ui/badge";

export function TopicState({ topic }: { topic: Topic }) {
  const broken = topic.partitions_not_ok ?? 0;
  if (broken > 0) {
    return (
      <StateBadge
        state="damaged"
        reason={`${count(broken, "partition")} damaged or waiting for space: see Partitions.`}
      />
    );
  }
  if (topic.slowed) {
    return (
      <StateBadge
        state="slowed"
        reason="Senders get 429: too many events wait for their place in the table."
      />
    );
  }
  return <StateBadge state="ok" />;
}

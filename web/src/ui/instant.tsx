// instant.tsx - a moment in the page's zone; both zones and the epoch are its title. A dash for
// what is none.
import { formatTime, type TimeStyle, timeTitle, type Zone } from "@/lib/zone";

interface InstantProps {
  /** Epoch ms, or RFC 3339. */
  at: number | string | null | undefined;
  zone: Zone;
  form?: TimeStyle;
}

export function Instant({ at, zone, form }: InstantProps) {
  const ms = typeof at === "number" ? at : Date.parse(at ?? "");
  if (Number.isNaN(ms)) return <span className="text-muted">–</span>;
  return <span title={timeTitle(ms, zone)}>{formatTime(ms, zone, form)}</span>;
}

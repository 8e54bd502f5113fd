// steps.ts - which of the first steps a person has taken that the server does not know of.
import { readStored, writeStored } from "@/lib/stored";

const LIVE_KEY = "tarn.steps.live";

/** The page Live has shown an event. */
export function markLiveSeen(): void {
  if (!hasSeenLive()) writeStored(LIVE_KEY, "seen");
}

export function hasSeenLive(): boolean {
  return readStored(LIVE_KEY) !== null;
}

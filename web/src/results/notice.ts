// notice.ts - word of a statement that took long: the browser tab's title says it until it is seen,
// and a notification when the user asked for one.
import { create } from "zustand";
import { count, duration } from "@/lib/numbers";
import { readStored, writeStored } from "@/lib/stored";
import { onEnded } from "@/results/run";

/** What takes longer is worth telling. */
export const LONG_MS = 10_000;
const KEY = "tarn.sql.notify";

interface NoticeState {
  /** What is put before the title. */
  mark: string;
  wanted: boolean;
}

export const useNotice = create<NoticeState>()(() => ({
  mark: "",
  wanted: readStored(KEY) === "on",
}));

export function canNotify(): boolean {
  return "Notification" in window && Notification.permission !== "denied";
}

/** Asks the browser's leave, which only a click may. */
export async function wantNotices(): Promise<void> {
  const allowed = (await Notification.requestPermission()) === "granted";
  writeStored(KEY, allowed ? "on" : null);
  useNotice.setState({ wanted: allowed });
}

onEnded((outcome) => {
  const tookMs = (outcome.endedAtMs ?? 0) - outcome.startedAtMs;
  if (tookMs < LONG_MS || !document.hidden) return;
  const word =
    outcome.state === "done" ? "Done" : outcome.state === "failed" ? "Failed" : "Stopped";
  useNotice.setState({ mark: `${word} · ` });
  if (!useNotice.getState().wanted || !canNotify()) return;
  const rows = outcome.result ? `${count(outcome.result.rowCount, "row")}, ` : "";
  new Notification(`Query ${word.toLowerCase()}`, { body: `${rows}${duration(tookMs)}` });
});

document.addEventListener("visibilitychange", () => {
  if (!document.hidden) useNotice.setState({ mark: "" });
});

// tabs.ts - the open tabs of the editor and what was run lately. Drafts stay in this browser, since
// the server has no place for texts that belong to nobody; they are bounded in number and size, and
// hold statements and ids of results, never rows: no 5 MB wall, nothing to read after signing out
// but what was typed.
import { create } from "zustand";
import { readStored, writeStored } from "@/lib/stored";
import type { ViewSearch } from "@/results/shown";

export interface SavedRef {
  name: string;
  version: number;
  /** As it was saved: the tab is changed when its text is another. */
  sql: string;
}

export interface SqlTab {
  id: string;
  sql: string;
  saved?: SavedRef | undefined;
  view: ViewSearch;
  /** The statement whose result is shown, where it began, and the result's id on the server. */
  ran?: { sql: string; from: number; result?: string | undefined } | undefined;
}

export interface HistoryEntry {
  sql: string;
  atMs: number;
  state: "done" | "failed" | "cancelled";
  rows?: number | undefined;
  elapsedMs?: number | undefined;
  /** The server's sentence when it failed. */
  detail?: string | undefined;
}

interface TabsState {
  tabs: readonly SqlTab[];
  active: string;
  history: readonly HistoryEntry[];
}

const TABS_KEY = "tarn.sql.tabs";
const HISTORY_KEY = "tarn.sql.history";
export const TABS_MAX = 20;
/** What the server takes as one statement. */
export const SQL_BYTES_MAX = 64 << 10;
const TABS_BYTES_MAX = 512 << 10;
const HISTORY_MAX = 200;
const HISTORY_SQL_MAX = 4000;
const HISTORY_BYTES_MAX = 256 << 10;
const SAVE_MS = 500;

let serial = 0;

function freshId(): string {
  serial++;
  return `${Date.now().toString(36)}${serial}`;
}

function freshTab(sql = ""): SqlTab {
  return { id: freshId(), sql, view: {} };
}

function isTab(value: unknown): value is SqlTab {
  const tab = value as SqlTab;
  return (
    typeof value === "object" &&
    value !== null &&
    typeof tab.id === "string" &&
    typeof tab.sql === "string" &&
    typeof tab.view === "object"
  );
}

function storedTabs(): Pick<TabsState, "tabs" | "active"> {
  try {
    const parsed = JSON.parse(readStored(TABS_KEY) ?? "{}") as { tabs?: unknown; active?: unknown };
    const tabs = Array.isArray(parsed.tabs) ? parsed.tabs.filter(isTab).slice(0, TABS_MAX) : [];
    const [first] = tabs;
    if (first !== undefined) {
      const active = tabs.find((tab) => tab.id === parsed.active) ?? first;
      return { tabs, active: active.id };
    }
  } catch {
    // Another version's draft, or a damaged one: start afresh.
  }
  const tab = freshTab();
  return { tabs: [tab], active: tab.id };
}

function storedHistory(): HistoryEntry[] {
  try {
    const parsed: unknown = JSON.parse(readStored(HISTORY_KEY) ?? "[]");
    if (!Array.isArray(parsed)) return [];
    return parsed
      .filter((e: HistoryEntry) => typeof e?.sql === "string" && typeof e.atMs === "number")
      .slice(0, HISTORY_MAX);
  } catch {
    return [];
  }
}

export const useTabs = create<TabsState>()(() => ({ ...storedTabs(), history: storedHistory() }));

/** The newest entries that fit; a long statement is cut, and then not offered to be run. */
export function boundedHistory(history: readonly HistoryEntry[]): HistoryEntry[] {
  const out: HistoryEntry[] = [];
  let bytes = 0;
  for (const entry of history.slice(0, HISTORY_MAX)) {
    bytes += entry.sql.length + (entry.detail?.length ?? 0) + 100;
    if (bytes > HISTORY_BYTES_MAX) break;
    out.push(entry);
  }
  return out;
}

let timer = 0;

function save(): void {
  const { tabs, active, history } = useTabs.getState();
  let bytes = 0;
  const kept = tabs.filter((tab) => {
    bytes += tab.sql.length;
    return tab.sql.length <= SQL_BYTES_MAX && bytes <= TABS_BYTES_MAX;
  });
  writeStored(TABS_KEY, JSON.stringify({ tabs: kept, active }));
  writeStored(HISTORY_KEY, JSON.stringify(boundedHistory(history)));
}

useTabs.subscribe(() => {
  window.clearTimeout(timer);
  timer = window.setTimeout(save, SAVE_MS);
});
window.addEventListener("pagehide", save);

export function activeTab(state: TabsState): SqlTab {
  const tab = state.tabs.find((t) => t.id === state.active) ?? state.tabs[0];
  if (tab === undefined) throw new Error("there is always a tab");
  return tab;
}

export function changeTab(id: string, next: Partial<Omit<SqlTab, "id">>): void {
  useTabs.setState((s) => ({ tabs: s.tabs.map((t) => (t.id === id ? { ...t, ...next } : t)) }));
}

export function activate(id: string): void {
  useTabs.setState({ active: id });
}

function isUntouched(tab: SqlTab): boolean {
  return tab.sql.trim() === "" && tab.ran === undefined;
}

/** Opens the text in the active tab when that is empty, else in a new one; the oldest idle tab
 * makes room at the bound. Gives the tab's id. */
export function openTab(next: Partial<Omit<SqlTab, "id">>): string {
  const state = useTabs.getState();
  const active = activeTab(state);
  if (isUntouched(active) && next.sql) {
    changeTab(active.id, next);
    return active.id;
  }
  const tab: SqlTab = { ...freshTab(), ...next };
  const others = state.tabs.slice(state.tabs.length >= TABS_MAX ? 1 : 0);
  useTabs.setState({ tabs: [...others, tab], active: tab.id });
  return tab.id;
}

/** There is always one tab left. */
export function closeTab(id: string): void {
  useTabs.setState((s) => {
    const at = s.tabs.findIndex((t) => t.id === id);
    const rest = s.tabs.filter((t) => t.id !== id);
    if (rest.length === 0) rest.push(freshTab());
    const next = rest[Math.min(Math.max(0, at), rest.length - 1)];
    return { tabs: rest, active: s.active === id ? (next?.id ?? "") : s.active };
  });
}

export function remember(entry: HistoryEntry): void {
  const sql = entry.sql.slice(0, HISTORY_SQL_MAX);
  useTabs.setState((s) => ({ history: boundedHistory([{ ...entry, sql }, ...s.history]) }));
}

export function isCut(entry: HistoryEntry): boolean {
  return entry.sql.length >= HISTORY_SQL_MAX;
}

export function clearHistory(): void {
  useTabs.setState({ history: [] });
}

/** What a tab is called: its saved name, else how its statement begins. */
export function tabTitle(tab: SqlTab): string {
  if (tab.saved) return tab.saved.name;
  const line = tab.sql
    .replace(/^(\s|--.*(\n|$))+/g, "")
    .replace(/\s+/g, " ")
    .slice(0, 40);
  return line === "" ? "New query" : line;
}

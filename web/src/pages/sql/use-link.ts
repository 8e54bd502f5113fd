// use-link.ts - keeps the address and the active tab in step. What is typed replaces the address,
// how the result is looked at is a step of its own (Back undoes a filter). An address that comes
// from outside (a link, Back) opens its statement.
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useEffect, useRef } from "react";
import { api, path } from "@/api/client";
import type { SavedQuery } from "@/api/types";
import { viewSearch } from "@/results/shown";
import { toastError } from "@/ui/toast";
import { linkOf, unpack } from "./link";
import type { SQLSearch } from "./search";
import { statements } from "./statements";
import { activate, activeTab, changeTab, openTab, type SavedRef, useTabs } from "./tabs";

const TYPING_MS = 300;

function keyOf(search: SQLSearch): string {
  const { q, z, saved, run, view, sort, filter, chart } = search;
  return JSON.stringify([q, z, saved, run, view, sort, filter, chart]);
}

const NOTHING = keyOf({});

async function textOf(search: SQLSearch): Promise<{ sql: string; saved?: SavedRef } | undefined> {
  if (search.saved !== undefined) {
    const { name, version, sql } = await api.get<SavedQuery>(
      path`api/v1/saved-queries/${search.saved}`,
    );
    return { sql, saved: { name, version, sql } };
  }
  if (search.q !== undefined) return { sql: search.q };
  if (search.z === undefined) return undefined;
  const sql = await unpack(search.z);
  if (sql === undefined) throw new Error("the statement in the address is damaged");
  return { sql };
}

/** `onFresh`: a link that was run is opened here for the first time; which of its statements. */
export function useLink(onFresh: (tabId: string, place: number) => void): void {
  const search = useSearch({ from: "/sql" });
  const navigate = useNavigate();
  const tab = useTabs(activeTab);
  const written = useRef<string | null>(null);
  const adopting = useRef(false);
  const fresh = useRef(onFresh);
  fresh.current = onFresh;
  const key = keyOf(search);
  const searchRef = useRef(search);
  searchRef.current = search;

  // From the address to the tabs.
  useEffect(() => {
    if (written.current === key) return;
    const isFirst = written.current === null;
    written.current = key;
    if (key === NOTHING && isFirst) return;
    adopting.current = true;
    adopt(searchRef.current, fresh.current)
      .catch((error: unknown) => toastError("Could not open the link", error))
      .finally(() => {
        adopting.current = false;
      });
  }, [key]);

  // From the tab to the address.
  const { sql, saved, view, ran } = tab;
  const savedAs = saved !== undefined && saved.sql === sql ? saved.name : undefined;
  // Which statement the result is of, from 1; none when it is not in the text any more.
  const runPlace = ran === undefined ? 0 : statements(sql).findIndex((s) => s.sql === ran.sql) + 1;
  const viewText = JSON.stringify(view);
  const before = useRef({ id: tab.id, viewText });
  useEffect(() => {
    let current = true;
    const isStep = before.current.id === tab.id && before.current.viewText !== viewText;
    const write = async () => {
      const link = await linkOf(sql, savedAs);
      if (!current || adopting.current) return;
      before.current = { id: tab.id, viewText };
      const next: SQLSearch = {
        ...link,
        run: runPlace > 0 && Object.keys(link).length > 0 ? String(runPlace) : undefined,
        ...viewSearch(JSON.parse(viewText)),
      };
      const nextKey = keyOf(next);
      if (nextKey === written.current) return;
      written.current = nextKey;
      const empty: SQLSearch = {
        q: undefined,
        z: undefined,
        saved: undefined,
        run: undefined,
        view: undefined,
        sort: undefined,
        filter: undefined,
        chart: undefined,
      };
      await navigate({
        to: "/sql",
        search: (old) => ({ ...old, ...empty, ...next }),
        replace: !isStep,
      });
    };
    const timer = window.setTimeout(() => void write(), isStep ? 0 : TYPING_MS);
    return () => {
      current = false;
      window.clearTimeout(timer);
    };
  }, [tab.id, sql, savedAs, runPlace, viewText, navigate]);
}

async function adopt(
  search: SQLSearch,
  onFresh: (tabId: string, place: number) => void,
): Promise<void> {
  const found = await textOf(search);
  const view = viewSearch({ ...search });
  const place = Math.trunc(Number(search.run)) || 0;
  if (found === undefined) {
    const { id } = activeTab(useTabs.getState());
    changeTab(id, { view });
    return;
  }
  const state = useTabs.getState();
  const active = activeTab(state);
  const same =
    active.sql.trim() === found.sql.trim()
      ? active
      : state.tabs.find((tab) => tab.sql.trim() === found.sql.trim());
  if (same !== undefined) {
    changeTab(same.id, { view, ...(found.saved ? { saved: found.saved } : {}) });
    activate(same.id);
    if (place > 0 && same.ran === undefined) onFresh(same.id, place);
    return;
  }
  const id = openTab({ sql: found.sql, saved: found.saved, view });
  if (place > 0) onFresh(id, place);
}

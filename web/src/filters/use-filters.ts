// use-filters.ts - the filters in force: read from the address, changed there.
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useCallback, useMemo } from "react";
import { listFrom, listTo } from "@/lib/search";
import { FACETS, type Facet } from "./facets";

export type FilterName = "topic" | Facet;

export interface Filters {
  topic: readonly string[];
  type: readonly string[];
  level: readonly string[];
  source: readonly string[];
  endpoint: readonly string[];
  /** Text that is somewhere in the event. */
  q: string;
}

export const NAMES: readonly FilterName[] = ["topic", ...FACETS];

export function isFiltered(filters: Filters): boolean {
  return filters.q !== "" || NAMES.some((name) => filters[name].length > 0);
}

export interface FilterState {
  filters: Filters;
  change: (name: FilterName, values: readonly string[]) => void;
  setText: (text: string) => void;
  clear: () => void;
}

export function useFilters(): FilterState {
  const navigate = useNavigate();
  const { topic, type, level, source, endpoint, q = "" } = useSearch({ strict: false });
  const filters: Filters = useMemo(
    () => ({
      topic: listFrom(topic),
      type: listFrom(type),
      level: listFrom(level),
      source: listFrom(source),
      endpoint: listFrom(endpoint),
      q,
    }),
    [topic, type, level, source, endpoint, q],
  );
  const change = useCallback(
    (name: FilterName, values: readonly string[]) => {
      void navigate({ to: ".", search: (old) => ({ ...old, [name]: listTo(values) }) });
    },
    [navigate],
  );
  // Typing replaces the step in the history, choosing adds one.
  const setText = useCallback(
    (text: string) => {
      void navigate({
        to: ".",
        search: (old) => ({ ...old, q: text || undefined }),
        replace: true,
      });
    },
    [navigate],
  );
  const clear = useCallback(() => {
    const none = Object.fromEntries([...NAMES, "q"].map((name) => [name, undefined]));
    void navigate({ to: ".", search: (old) => ({ ...old, ...none }) });
  }, [navigate]);
  return { filters, change, setText, clear };
}

// filter-bar.tsx - what events are narrowed to. The filters live in the address; their values come
// from what has been seen, with counts, and can be typed when they have not been seen yet.
import { Check, ChevronDown, X } from "lucide-react";
import { type Ref, useId, useState } from "react";
import { useTopics } from "@/api/queries";
import { compact } from "@/lib/numbers";
import { Button, IconButton } from "@/ui/button";
import { cx } from "@/ui/cx";
import { Input } from "@/ui/field";
import { Popover } from "@/ui/popover";
import { SearchField } from "@/ui/search-field";
import type { Facet } from "./facets";
import { type FilterName, type Filters, isFiltered, NAMES } from "./use-filters";

interface FilterBarProps {
  filters: Filters;
  onChange: (name: FilterName, values: readonly string[]) => void;
  onText: (text: string) => void;
  onClear: () => void;
  /** Seen values of a facet, the most frequent first. */
  seen: (facet: Facet) => readonly { value: string; count: number }[];
  /** Where they were counted, as a sentence. */
  counted?: string;
  inputRef: Ref<HTMLInputElement>;
}

export function FilterBar(props: FilterBarProps) {
  const { filters, onChange, onText, onClear, seen, inputRef } = props;
  const { counted = "Counted among the events kept here." } = props;
  const topics = useTopics();
  return (
    <search className="flex flex-wrap items-center gap-2" aria-label="Filters">
      <SearchField
        label="Text in the event"
        placeholder="Text in the event  ( / )"
        className="min-w-48 flex-1 sm:max-w-72"
        value={filters.q}
        onChange={onText}
        inputRef={inputRef}
      />
      {NAMES.map((name) => (
        <FacetPicker
          key={name}
          name={name}
          chosen={filters[name]}
          counted={name === "topic" ? "Topics of this server." : counted}
          onChange={(values) => onChange(name, values)}
          seen={() =>
            name === "topic"
              ? (topics.data ?? []).map((t) => ({ value: t.name, count: null }))
              : seen(name)
          }
        />
      ))}
      {isFiltered(filters) ? (
        <Button variant="ghost" icon={X} onClick={onClear}>
          Clear filters
        </Button>
      ) : null}
    </search>
  );
}

interface FacetPickerProps {
  name: FilterName;
  chosen: readonly string[];
  counted: string;
  seen: () => readonly { value: string; count: number | null }[];
  onChange: (values: readonly string[]) => void;
}

const SHOWN = 100;

function FacetPicker({ name, chosen, counted, seen, onChange }: FacetPickerProps) {
  const [open, setOpen] = useState(false);
  const label =
    chosen.length === 0
      ? `Any ${name}`
      : chosen.length === 1
        ? `${name}: ${chosen[0]}`
        : `${name}: ${chosen.length} chosen`;
  return (
    <Popover
      open={open}
      onOpenChange={setOpen}
      align="start"
      label={`Values of ${name}`}
      className="w-72 p-2"
      trigger={
        <Button className={cx("max-w-56", chosen.length > 0 && "border-accent text-accent")}>
          <span className="truncate">{label}</span>
          <ChevronDown aria-hidden="true" className="size-3.5 shrink-0 opacity-70" />
        </Button>
      }
    >
      {open ? (
        <Values name={name} chosen={chosen} counted={counted} seen={seen()} onChange={onChange} />
      ) : null}
    </Popover>
  );
}

interface ValuesProps {
  name: FilterName;
  chosen: readonly string[];
  counted: string;
  seen: readonly { value: string; count: number | null }[];
  onChange: (values: readonly string[]) => void;
}

function Values({ name, chosen, counted, seen, onChange }: ValuesProps) {
  const [text, setText] = useState("");
  const id = useId();
  const known = new Set(seen.map((one) => one.value));
  const all = [
    ...chosen.filter((v) => !known.has(v)).map((value) => ({ value, count: null })),
    ...seen,
  ];
  const found = all.filter((one) => one.value.toLowerCase().includes(text.toLowerCase()));
  const toggle = (value: string) =>
    onChange(chosen.includes(value) ? chosen.filter((v) => v !== value) : [...chosen, value]);
  const typed = text.trim();
  return (
    <div className="flex flex-col gap-2">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (typed !== "" && !chosen.includes(typed)) onChange([...chosen, typed]);
          setText("");
        }}
      >
        <Input
          aria-label={`Find or add a value of ${name}`}
          aria-describedby={id}
          placeholder={`Find or add a ${name}`}
          value={text}
          onChange={(e) => setText(e.target.value)}
        />
      </form>
      <p id={id} className="px-1 text-xs text-muted">
        {counted} Enter adds what is typed.
      </p>
      <ul className="max-h-72 overflow-y-auto">
        {found.slice(0, SHOWN).map(({ value, count }) => {
          const on = chosen.includes(value);
          return (
            <li key={value}>
              <button
                type="button"
                aria-pressed={on}
                onClick={() => toggle(value)}
                className="flex min-h-7 w-full items-center gap-2 rounded px-1.5 text-left hover:bg-hover"
              >
                <Check aria-hidden="true" className={cx("size-4 shrink-0", !on && "invisible")} />
                <span className="min-w-0 flex-1 truncate" title={value}>
                  {value}
                </span>
                {count === null ? null : (
                  <span className="text-xs text-muted">{compact(count)}</span>
                )}
              </button>
            </li>
          );
        })}
        {found.length === 0 ? (
          <li className="px-1.5 py-1 text-muted">
            {typed === "" ? "None seen yet" : "Not seen yet: Enter adds it"}
          </li>
        ) : null}
        {found.length > SHOWN ? (
          <li className="px-1.5 py-1 text-xs text-muted">
            {found.length - SHOWN} more: type to find
          </li>
        ) : null}
      </ul>
    </div>
  );
}

/** The filters in force as chips, each with its own way out. */
export function FilterChips(props: Pick<FilterBarProps, "filters" | "onChange" | "onText">) {
  const { filters, onChange, onText } = props;
  const chips = NAMES.flatMap((name) =>
    filters[name].map((value) => ({
      key: `${name} ${value}`,
      label: `${name}: ${value}`,
      remove: () =>
        onChange(
          name,
          filters[name].filter((v) => v !== value),
        ),
    })),
  );
  if (filters.q !== "") {
    chips.push({ key: "q", label: `text: ${filters.q}`, remove: () => onText("") });
  }
  if (chips.length === 0) return null;
  return (
    <ul aria-label="Filters in force" className="flex flex-wrap gap-1.5">
      {chips.map((chip) => (
        <li
          key={chip.key}
          className="flex h-7 max-w-72 items-center rounded-md bg-accent-soft pl-2 text-xs text-accent"
        >
          <span className="truncate" title={chip.label}>
            {chip.label}
          </span>
          <IconButton icon={X} label={`Remove ${chip.label}`} size="sm" onClick={chip.remove} />
        </li>
      ))}
    </ul>
  );
}

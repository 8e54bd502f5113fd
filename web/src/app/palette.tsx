// palette.tsx - Ctrl-K: go to a page, topic, table, producer or saved query, or do something. A
// chunk of its own, loaded when it is first opened. Long lists are searched here and only the best
// hits are drawn: thousands of tables must not slow a keystroke.
import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { Command } from "cmdk";
import {
  Activity,
  Bookmark,
  Contrast,
  Database,
  Factory,
  Globe,
  Keyboard,
  LogOut,
  type LucideIcon,
  Moon,
  Pause,
  Sun,
} from "lucide-react";
import { Dialog as Radix } from "radix-ui";
import { useMemo, useState } from "react";
import { q } from "@/api/queries";
import { NAV } from "./nav";
import { useChooseZone, usePause } from "./range";
import { signOut } from "./sign-out";
import { useTheme } from "./theme";
import { useUi } from "./ui-state";

interface Entry {
  id: string;
  group: string;
  label: string;
  hint?: string;
  words?: string;
  icon: LucideIcon;
  run: () => void;
}

const PER_GROUP = 8;

/** All words must occur; a hit at the start of the label comes first. */
function rank(entry: Entry, words: readonly string[]): number {
  const label = entry.label.toLowerCase();
  const all = `${label} ${entry.words ?? ""} ${entry.group.toLowerCase()}`;
  let score = 1;
  for (const word of words) {
    if (!all.includes(word)) return 0;
    if (label.startsWith(word)) score += 3;
    else if (label.includes(word)) score += 1;
  }
  return score;
}

function search(entries: readonly Entry[], text: string): Map<string, Entry[]> {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const ranked = entries
    .map((entry) => ({ entry, score: rank(entry, words) }))
    .filter((hit) => hit.score > 0);
  if (words.length > 0) ranked.sort((a, b) => b.score - a.score);
  const groups = new Map<string, Entry[]>();
  for (const { entry } of ranked) {
    const list = groups.get(entry.group) ?? [];
    if (list.length < PER_GROUP || entry.group === "Pages") list.push(entry);
    groups.set(entry.group, list);
  }
  return groups;
}

function usePageEntries(): Entry[] {
  const navigate = useNavigate();
  return NAV.flatMap((group) =>
    group.items.map((item) => ({
      id: item.to,
      group: "Pages",
      label: item.label,
      hint: `G ${item.key.toUpperCase()}`,
      words: item.words,
      icon: item.icon,
      run: () => void navigate({ to: item.to }),
    })),
  );
}

function useNamedEntries(): Entry[] {
  const navigate = useNavigate();
  const topics = useQuery(q.topics).data;
  const tables = useQuery(q.tables).data;
  const producers = useQuery(q.producers).data;
  const saved = useQuery(q.savedQueries).data;
  return useMemo(() => {
    const out: Entry[] = [];
    for (const { name } of topics ?? []) {
      const run = () => void navigate({ to: "/topics/$name", params: { name } });
      out.push({ id: `topic ${name}`, group: "Topics", label: name, icon: Activity, run });
    }
    for (const table of tables ?? []) {
      const { name } = table;
      const schema = table.schema ?? "main";
      const run = () => void navigate({ to: "/tables/$schema/$name", params: { schema, name } });
      const label = schema === "main" ? name : `${schema}.${name}`;
      out.push({ id: `table ${label}`, group: "Tables", label, icon: Database, run });
    }
    for (const { name } of producers ?? []) {
      const run = () => void navigate({ to: "/producers/$name", params: { name } });
      out.push({ id: `producer ${name}`, group: "Producers", label: name, icon: Factory, run });
    }
    for (const { name, description, tags } of saved ?? []) {
      const run = () => void navigate({ to: "/sql", search: { saved: name } });
      const words = `${description} ${tags.join(" ")}`.toLowerCase();
      out.push({
        id: `q ${name}`,
        group: "Saved queries",
        label: name,
        words,
        icon: Bookmark,
        run,
      });
    }
    return out;
  }, [topics, tables, producers, saved, navigate]);
}

function useActions(): Entry[] {
  const choose = useTheme((s) => s.choose);
  const setZone = useChooseZone();
  const togglePause = usePause((s) => s.toggle);
  const set = useUi((s) => s.set);
  const session = useQuery(q.session).data;
  const signedIn = session?.needed === true && session.signed_in;
  const action = (label: string, icon: LucideIcon, run: () => void, words = ""): Entry => ({
    id: `do ${label}`,
    group: "Actions",
    label,
    icon,
    words,
    run,
  });
  return [
    action("Pause or resume live views", Pause, togglePause, "freeze stop"),
    action("Theme: light", Sun, () => choose("light")),
    action("Theme: dark", Moon, () => choose("dark")),
    action("Theme: as the system", Contrast, () => choose("system")),
    action("Times in UTC", Globe, () => setZone("utc"), "zone"),
    action("Times as in this browser", Globe, () => setZone("local"), "zone local"),
    action("Show all keys", Keyboard, () => set({ keySheet: true }), "shortcuts help"),
    ...(signedIn ? [action("Sign out", LogOut, () => void signOut(), "logout session")] : []),
  ];
}

export default function Palette() {
  const set = useUi((s) => s.set);
  const [text, setText] = useState("");
  const entries = [...usePageEntries(), ...useActions(), ...useNamedEntries()];
  const groups = search(entries, text);
  const close = () => set({ palette: false });
  return (
    <Radix.Root open onOpenChange={(open) => !open && close()}>
      <Radix.Portal>
        <Radix.Overlay className="fixed inset-0 z-40 bg-overlay" />
        <Radix.Content
          aria-describedby={undefined}
          className="fixed top-[10vh] left-1/2 z-40 w-[calc(100vw-1rem)] max-w-xl -translate-x-1/2 overflow-hidden rounded-lg border border-line bg-raised shadow-raised outline-none"
        >
          <Radix.Title className="sr-only">Find or do</Radix.Title>
          <Command shouldFilter={false} label="Find or do" loop>
            <Command.Input
              autoFocus
              value={text}
              onValueChange={setText}
              placeholder="A page, topic, table, saved query or action"
              className="h-12 w-full border-b border-line bg-transparent px-4 text-base outline-none placeholder:text-muted"
            />
            <Command.List className="max-h-[60vh] overflow-y-auto p-2">
              <Command.Empty className="p-4 text-center text-sm text-muted">
                Nothing is called that.
              </Command.Empty>
              {[...groups].map(([group, list]) => (
                <Command.Group
                  key={group}
                  heading={group}
                  className="[&_[cmdk-group-heading]]:px-2 [&_[cmdk-group-heading]]:py-1 [&_[cmdk-group-heading]]:text-xs [&_[cmdk-group-heading]]:text-muted"
                >
                  {list.map((entry) => (
                    <Command.Item
                      key={entry.id}
                      value={entry.id}
                      onSelect={() => {
                        close();
                        entry.run();
                      }}
                      className="flex cursor-pointer items-center gap-2.5 rounded px-2 py-1.5 text-sm data-[selected=true]:bg-accent-soft"
                    >
                      <entry.icon aria-hidden="true" className="size-4 shrink-0 text-muted" />
                      <span className="min-w-0 flex-1 truncate">{entry.label}</span>
                      {entry.hint ? (
                        <kbd className="font-mono text-xs text-muted">{entry.hint}</kbd>
                      ) : null}
                    </Command.Item>
                  ))}
                </Command.Group>
              ))}
            </Command.List>
          </Command>
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}

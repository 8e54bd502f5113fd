// The page "SQL": write statements, run them, look at what they answer. Tabs and history are in
// tabs.ts, runs in results/run.ts (they go on while another page is open), the address in
// use-link.ts.
import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { ChevronDown, PanelLeft, Play, Plus, Save, Square, X } from "lucide-react";
import {
  lazy,
  type ReactNode,
  Suspense,
  useCallback,
  useEffect,
  useMemo,
  useRef,
  useState,
} from "react";
import { api } from "@/api/client";
import { isProblem, messageOf } from "@/api/problem";
import { useCatalog } from "@/api/queries";
import type { CatalogTable, SavedQuery } from "@/api/types";
import { useKeys } from "@/app/keys";
import { Page } from "@/app/page";
import { useNotice } from "@/results/notice";
import { Gone } from "@/results/result-view";
import { isBusy, onEnded, restore, run as runStatements, stop, useRuns } from "@/results/run";
import { RunPane } from "@/results/run-pane";
import { type ResultView, viewFrom, viewTo } from "@/results/shown";
import { Button, IconButton } from "@/ui/button";
import { cx } from "@/ui/cx";
import { Drawer } from "@/ui/dialog";
import { Menu } from "@/ui/menu";
import { Skeleton } from "@/ui/states";
import { toast, toastError } from "@/ui/toast";
import { CatalogTree } from "./catalog-tree";
import { checkText, forgetChecks, problemAt } from "./check";
import { indexCatalog, type Words, wordSuggestions } from "./complete";
import type { EditorHandle } from "./editor";
import { sampleOf } from "./samples";
import {
  ConflictDialog,
  createSaved,
  isConflict,
  NameDialog,
  replaceSaved,
  SavedList,
  shownName,
} from "./saved";
import { FirstQuestions, HistoryList, SampleList } from "./side-lists";
import { SplitPane } from "./split-pane";
import { statementAt, statements } from "./statements";
import {
  activate,
  activeTab,
  changeTab,
  closeTab,
  openTab,
  remember,
  type SqlTab,
  tabTitle,
  useTabs,
} from "./tabs";
import { useLink } from "./use-link";

const Editor = lazy(() => import("./editor"));

// One listener for all tabs: a statement may end while another page is open.
onEnded((outcome, slot) => {
  const { tabs } = useTabs.getState();
  if (!tabs.some((tab) => tab.id === slot)) return;
  const { sql, from, state, result, error } = outcome;
  if (state !== "done" && state !== "failed" && state !== "cancelled") return;
  changeTab(slot, { ran: { sql, from, result: result?.id } });
  remember({
    sql,
    atMs: outcome.startedAtMs,
    state,
    rows: result?.rowCount,
    elapsedMs: result?.elapsedMs ?? (outcome.endedAtMs ?? 0) - outcome.startedAtMs,
    detail: state === "failed" ? messageOf(error).slice(0, 300) : undefined,
  });
});

function useWords() {
  return useQuery({
    queryKey: ["sql-words"],
    queryFn: ({ signal }) => api.get<Words>("api/v1/sql/words", { signal }),
    staleTime: Number.POSITIVE_INFINITY,
  });
}

type SidePanel = "tables" | "saved" | "samples" | "history";

export default function SQLPage() {
  const editor = useRef<EditorHandle>(null);
  const tab = useTabs(activeTab);
  const run = useRuns((s) => s.runs[tab.id]);
  const busy = isBusy(run);
  const navigate = useNavigate();
  const catalog = useCatalog();
  const words = useWords();
  const index = useMemo(
    () => (catalog.data === undefined ? undefined : indexCatalog(catalog.data)),
    [catalog.data],
  );
  const suggestions = useMemo(
    () => (words.data === undefined ? [] : wordSuggestions(words.data)),
    [words.data],
  );
  useEffect(() => {
    if (index !== undefined) forgetChecks();
  }, [index]);
  const [sheet, setSheet] = useState(false);
  const [naming, setNaming] = useState(false);
  const [conflict, setConflict] = useState<SavedQuery | null>(null);
  const gone = useRestored(tab);

  const start = useCallback((id: string, list: readonly { sql: string; from: number }[]) => {
    const target = useTabs.getState().tabs.find((t) => t.id === id);
    const [first] = list;
    if (target === undefined || first === undefined) return;
    // Another statement: what was sorted and filtered has no meaning any more.
    if (target.ran !== undefined && target.ran.sql !== first.sql) {
      changeTab(id, { view: { ...target.view, sort: undefined, filter: undefined } });
    }
    changeTab(id, { ran: { ...first } });
    void runStatements(id, list);
  }, []);
  useLink(
    useCallback(
      (id: string, place: number) => {
        const text = useTabs.getState().tabs.find((t) => t.id === id)?.sql ?? "";
        start(id, statements(text).slice(place - 1, place));
      },
      [start],
    ),
  );

  const runAtCursor = () => {
    const chosen = editor.current?.selection();
    if (chosen !== undefined && chosen.text.trim() !== "") {
      const list = statements(chosen.text);
      start(
        tab.id,
        list.map(({ sql, from }) => ({ sql, from: from + chosen.from })),
      );
      return;
    }
    const one = statementAt(tab.sql, chosen?.from ?? 0);
    if (one !== undefined) start(tab.id, [one]);
  };
  const runAll = () => start(tab.id, statements(tab.sql));
  const explain = (analyze: boolean) => {
    const one = statementAt(tab.sql, editor.current?.selection().from ?? 0);
    if (one === undefined) return;
    const word = analyze ? "EXPLAIN ANALYZE" : "EXPLAIN";
    start(tab.id, [{ sql: `${word} ${one.sql}`, from: one.from - word.length - 1 }]);
  };
  const open = (sql: string) => {
    openTab({ sql });
    setSheet(false);
    editor.current?.focus();
  };
  const sample = (table: CatalogTable) => {
    setSheet(false);
    const sql = sampleOf(index, table);
    start(openTab({ sql }), [{ sql, from: 0 }]);
  };
  const explore = (table: CatalogTable) =>
    void navigate({ to: "/build", search: { table: `${table.schema}.${table.name}` } });

  const save = async () => {
    const { saved } = tab;
    if (tab.sql.trim() === "") return;
    if (saved === undefined) {
      setNaming(true);
      return;
    }
    try {
      const made = await replaceSaved(saved.name, { sql: tab.sql }, saved.version);
      changeTab(tab.id, { saved: { name: made.name, version: made.version, sql: made.sql } });
      toast(`Saved ${shownName(made.name)}, version ${made.version}`);
    } catch (error) {
      if (isConflict(error)) setConflict(await theirsOf(saved.name));
      else if (isProblem(error, "not_found")) setNaming(true);
      else toastError("Could not save", error);
    }
  };

  const { mark } = useNotice();
  useEffect(() => {
    const state = busy ? "Running… · " : mark;
    document.title = `${state}SQL · tarn`;
  });

  const onView = (view: ResultView) => changeTab(tab.id, { view: viewTo(view) });
  const side = (
    <Side
      index={index}
      current={tab.saved?.name}
      onInsert={(text) => {
        setSheet(false);
        editor.current?.insert(text);
      }}
      onSample={sample}
      onExplore={explore}
      onOpen={open}
      onOpenSaved={(query) => {
        setSheet(false);
        openSaved(query);
      }}
      onSaveCurrent={() => {
        setSheet(false);
        void save();
      }}
    />
  );
  useKeys([
    {
      keys: "e",
      label: "Into the editor",
      group: "SQL",
      run: () => editor.current?.focus(),
    },
    {
      keys: "ctrl+Enter",
      label: "Run the statement or the selection",
      group: "SQL",
      run: runAtCursor,
    },
    { keys: "ctrl+.", label: "Cancel what runs", group: "SQL", run: () => stop(tab.id) },
  ]);
  return (
    <Page
      title="SQL"
      fill
      actions={
        <Button icon={PanelLeft} className="lg:hidden" onClick={() => setSheet(true)}>
          Tables
        </Button>
      }
    >
      <div className="flex min-h-0 flex-1 gap-3">
        <aside
          aria-label="Tables and queries"
          className="hidden w-64 shrink-0 flex-col lg:flex xl:w-72"
        >
          {side}
        </aside>
        <div className="flex min-h-0 min-w-0 flex-1 flex-col overflow-hidden rounded-lg border border-line bg-panel">
          <TabBar onClosed={(id) => stop(id)} />
          <SplitPane
            storeKey="tarn.sql.split"
            top={
              <Suspense
                fallback={<Skeleton className="m-3" lines={4} label="Loading the editor" />}
              >
                <Editor
                  ref={editor}
                  tab={tab.id}
                  value={tab.sql}
                  words={words.data}
                  suggestions={suggestions}
                  index={index}
                  onChange={(id, sql) => changeTab(id, { sql })}
                  onRun={(what) => (what === "all" ? runAll() : runAtCursor())}
                  onSave={() => void save()}
                  check={checkText}
                />
              </Suspense>
            }
            middle={
              <Toolbar
                busy={busy}
                stopping={run?.outcomes.some((o) => o.state === "stopping") ?? false}
                canRun={tab.sql.trim() !== ""}
                changed={tab.saved !== undefined && tab.saved.sql !== tab.sql}
                onRun={runAtCursor}
                onRunAll={runAll}
                onExplain={explain}
                onStop={() => stop(tab.id)}
                onSave={() => void save()}
                onSaveAs={() => setNaming(true)}
              />
            }
            bottom={
              gone ? (
                <Gone onRerun={() => tab.ran && start(tab.id, [tab.ran])} />
              ) : (
                <RunPane
                  slot={tab.id}
                  run={run}
                  view={viewFrom(tab.view)}
                  onView={onView}
                  onRerun={(outcome) => start(tab.id, [outcome])}
                  onErrorPlace={(outcome) => {
                    const { error, sql, from } = outcome;
                    const position = isProblem(error) ? error.position : undefined;
                    if (position === undefined) return;
                    const problem = problemAt(sql, from, position, messageOf(error));
                    editor.current?.showProblems([problem]);
                    editor.current?.goTo(problem.from);
                  }}
                  empty={
                    <FirstQuestions
                      index={index}
                      onRun={(sql) => start(openTab({ sql }), [{ sql, from: 0 }])}
                    />
                  }
                />
              )
            }
          />
        </div>
      </div>
      <Drawer open={sheet} onClose={() => setSheet(false)} title="Tables and queries" modal>
        <div className="flex h-full min-h-96 flex-col">{side}</div>
      </Drawer>
      {naming ? (
        <NameDialog
          title="Save query"
          action="Save"
          onClose={() => setNaming(false)}
          onDone={async (name, description) => {
            const made = await createSaved(name, { sql: tab.sql, description });
            changeTab(tab.id, { saved: { name: made.name, version: made.version, sql: made.sql } });
            toast(`Saved ${shownName(made.name)}`);
          }}
        />
      ) : null}
      {conflict ? (
        <ConflictDialog
          mine={tab.sql}
          theirs={conflict}
          onClose={() => setConflict(null)}
          onOverwrite={async () => {
            const { name, version } = conflict;
            const made = await replaceSaved(name, { sql: tab.sql }, version);
            changeTab(tab.id, { saved: { name, version: made.version, sql: made.sql } });
          }}
          onOpenTheirs={() => {
            const { name, version, sql } = conflict;
            openTab({ sql, saved: { name, version, sql } });
            setConflict(null);
          }}
          onSaveAs={() => {
            setConflict(null);
            setNaming(true);
          }}
        />
      ) : null}
    </Page>
  );
}

async function theirsOf(name: string): Promise<SavedQuery> {
  return api.get<SavedQuery>(`api/v1/saved-queries/${encodeURIComponent(name)}`);
}

function openSaved({ name, version, sql }: SavedQuery): void {
  const open = useTabs.getState().tabs.find((tab) => tab.saved?.name === name);
  if (open !== undefined) activate(open.id);
  else openTab({ sql, saved: { name, version, sql } });
}

/** Takes the result of an earlier visit up again; true when the server has it no more. */
function useRestored(tab: SqlTab): boolean {
  const hasRun = useRuns((s) => s.runs[tab.id] !== undefined);
  const [gone, setGone] = useState<string | null>(null);
  const result = tab.ran?.result;
  useEffect(() => {
    if (hasRun || result === undefined || tab.ran === undefined) return;
    void restore(tab.id, tab.ran, result).then((found) => {
      if (!found) setGone(result);
    });
  }, [hasRun, result, tab]);
  return !hasRun && result !== undefined && gone === result;
}

interface SideProps {
  index: ReturnType<typeof indexCatalog> | undefined;
  current: string | undefined;
  onInsert: (text: string) => void;
  onSample: (table: CatalogTable) => void;
  onExplore: (table: CatalogTable) => void;
  onOpen: (sql: string) => void;
  onOpenSaved: (query: SavedQuery) => void;
  onSaveCurrent: () => void;
}

const PANELS: { value: SidePanel; label: string }[] = [
  { value: "tables", label: "Tables" },
  { value: "saved", label: "Saved" },
  { value: "samples", label: "Samples" },
  { value: "history", label: "History" },
];

function Side(props: SideProps) {
  const [panel, setPanel] = useState<SidePanel>("tables");
  const body: Record<SidePanel, () => ReactNode> = {
    tables: () => (
      <CatalogTree
        index={props.index}
        onInsert={props.onInsert}
        onSample={props.onSample}
        onExplore={props.onExplore}
      />
    ),
    saved: () => (
      <SavedList
        current={props.current}
        onOpen={props.onOpenSaved}
        onSaveCurrent={props.onSaveCurrent}
        onMoved={(from, to) => {
          for (const tab of useTabs.getState().tabs) {
            if (tab.saved?.name !== from) continue;
            const saved = to ? { name: to.name, version: to.version, sql: to.sql } : undefined;
            changeTab(tab.id, { saved });
          }
        }}
      />
    ),
    samples: () => <SampleList index={props.index} onOpen={props.onOpen} />,
    history: () => <HistoryList onOpen={props.onOpen} />,
  };
  return (
    <div className="flex min-h-0 flex-1 flex-col gap-2">
      <fieldset
        aria-label="Side panel"
        className="flex rounded-md border border-line bg-sunken p-0.5"
      >
        {PANELS.map(({ value, label }) => (
          <button
            key={value}
            type="button"
            aria-pressed={panel === value}
            onClick={() => setPanel(value)}
            className="h-6.5 min-w-0 flex-1 rounded px-1 text-xs font-medium text-muted hover:text-text aria-pressed:bg-raised aria-pressed:text-text aria-pressed:shadow-card"
          >
            {label}
          </button>
        ))}
      </fieldset>
      {body[panel]()}
    </div>
  );
}

function TabBar({ onClosed }: { onClosed: (id: string) => void }) {
  const tabs = useTabs((s) => s.tabs);
  const active = useTabs((s) => activeTab(s).id);
  const runs = useRuns((s) => s.runs);
  const close = (tab: SqlTab) => {
    onClosed(tab.id);
    closeTab(tab.id);
    if (tab.sql.trim() !== "") {
      const { id: _id, ...rest } = tab;
      toast(`Closed ${tabTitle(tab)}`, { label: "Undo", run: () => void openTab(rest) });
    }
  };
  return (
    <div className="flex shrink-0 items-center border-b border-line bg-sunken">
      <ul aria-label="Open queries" className="flex min-w-0 overflow-x-auto">
        {tabs.map((tab) => {
          const isChanged = tab.saved !== undefined && tab.saved.sql !== tab.sql;
          return (
            <li
              key={tab.id}
              className={cx(
                "flex max-w-56 shrink-0 items-center border-r border-line",
                tab.id === active ? "bg-panel" : "text-muted hover:bg-hover",
              )}
            >
              <button
                type="button"
                aria-current={tab.id === active ? "true" : undefined}
                title={tab.sql.slice(0, 300)}
                onClick={() => activate(tab.id)}
                className="min-w-0 truncate py-1.5 pr-1 pl-3 text-sm -outline-offset-2"
              >
                {isBusy(runs[tab.id]) ? "… " : ""}
                {tab.saved ? shownName(tabTitle(tab)) : tabTitle(tab)}
                {isChanged ? <span title="Changed since it was saved"> •</span> : null}
              </button>
              <button
                type="button"
                aria-label={`Close ${tabTitle(tab)}`}
                onClick={() => close(tab)}
                className="mr-1 flex size-6 shrink-0 items-center justify-center rounded text-muted hover:bg-hover hover:text-text"
              >
                <X aria-hidden="true" className="size-3.5" />
              </button>
            </li>
          );
        })}
      </ul>
      <IconButton icon={Plus} label="New query" size="sm" onClick={() => openTab({ sql: "" })} />
    </div>
  );
}

interface ToolbarProps {
  busy: boolean;
  stopping: boolean;
  canRun: boolean;
  changed: boolean;
  onRun: () => void;
  onRunAll: () => void;
  onExplain: (analyze: boolean) => void;
  onStop: () => void;
  onSave: () => void;
  onSaveAs: () => void;
}

function Toolbar(props: ToolbarProps) {
  const { busy, stopping, canRun } = props;
  return (
    <div className="flex flex-wrap items-center gap-2 px-2 py-1.5">
      {busy ? (
        <Button icon={Square} size="sm" disabled={stopping} onClick={props.onStop}>
          {stopping ? "Stopping…" : "Cancel"}
        </Button>
      ) : (
        <span className="inline-flex">
          <Button
            variant="primary"
            icon={Play}
            size="sm"
            disabled={!canRun}
            title="Ctrl-Enter: the statement at the cursor, or the selection"
            className="rounded-r-none"
            onClick={props.onRun}
          >
            Run
          </Button>
          <Menu
            align="start"
            items={[
              { label: "Run statement or selection", keys: "Ctrl ⏎", onSelect: props.onRun },
              { label: "Run all", keys: "Ctrl ⇧ ⏎", onSelect: props.onRunAll },
              { label: "Explain", separated: true, onSelect: () => props.onExplain(false) },
              { label: "Explain and measure", onSelect: () => props.onExplain(true) },
            ]}
            trigger={
              <Button
                variant="primary"
                size="sm"
                disabled={!canRun}
                aria-label="More ways to run"
                className="-ml-px rounded-l-none border-l-on-accent/40 px-1"
              >
                <ChevronDown aria-hidden="true" className="size-4" />
              </Button>
            }
          />
        </span>
      )}
      <Button size="sm" icon={Save} disabled={!canRun} onClick={props.onSave}>
        {props.changed ? "Save changes" : "Save"}
      </Button>
      <Button size="sm" variant="ghost" disabled={!canRun} onClick={props.onSaveAs}>
        Save as…
      </Button>
      <p className="ml-auto hidden text-xs text-muted md:block">
        <kbd className="font-mono">Ctrl ⏎</kbd> runs · <kbd className="font-mono">Esc</kbd> then{" "}
        <kbd className="font-mono">Tab</kbd> leaves the editor
      </p>
    </div>
  );
}

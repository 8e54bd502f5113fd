// saved.tsx - saved queries: they live on the server, for everybody, and for `tarn saved` too. A
// name is a path of folders: shown with slashes, stored with colons, since names there hold no
// slash. Saving over a version that somebody else made in between is asked about, never done.
import { useQuery } from "@tanstack/react-query";
import { ChevronRight, FilePen, FolderClosed, Trash2 } from "lucide-react";
import { useId, useState } from "react";
import { api, path } from "@/api/client";
import { isProblem } from "@/api/problem";
import { invalidate, useSavedQueries } from "@/api/queries";
import type { SavedQuery } from "@/api/types";
import { useZone } from "@/app/range";
import { formatTime } from "@/lib/zone";
import { Button, IconButton } from "@/ui/button";
import { CodeBlock } from "@/ui/copy";
import { cx } from "@/ui/cx";
import { ConfirmDialog, Dialog } from "@/ui/dialog";
import { Field, Input } from "@/ui/field";
import { EmptyState, Loaded } from "@/ui/states";
import { Refusal, useSubmit } from "@/ui/submit";
import { toast } from "@/ui/toast";

/** "sales / by day" or "sales/by day" as it is stored: "sales:by day". */
export function storedName(shown: string): string {
  return shown
    .split("/")
    .map((part) => part.trim())
    .filter((part) => part !== "")
    .join(":");
}

export function shownName(stored: string): string {
  return stored.split(":").join("/");
}

export interface SavedFolder {
  name: string;
  path: string;
  folders: SavedFolder[];
  queries: SavedQuery[];
}

export function foldersOf(queries: readonly SavedQuery[]): SavedFolder {
  const root: SavedFolder = { name: "", path: "", folders: [], queries: [] };
  for (const query of queries) {
    let at = root;
    for (const name of query.name.split(":").slice(0, -1)) {
      const folderPath = at.path === "" ? name : `${at.path}/${name}`;
      let next = at.folders.find((folder) => folder.name === name);
      if (next === undefined) {
        next = { name, path: folderPath, folders: [], queries: [] };
        at.folders.push(next);
      }
      at = next;
    }
    at.queries.push(query);
  }
  return root;
}

function savedPath(name: string): string {
  return path`api/v1/saved-queries/${name}`;
}

export interface SaveBody {
  sql: string;
  description?: string;
  tags?: string[];
}

/** Makes a new one; refused when there is one of that name. */
export async function createSaved(name: string, body: SaveBody): Promise<SavedQuery> {
  const made = await api.post<SavedQuery>("api/v1/saved-queries", { name, ...body });
  await invalidate("saved-queries");
  return made;
}

/** Replaces exactly that version; null: whatever is there. */
export async function replaceSaved(
  name: string,
  body: SaveBody,
  version: number | null,
): Promise<SavedQuery> {
  const headers = { "if-match": version === null ? "*" : `"${version}"` };
  const made = await api.put<SavedQuery>(savedPath(name), body, { headers });
  await invalidate("saved-queries");
  return made;
}

export async function deleteSaved(name: string): Promise<void> {
  await api.delete(savedPath(name));
  await invalidate("saved-queries");
}

export function isConflict(error: unknown): boolean {
  return isProblem(error) && (error.status === 412 || error.code === "version_conflict");
}

interface SavedListProps {
  current: string | undefined;
  onOpen: (query: SavedQuery) => void;
  /** It was renamed or deleted: tabs that show it follow. */
  onMoved: (from: string, to: SavedQuery | null) => void;
  onSaveCurrent: () => void;
}

export function SavedList({ current, onOpen, onMoved, onSaveCurrent }: SavedListProps) {
  const saved = useSavedQueries();
  const [closed, setClosed] = useState<ReadonlySet<string>>(new Set());
  const [renaming, setRenaming] = useState<SavedQuery | null>(null);
  const [deleting, setDeleting] = useState<SavedQuery | null>(null);
  const toggle = (folder: string) => {
    setClosed((old) => {
      const next = new Set(old);
      if (!next.delete(folder)) next.add(folder);
      return next;
    });
  };
  const row = (query: SavedQuery, depth: number) => (
    <li
      key={query.name}
      className={cx(
        "group/row flex items-center rounded hover:bg-hover",
        query.name === current && "bg-accent-soft",
      )}
      style={{ paddingLeft: depth * 14 }}
    >
      <button
        type="button"
        onClick={() => onOpen(query)}
        title={`${query.name}\n${query.description}`}
        className="min-w-0 flex-1 truncate px-1.5 py-1 text-left text-sm"
      >
        {query.name.split(":").at(-1)}
      </button>
      <span className="flex opacity-0 group-focus-within/row:opacity-100 group-hover/row:opacity-100 pointer-coarse:opacity-100">
        <IconButton
          icon={FilePen}
          label={`Rename ${shownName(query.name)}`}
          size="sm"
          className="size-6"
          onClick={() => setRenaming(query)}
        />
        <IconButton
          icon={Trash2}
          label={`Delete ${shownName(query.name)}`}
          size="sm"
          className="size-6"
          onClick={() => setDeleting(query)}
        />
      </span>
    </li>
  );
  const folder = (at: SavedFolder, depth: number) => (
    <li key={at.path}>
      <button
        type="button"
        aria-expanded={!closed.has(at.path)}
        onClick={() => toggle(at.path)}
        style={{ paddingLeft: depth * 14 }}
        className="flex w-full items-center gap-1 rounded py-1 text-left text-sm hover:bg-hover"
      >
        <ChevronRight
          aria-hidden="true"
          className={cx("size-3.5 text-muted", !closed.has(at.path) && "rotate-90")}
        />
        <FolderClosed aria-hidden="true" className="size-3.5 text-muted" />
        <span className="truncate">{at.name}</span>
      </button>
      {closed.has(at.path) ? null : <ul>{inside(at, depth + 1)}</ul>}
    </li>
  );
  const inside = (at: SavedFolder, depth: number) => [
    ...at.folders.map((one) => folder(one, depth)),
    ...at.queries.map((query) => row(query, depth)),
  ];
  return (
    <div className="min-h-0 flex-1 overflow-auto">
      <Loaded query={saved} what="The saved queries could not be listed.">
        {(queries) =>
          queries.length === 0 ? (
            <EmptyState
              title="Nothing saved yet"
              reason="A saved query is on the server, for everybody who signs in here and for the command line."
              action={<Button onClick={onSaveCurrent}>Save this query</Button>}
              command={'tarn saved save numbers:answer "SELECT 42 AS answer"'}
              className="px-1 py-4"
            />
          ) : (
            <ul>{inside(foldersOf(queries), 0)}</ul>
          )
        }
      </Loaded>
      {renaming ? (
        <NameDialog
          title={`Rename ${shownName(renaming.name)}`}
          action="Rename"
          initial={renaming}
          onClose={() => setRenaming(null)}
          onDone={async (name, description) => {
            const body = { sql: renaming.sql, description, tags: renaming.tags };
            if (name === renaming.name) {
              onMoved(name, await replaceSaved(name, body, renaming.version));
              return;
            }
            const made = await createSaved(name, body);
            await deleteSaved(renaming.name);
            onMoved(renaming.name, made);
          }}
        />
      ) : null}
      <ConfirmDialog
        open={deleting !== null}
        onClose={() => setDeleting(null)}
        title={`Delete ${shownName(deleting?.name ?? "")}?`}
        action="Delete query"
        onConfirm={async () => {
          if (deleting === null) return;
          await deleteSaved(deleting.name);
          onMoved(deleting.name, null);
          const { name, sql, description, tags } = deleting;
          toast(`Deleted ${shownName(name)}`, {
            label: "Undo",
            run: () => void createSaved(name, { sql, description, tags }),
          });
        }}
      >
        It is deleted for everybody. A tab that shows its text keeps the text.
      </ConfirmDialog>
    </div>
  );
}

interface NameDialogProps {
  title: string;
  action: string;
  initial?: { name: string; description: string } | undefined;
  onClose: () => void;
  /** The stored name. Closes when it resolves, shows the reason when it rejects. */
  onDone: (name: string, description: string) => Promise<void>;
}

export function NameDialog({ title, action, initial, onClose, onDone }: NameDialogProps) {
  const saved = useQuery({
    queryKey: ["saved-queries", "folders"],
    queryFn: ({ signal }) =>
      api.get<{ saved_queries: SavedQuery[] }>("api/v1/saved-queries", {
        query: { limit: 1000 },
        signal,
      }),
  });
  const [name, setName] = useState(shownName(initial?.name ?? ""));
  const [description, setDescription] = useState(initial?.description ?? "");
  const formId = useId();
  const listId = useId();
  const stored = storedName(name);
  const folders = new Set(
    saved.data?.saved_queries
      .map((query) => query.name.split(":").slice(0, -1).join("/"))
      .filter((folder) => folder !== ""),
  );
  const { busy, reason, submit } = useSubmit(async () => {
    if (stored === "") return;
    await onDone(stored, description.trim());
    onClose();
  });
  return (
    <Dialog
      open
      onClose={onClose}
      title={title}
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button
            type="submit"
            form={formId}
            variant="primary"
            busy={busy}
            disabled={stored === ""}
          >
            {action}
          </Button>
        </>
      }
    >
      <form id={formId} className="flex flex-col gap-3" onSubmit={submit}>
        <Field
          label="Name"
          error={reason}
          hint={
            stored.includes(":")
              ? `In the folder ${shownName(stored).split("/").slice(0, -1).join("/")}; on the command line: ${stored}`
              : "A slash makes folders: sales/by day"
          }
        >
          <Input
            value={name}
            list={listId}
            required
            autoFocus
            onChange={(event) => setName(event.target.value)}
          />
        </Field>
        <datalist id={listId}>
          {[...folders].map((folder) => (
            <option key={folder} value={`${folder}/`} />
          ))}
        </datalist>
        <Field label="What it answers (optional)">
          <Input value={description} onChange={(event) => setDescription(event.target.value)} />
        </Field>
      </form>
    </Dialog>
  );
}

interface ConflictProps {
  mine: string;
  theirs: SavedQuery;
  onClose: () => void;
  onOverwrite: () => Promise<unknown>;
  onOpenTheirs: () => void;
  onSaveAs: () => void;
}

/** Somebody saved in between: both texts, and three ways out. */
export function ConflictDialog(props: ConflictProps) {
  const { mine, theirs, onClose, onOverwrite, onOpenTheirs, onSaveAs } = props;
  const zone = useZone();
  const { busy, reason, submit } = useSubmit(async () => {
    await onOverwrite();
    onClose();
  });
  return (
    <Dialog
      open
      wide
      onClose={onClose}
      title={`${shownName(theirs.name)} was changed by somebody else`}
      description={`Version ${theirs.version}, saved ${formatTime(Date.parse(theirs.updated), zone)}. Nothing was overwritten.`}
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button onClick={onSaveAs}>Save under another name</Button>
          <Button onClick={onOpenTheirs}>Open theirs in a tab</Button>
          <Button variant="danger" busy={busy} onClick={submit}>
            Overwrite theirs
          </Button>
        </>
      }
    >
      <div className="grid gap-3 md:grid-cols-2">
        <CodeBlock label="Theirs, on the server" text={theirs.sql} wrap />
        <CodeBlock label="Yours, in this tab" text={mine} wrap />
      </div>
      <Refusal reason={reason} className="mt-2" />
    </Dialog>
  );
}

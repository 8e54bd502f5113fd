// upload.tsx - a file becomes a table: chosen or dropped, looked at (its first rows, before
// anything is sent), sent with progress, and what the server made of it.
import { FileUp, X } from "lucide-react";
import { type DragEvent, useEffect, useMemo, useRef, useState } from "react";
import { useTables } from "@/api/queries";
import { shellQuote } from "@/lib/curl";
import { bytes } from "@/lib/numbers";
import { Badge } from "@/ui/badge";
import { Button, IconButton } from "@/ui/button";
import { CodeBlock, CopyAsCurl } from "@/ui/copy";
import { cx } from "@/ui/cx";
import { Dialog } from "@/ui/dialog";
import { Checkbox, Field, Input, Select } from "@/ui/field";
import {
  canDeclare,
  type FileFormat,
  FORMATS,
  findDelimiter,
  needsCleanNames,
  type Preview,
  previewCsv,
  previewNdjson,
  readName,
  tableNameOf,
  tableNameProblem,
  typesParam,
} from "./upload-file";
import { type Peek, peek } from "./upload-peek";
import { PreviewTable } from "./upload-preview";
import { UploadProgress } from "./upload-progress";
import {
  forgetUpload,
  startUpload,
  type UploadPlan,
  type UploadSettings,
  uploadPlan,
  useUpload,
} from "./upload-run";

interface UploadDialogProps {
  open: boolean;
  /** The table it is for: rows are then added to it. */
  into: string | undefined;
  /** A file that was dropped on the page. */
  dropped: File | null;
  onClose: () => void;
}

export function UploadDialog({ open, into, dropped, onClose }: UploadDialogProps) {
  return open ? <Upload into={into} dropped={dropped} onClose={onClose} /> : null;
}

function Upload({ into, dropped, onClose }: Omit<UploadDialogProps, "open">) {
  const job = useUpload((s) => s.job);
  const [file, setFile] = useState<File | null>(dropped);
  useEffect(() => {
    if (dropped !== null) setFile(dropped);
  }, [dropped]);
  if (job !== null) {
    const change = (next: File | null) => {
      forgetUpload();
      setFile(next);
    };
    return (
      <UploadProgress
        job={job}
        onClose={onClose}
        onAgain={() => change(null)}
        onChange={() => change(job.plan.file)}
      />
    );
  }
  if (file === null) return <Choose onFile={setFile} onClose={onClose} />;
  return (
    <Settle
      key={`${file.name} ${file.size} ${file.lastModified}`}
      file={file}
      into={into}
      onChange={() => setFile(null)}
      onClose={onClose}
    />
  );
}

const ACCEPT = ".csv,.tsv,.txt,.parquet,.ndjson,.jsonl,.gz,.zst";

function Choose({ onFile, onClose }: { onFile: (file: File) => void; onClose: () => void }) {
  const [over, setOver] = useState(false);
  const drop = (event: DragEvent) => {
    event.preventDefault();
    event.stopPropagation();
    setOver(false);
    const [file] = event.dataTransfer.files;
    if (file !== undefined) onFile(file);
  };
  return (
    <Dialog
      open
      wide
      onClose={onClose}
      title="Upload a file"
      description="CSV, Parquet or NDJSON becomes a table of the schema main, in one commit or not at all."
    >
      <label
        onDragOver={(event) => {
          event.preventDefault();
          setOver(true);
        }}
        onDragLeave={() => setOver(false)}
        onDrop={drop}
        className={cx(
          "flex cursor-pointer flex-col items-center gap-2 rounded-lg border-2 border-dashed border-line-strong px-4 py-12 text-center hover:bg-hover has-focus-visible:outline-2 has-focus-visible:outline-focus",
          over && "border-accent bg-accent-soft",
        )}
      >
        <FileUp aria-hidden="true" className="size-8 text-muted" strokeWidth={1.5} />
        <span className="text-base font-semibold">Drop a file here, or choose one</span>
        <span className="text-sm text-muted">
          .csv .tsv .ndjson .jsonl .parquet, also as .gz or .zst; of any size
        </span>
        <input
          type="file"
          accept={ACCEPT}
          className="sr-only"
          onChange={(event) => {
            const file = event.target.files?.[0];
            if (file !== undefined) onFile(file);
          }}
        />
      </label>
      <div className="mt-4 flex flex-col gap-3">
        <CodeBlock label="The same in a terminal" text="tarn import sales.csv --table sales" />
        <p className="text-xs text-muted">
          A file that stays where it is and changes now and then belongs into the folder files of
          the data folder: it is a table of the schema files at once.
        </p>
      </div>
    </Dialog>
  );
}

function usePeek(file: File, format: FileFormat | null): Peek | null {
  const [seen, setSeen] = useState<Peek | null>(null);
  useEffect(() => {
    let gone = false;
    setSeen(null);
    peek(file, { ...readName(file.name), format }).then(
      (found) => {
        if (!gone) setSeen(found);
      },
      () => {
        const problem = "The file cannot be read; was it moved or changed?";
        if (!gone) setSeen({ text: "", isWhole: false, problem });
      },
    );
    return () => {
      gone = true;
    };
  }, [file, format]);
  return seen;
}

function previewOf(
  seen: Peek | null,
  format: FileFormat | null,
  delimiter: string,
  header: boolean,
): Preview | null {
  if (seen === null || seen.text === "") return null;
  if (format === "ndjson") return previewNdjson(seen.text, seen.isWhole);
  if (format !== "csv") return null;
  return previewCsv(seen.text, { delimiter, quote: "", header }, seen.isWhole);
}

/** As `tarn import` would do it. */
function commandOf(plan: UploadPlan): string {
  const words = ["tarn", "import", shellQuote(plan.file.name), "--table", plan.table];
  if (plan.mode !== "create") words.push("--mode", plan.mode);
  const { delimiter, header, types } = uploadPlan(plan).query ?? {};
  if (typeof delimiter === "string") words.push("--delimiter", shellQuote(delimiter));
  if (header === "false") words.push("--header", "false");
  if (typeof types === "string") words.push("--types", shellQuote(types));
  if (plan.cleanNames) words.push("--names", "clean");
  return words.join(" ");
}

interface SettleProps {
  file: File;
  into: string | undefined;
  /** Another file. */
  onChange: () => void;
  onClose: () => void;
}

function Settle({ file, into, onChange, onClose }: SettleProps) {
  const name = useMemo(() => readName(file.name), [file]);
  const tables = useTables();
  const exists = (table: string) =>
    tables.data?.some((one) => one.schema === "main" && one.name === table) ?? false;
  const ofTopic = (table: string) =>
    tables.data?.some((one) => one.schema === "bronze" && one.name === table) ?? false;
  const draft = useUpload((s) => s.draft);
  const settings: UploadSettings =
    draft?.file === file
      ? draft.settings
      : {
          table: into ?? tableNameOf(name.stem),
          mode: into === undefined ? "create" : "append",
          format: name.format,
          delimiter: "",
          header: true,
          types: {},
          cleanNames: null,
        };
  const set = (next: Partial<UploadSettings>) => {
    useUpload.setState({ draft: { file, settings: { ...settings, ...next } } });
  };
  const seen = usePeek(file, settings.format);
  const { format, delimiter, header } = settings;
  const preview = useMemo(
    () => previewOf(seen, format, delimiter, header),
    [seen, format, delimiter, header],
  );
  const mustClean = needsCleanNames(preview?.columns ?? []);
  const cleanNames = settings.cleanNames ?? mustClean;
  const nameProblem = tableNameProblem(settings.table);
  const taken = settings.mode === "create" && exists(settings.table);
  const plan: UploadPlan | null =
    settings.format === null || nameProblem !== null
      ? null
      : {
          file,
          table: settings.table,
          mode: settings.mode,
          format: settings.format,
          coding: name.coding,
          delimiter: settings.delimiter,
          quote: "",
          header: settings.header,
          types: typesParam(
            Object.fromEntries(
              Object.entries(settings.types).filter(([column]) =>
                preview?.columns.includes(column),
              ),
            ),
          ),
          cleanNames,
        };
  const problem = seen?.problem ?? preview?.problem ?? null;
  const send = () => {
    if (plan !== null && !taken) void startUpload(plan);
  };
  const form = useRef<HTMLFormElement>(null);
  return (
    <Dialog
      open
      wide
      onClose={onClose}
      title="Upload a file"
      footer={
        <>
          {plan === null ? null : (
            <span className="mr-auto flex">
              <CopyAsCurl plan={uploadPlan(plan)} showLabel />
            </span>
          )}
          <Button onClick={onClose}>Close</Button>
          <Button
            variant="primary"
            icon={FileUp}
            disabled={plan === null || taken}
            onClick={() => form.current?.requestSubmit()}
          >
            {`Upload ${bytes(file.size)}`}
          </Button>
        </>
      }
    >
      <form
        ref={form}
        className="flex flex-col gap-4"
        onSubmit={(event) => {
          event.preventDefault();
          send();
        }}
      >
        <div className="flex items-center gap-2 rounded-md border border-line bg-sunken px-3 py-2">
          <span className="min-w-0 flex-1 truncate font-medium" title={file.name}>
            <bdi>{file.name}</bdi>
          </span>
          <span className="text-sm text-muted">{bytes(file.size)}</span>
          {name.coding === null ? null : <Badge>{name.coding}</Badge>}
          <IconButton icon={X} label="Choose another file" size="sm" onClick={onChange} />
        </div>
        <div className="grid gap-3 sm:grid-cols-2 lg:grid-cols-4">
          <Field
            label="Table in main"
            className="sm:col-span-2"
            error={nameProblem ?? undefined}
            hint={
              ofTopic(settings.table)
                ? `bronze.${settings.table} belongs to a topic; an unqualified ${settings.table} will mean main.${settings.table}.`
                : `main.${settings.table}`
            }
          >
            <Input
              value={settings.table}
              onChange={(event) => set({ table: event.target.value })}
              maxLength={250}
            />
          </Field>
          <Field
            label="Where it is there already"
            error={taken ? `main.${settings.table} is there: append or replace.` : undefined}
            hint={MODE_HINTS[settings.mode]}
            className="sm:col-span-2"
          >
            <Select
              className="w-full"
              value={settings.mode}
              onChange={(mode) => set({ mode })}
              options={[
                { value: "create", label: "refuse: only make a new table" },
                { value: "append", label: "append: add the rows" },
                { value: "replace", label: "replace: take its place" },
              ]}
            />
          </Field>
          <Field
            label="Format"
            error={settings.format === null ? "The name does not say it." : undefined}
          >
            <Select
              className="w-full"
              value={settings.format ?? ""}
              onChange={(format) => set({ format: FORMATS.find((one) => one === format) ?? null })}
              options={[
                ...(settings.format === null ? [{ value: "", label: "Choose…" }] : []),
                { value: "csv", label: "CSV" },
                { value: "ndjson", label: "NDJSON" },
                { value: "parquet", label: "Parquet" },
              ]}
            />
          </Field>
          {settings.format === "csv" ? (
            <Field label="Delimiter">
              <Select
                className="w-full"
                value={settings.delimiter}
                onChange={(delimiter) => set({ delimiter })}
                options={delimiters(seen?.text ?? "")}
              />
            </Field>
          ) : null}
          <div className="flex flex-col justify-end gap-1 sm:col-span-2">
            {settings.format === "csv" ? (
              <Checkbox
                label="The first line names the columns"
                checked={settings.header}
                onChange={(header) => set({ header, types: {} })}
              />
            ) : null}
            <Checkbox
              label="Write _ for characters that Delta forbids in names"
              checked={cleanNames}
              onChange={(clean) => set({ cleanNames: clean })}
            />
          </div>
        </div>
        {mustClean && !cleanNames ? (
          <p className="text-sm text-warn">
            Some names have characters that Delta forbids: the server will refuse the file.
          </p>
        ) : null}
        {problem === null ? null : (
          <p role="alert" className="rounded-md bg-warn-soft px-3 py-2 text-sm text-warn">
            {problem}
          </p>
        )}
        {preview !== null && preview.columns.length > 0 ? (
          <PreviewTable
            preview={preview}
            types={settings.types}
            canType={settings.mode !== "append"}
            canDeclare={canDeclare}
            onType={(column, type) => set({ types: { ...settings.types, [column]: type } })}
          />
        ) : (
          <NoPreview format={settings.format} coding={name.coding} waiting={seen === null} />
        )}
        {plan === null ? null : (
          <CodeBlock label="The same in a terminal" text={commandOf(plan)} wrap />
        )}
      </form>
    </Dialog>
  );
}

const MODE_HINTS: Readonly<Record<UploadPlan["mode"], string>> = {
  create: "An existing table is never touched.",
  append: "New columns come behind; the table's own types are used.",
  replace: "Rows and columns of before stay in its history.",
};

function delimiters(text: string) {
  const names: Record<string, string> = {
    ",": "comma ,",
    ";": "semicolon ;",
    "\t": "tab",
    "|": "bar |",
  };
  const found = text === "" ? "" : `: ${names[findDelimiter(text)]}`;
  return [
    { value: "", label: `found out${found}` },
    ...Object.entries(names).map(([value, label]) => ({ value, label })),
  ];
}

interface NoPreviewProps {
  format: FileFormat | null;
  coding: string | null;
  waiting: boolean;
}

function NoPreview({ format, coding, waiting }: NoPreviewProps) {
  if (waiting || format === null) return null;
  return (
    <p className="text-sm text-muted">
      {format === "parquet"
        ? "Parquet brings its own columns and types; they are shown when the file is in the table."
        : coding === "zstd"
          ? "zstd is unpacked by the server; the browser cannot show what is in it."
          : "There is nothing to show before it is sent."}
    </p>
  );
}

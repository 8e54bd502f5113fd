// download.tsx - the whole result as a file, written by the server in the order and with the
// filters shown; what the page holds is never the source.
import { Download } from "lucide-react";
import { useState } from "react";
import { isProblem } from "@/api/problem";
import { count } from "@/lib/numbers";
import { Button } from "@/ui/button";
import { CopyButton } from "@/ui/copy";
import { Checkbox } from "@/ui/field";
import { Popover } from "@/ui/popover";
import { toastError } from "@/ui/toast";
import { type ExportFormat, exportUrl, loadWindow, type StoredResult } from "./result";
import type { ResultView } from "./shown";

const FORMATS: { format: ExportFormat; label: string; note: string }[] = [
  { format: "csv", label: "CSV", note: "for spreadsheets" },
  { format: "parquet", label: "Parquet", note: "keeps all types" },
  { format: "json", label: "JSON", note: "one list" },
  { format: "ndjson", label: "NDJSON", note: "one row per line" },
];

interface DownloadProps {
  result: StoredResult;
  view: ResultView;
  rowCount: number;
  onGone: () => void;
}

export function DownloadPopover({ result, view, rowCount, onGone }: DownloadProps) {
  const [open, setOpen] = useState(false);
  const [guard, setGuard] = useState(true);
  const start = async (format: ExportFormat) => {
    setOpen(false);
    try {
      // A link that fails would save the refusal as a file: so look first.
      await loadWindow(result.id, {}, 0, 0);
    } catch (error) {
      if (isProblem(error, "result_gone")) onGone();
      else toastError("Could not download", error);
      return;
    }
    const link = document.createElement("a");
    link.href = exportUrl(result.id, format, view, guard);
    link.download = `result.${format}`;
    link.click();
  };
  return (
    <Popover
      label="Download"
      open={open}
      onOpenChange={setOpen}
      className="w-72"
      trigger={
        <Button size="sm" icon={Download} aria-label="Download">
          <span className="hidden @3xl:inline">Download</span>
        </Button>
      }
    >
      <p className="mb-2 text-sm">
        {view.filters.length > 0
          ? `The ${count(rowCount, "row")} that pass the filters, `
          : `All ${count(rowCount, "row")}, `}
        written by the server.
      </p>
      <ul className="flex flex-col gap-1">
        {FORMATS.map(({ format, label, note }) => (
          <li key={format} className="flex items-center gap-1">
            <Button
              variant="ghost"
              className="flex-1 justify-start"
              onClick={() => void start(format)}
            >
              {label}
              <span className="text-xs font-normal text-muted">{note}</span>
            </Button>
            <CopyButton
              label={`Copy the address of the ${label}`}
              text={() => exportUrl(result.id, format, view, guard)}
            />
          </li>
        ))}
      </ul>
      <div className="mt-2 border-t border-line pt-2">
        <Checkbox label="Guard formulas in the CSV" checked={guard} onChange={setGuard} />
        <p className="mt-1 text-xs text-muted">
          Puts a ' before text that a spreadsheet would run, such as =cmd.
        </p>
      </div>
    </Popover>
  );
}

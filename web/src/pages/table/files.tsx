// files.tsx - the Parquet files of the newest version, by partition and one by one; a file opens
// with its least and greatest values.
import { useMemo, useState } from "react";
import type { DataFile } from "@/api/types";
import { useZone } from "@/app/range";
import { cellText } from "@/lib/cell";
import { bytes, count, grouped, percent } from "@/lib/numbers";
import type { Zone } from "@/lib/zone";
import { Button } from "@/ui/button";
import { Card } from "@/ui/card";
import { CopyAsCurl, CopyButton } from "@/ui/copy";
import { cx } from "@/ui/cx";
import { Drawer } from "@/ui/dialog";
import { type GridColumn, type GridSort, VirtualGrid } from "@/ui/grid";
import { Instant } from "@/ui/instant";
import { KeyValue } from "@/ui/keyvalue";
import { EmptyState, ErrorCard, Skeleton } from "@/ui/states";
import { type PartitionSum, partitionSums, partitionText } from "./storage";
import { listPlan, PAGE, type TableProps, useFiles } from "./table-queries";

export function Files(props: TableProps) {
  const { files, error, retry, ...rest } = useFiles(props);
  if (files !== undefined) return <Listed {...props} {...rest} files={files} />;
  if (error === null) return <Skeleton lines={8} />;
  return <ErrorCard what="The files could not be listed." error={error} retry={retry} />;
}

type ListedProps = TableProps & {
  files: readonly DataFile[];
  fileCount: number;
  more: (() => void) | null;
  isLoadingMore: boolean;
};

function value(file: DataFile, column: string): string | number {
  if (column === "bytes") return file.bytes;
  if (column === "rows") return file.rows ?? -1;
  if (column === "modified") return file.modified ?? "";
  if (column === "partition") return partitionText(file.partition);
  return file.path;
}

function sorted(files: readonly DataFile[], sort: GridSort | null): readonly DataFile[] {
  if (sort === null) return files;
  const sign = sort.descending ? -1 : 1;
  return [...files].sort((a, b) => {
    const left = value(a, sort.column);
    const right = value(b, sort.column);
    return left === right ? 0 : left < right ? -sign : sign;
  });
}

function Listed(props: ListedProps) {
  const { schema, name, table, files, fileCount, more, isLoadingMore } = props;
  const zone = useZone();
  const [sort, setSort] = useState<GridSort | null>({
    column: "modified",
    descending: true,
  });
  const [partition, setPartition] = useState<string | null>(null);
  const [open, setOpen] = useState<string | null>(null);
  const sums = useMemo(() => partitionSums(files), [files]);
  const rows = useMemo(() => {
    const own =
      partition === null
        ? files
        : files.filter((file) => partitionText(file.partition) === partition);
    return sorted(own, sort);
  }, [files, partition, sort]);
  const hasPartitions = (table.partition_columns ?? []).length > 0;
  const columns = useMemo(() => columnsOf(zone, hasPartitions), [zone, hasPartitions]);
  if (fileCount === 0) {
    return (
      <EmptyState
        title="No files yet"
        reason="Rows land in Parquet files with the next commit; until then they are in the log, and in SQL."
      />
    );
  }
  const openAt = rows.findIndex((file) => file.path === open);
  const missing = fileCount - files.length;
  return (
    <>
      <div className="flex flex-wrap items-center gap-2 text-sm text-muted">
        <span>
          {missing > 0
            ? `${grouped(files.length)} of ${count(fileCount, "file")}; sums and order are of these`
            : count(fileCount, "file")}
        </span>
        {more === null ? null : (
          <Button size="sm" busy={isLoadingMore} onClick={more}>
            {`Load ${grouped(Math.min(PAGE, Math.max(missing, 1)))} more`}
          </Button>
        )}
        <CopyAsCurl plan={listPlan(schema, name, "files", null)} />
      </div>
      {sums.length > 1 ? (
        <Partitions sums={sums} chosen={partition} onChoose={setPartition} />
      ) : null}
      <VirtualGrid
        label="Files"
        columns={columns}
        rows={rows}
        sort={sort}
        onSort={setSort}
        openOnClick
        onOpen={(file) => setOpen(file.path)}
        openIndex={openAt < 0 ? null : openAt}
        className="min-h-72 flex-1"
      />
      <FileDrawer file={rows[openAt] ?? null} onClose={() => setOpen(null)} />
    </>
  );
}

const PARTITIONS_SHOWN = 200;

interface PartitionsProps {
  sums: readonly PartitionSum[];
  chosen: string | null;
  onChoose: (key: string | null) => void;
}

function Partitions({ sums, chosen, onChoose }: PartitionsProps) {
  const most = Math.max(...sums.map((sum) => sum.bytes), 1);
  const total = sums.reduce((sum, one) => sum + one.bytes, 0);
  return (
    <Card title="Partitions" note={`${grouped(sums.length)}, newest value first`} flush>
      <ul className="max-h-44 overflow-y-auto border-t border-line py-1">
        {sums.slice(0, PARTITIONS_SHOWN).map((sum) => (
          <li key={sum.key}>
            <button
              type="button"
              aria-pressed={chosen === sum.key}
              onClick={() => onChoose(chosen === sum.key ? null : sum.key)}
              className="relative grid w-full grid-cols-[minmax(0,1fr)_auto] items-center gap-x-3 px-3 py-1 text-left text-sm hover:bg-hover aria-pressed:bg-accent-soft sm:grid-cols-[14rem_minmax(0,1fr)_auto]"
            >
              <span className="truncate" title={sum.key}>
                <bdi>{sum.key || "no partition"}</bdi>
              </span>
              <span aria-hidden="true" className="hidden h-2 rounded-sm bg-sunken sm:block">
                <span
                  className="block h-2 rounded-sm bg-chart-1"
                  style={{ width: `${(sum.bytes / most) * 100}%` }}
                />
              </span>
              <span className="text-xs text-muted tabular-nums">
                {bytes(sum.bytes)} · {percent(total > 0 ? sum.bytes / total : 0)} ·{" "}
                {count(sum.files, "file")}
                {sum.rows === null ? "" : ` · ${count(sum.rows, "row")}`}
              </span>
            </button>
          </li>
        ))}
        {sums.length > PARTITIONS_SHOWN ? (
          <li className="px-3 py-1 text-xs text-muted">
            {grouped(sums.length - PARTITIONS_SHOWN)} more: sort the files by partition
          </li>
        ) : null}
      </ul>
    </Card>
  );
}

function columnsOf(zone: Zone, hasPartitions: boolean): GridColumn<DataFile>[] {
  const partition: GridColumn<DataFile> = {
    id: "partition",
    header: "Partition",
    width: 200,
    value: (file) => partitionText(file.partition),
  };
  return [
    ...(hasPartitions ? [partition] : []),
    {
      id: "bytes",
      header: "Size",
      width: 110,
      align: "right",
      value: (file) => file.bytes,
      cell: (file) => <span title={count(file.bytes, "byte")}>{bytes(file.bytes)}</span>,
    },
    {
      id: "rows",
      header: "Rows",
      width: 110,
      align: "right",
      value: (file) => file.rows,
      cell: (file) => grouped(file.rows),
    },
    {
      id: "modified",
      header: "Written",
      width: 170,
      value: (file) => file.modified,
      cell: (file) => <Instant at={file.modified} zone={zone} />,
    },
    {
      id: "path",
      header: "File",
      width: 400,
      grow: true,
      value: (file) => file.path,
      cell: (file) => (
        <span className="font-mono text-xs" title={file.path}>
          <bdi>{file.path}</bdi>
        </span>
      ),
    },
  ];
}

function FileDrawer({ file, onClose }: { file: DataFile | null; onClose: () => void }) {
  const zone = useZone();
  return (
    <Drawer
      open={file !== null}
      onClose={onClose}
      title="Data file"
      description={file === null ? undefined : partitionText(file.partition) || undefined}
      footer={file === null ? null : <CopyButton text={file.path} label="Copy path" showLabel />}
    >
      {file === null ? null : (
        <div className="flex flex-col gap-4">
          <KeyValue
            items={[
              [
                "Path",
                <code key="path" className="font-mono text-xs break-all">
                  {file.path}
                </code>,
              ],
              ["Size", `${bytes(file.bytes)} (${count(file.bytes, "byte")})`],
              ["Rows", grouped(file.rows)],
              ["Written", <Instant key="written" at={file.modified} zone={zone} form="millis" />],
            ]}
          />
          <FileStats file={file} />
        </div>
      )}
    </Drawer>
  );
}

const CELL = "max-w-40 truncate border-t border-line px-2 py-1";

function FileStats({ file }: { file: DataFile }) {
  const { minValues = {}, maxValues = {}, nullCount = {} } = file.stats ?? {};
  const names = [...new Set([...Object.keys(minValues), ...Object.keys(nullCount)])];
  if (names.length === 0) {
    return <p className="text-sm text-muted">The commit recorded no statistics of this file.</p>;
  }
  const text = (of: Record<string, unknown>, name: string) => {
    const found = of[name];
    return found === undefined ? "–" : found === null ? "NULL" : cellText(found);
  };
  return (
    <section
      aria-label="Statistics"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by key.
      tabIndex={0}
      className="overflow-x-auto rounded-md border border-line"
    >
      <table className="w-full text-xs">
        <thead className="bg-sunken text-left text-muted">
          <tr>
            <th className="px-2 py-1 font-medium">Column</th>
            <th className="px-2 py-1 font-medium">Least</th>
            <th className="px-2 py-1 font-medium">Greatest</th>
            <th className="px-2 py-1 text-right font-medium">NULL</th>
          </tr>
        </thead>
        <tbody>
          {names.map((name) => (
            <tr key={name}>
              <td className={CELL} title={name}>
                <bdi>{name}</bdi>
              </td>
              <td className={CELL} title={text(minValues, name)}>
                <bdi>{text(minValues, name)}</bdi>
              </td>
              <td className={CELL} title={text(maxValues, name)}>
                <bdi>{text(maxValues, name)}</bdi>
              </td>
              <td className={cx(CELL, "text-right")}>{text(nullCount, name)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <p className="border-t border-line px-2 py-1 text-xs text-muted">
        Long texts are cut in statistics, as Delta allows.
      </p>
    </section>
  );
}

// upload-preview.tsx - the first rows of a file that was not sent yet, as text; and what type each
// column shall have where the server should not find it out.
import { grouped } from "@/lib/numbers";
import { Select } from "@/ui/field";
import { type Preview, ROWS_SHOWN } from "./upload-file";

const TYPES = [
  "BOOLEAN",
  "BIGINT",
  "DOUBLE",
  "DECIMAL(18,2)",
  "DATE",
  "TIMESTAMP WITH TIME ZONE",
  "VARCHAR",
] as const;

interface PreviewTableProps {
  preview: Preview;
  types: Readonly<Record<string, string>>;
  /** False: the table's own types are used. */
  canType: boolean;
  canDeclare: (column: string) => boolean;
  onType: (column: string, type: string) => void;
}

export function PreviewTable(props: PreviewTableProps) {
  const { preview, types, canType, canDeclare, onType } = props;
  return (
    <figure className="flex min-w-0 flex-col gap-1">
      <figcaption className="text-xs text-muted">
        First rows, as text; types are found out from all rows unless they are chosen here
        {preview.moreColumns > 0 ? `. ${grouped(preview.moreColumns)} more columns` : ""}
      </figcaption>
      <section
        aria-label="Preview"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by key.
        tabIndex={0}
        className="max-h-72 overflow-auto rounded-md border border-line"
      >
        <table className="w-max min-w-full text-xs">
          <thead className="sticky top-0 bg-sunken text-left">
            <tr>
              {preview.columns.map((column, i) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: columns are fixed by their place.
                <th key={i} className="border-b border-line px-2 py-1.5 align-top font-medium">
                  <span className="block max-w-56 truncate" title={column}>
                    {column === "" ? <em className="text-muted">no name</em> : <bdi>{column}</bdi>}
                  </span>
                  {canType && canDeclare(column) ? (
                    <Select
                      aria-label={`Type of ${column}`}
                      value={types[column] ?? ""}
                      onChange={(type) => onType(column, type)}
                      className="mt-1 h-7 text-xs"
                      options={[
                        { value: "", label: "found out" },
                        ...TYPES.map((type) => ({ value: type, label: type })),
                      ]}
                    />
                  ) : null}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {preview.rows.slice(0, ROWS_SHOWN).map((row, i) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: rows are fixed by their place.
              <tr key={i} className="border-b border-line last:border-0">
                {preview.columns.map((_, j) => (
                  // biome-ignore lint/suspicious/noArrayIndexKey: as above.
                  <td key={j} className="max-w-64 truncate px-2 py-1 whitespace-pre">
                    <Cell value={row[j]} />
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </section>
    </figure>
  );
}

function Cell({ value }: { value: string | null | undefined }) {
  if (value === undefined) return <em className="text-warn">missing</em>;
  if (value === null) return <em className="text-muted">NULL</em>;
  if (value === "") return <em className="text-muted">empty</em>;
  return <bdi>{value.slice(0, 200)}</bdi>;
}

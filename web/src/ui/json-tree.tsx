// json-tree.tsx - a JSON value that can be unfolded. Its content is hostile: nothing in it becomes
// markup or a link; long texts and long lists are cut until asked for; integers beyond 2^53 come as
// bigint (lib/json.ts) and show all their digits.
import { ChevronRight } from "lucide-react";
import { useState } from "react";
import { formatJson } from "@/lib/json";
import { CopyButton } from "./copy";
import { cx } from "./cx";

interface JsonTreeProps {
  value: unknown;
  /** Levels that are open at first. */
  depth?: number;
  className?: string;
}

const CHILDREN_STEP = 100;
const TEXT_SHOWN = 2000;
const DEPTH_MAX = 100;

export function JsonTree({ value, depth = 2, className }: JsonTreeProps) {
  return (
    <div className={cx("relative rounded-md border border-line bg-sunken", className)}>
      <CopyButton
        text={() => formatJson(value)}
        label="Copy as JSON"
        className="absolute top-1 right-1"
      />
      <div className="overflow-x-auto p-2 pr-10 font-mono text-xs leading-5">
        <Node value={value} open={depth} level={0} />
      </div>
    </div>
  );
}

interface NodeProps {
  name?: string;
  value: unknown;
  open: number;
  level: number;
}

function Node({ name, value, open, level }: NodeProps) {
  if (value !== null && typeof value === "object" && level < DEPTH_MAX) {
    return <Branch name={name} value={value} open={open} level={level} />;
  }
  return (
    <div className="pl-4 break-words whitespace-pre-wrap">
      <Name name={name} />
      <Leaf value={value} />
    </div>
  );
}

function Name({ name }: { name: string | undefined }) {
  if (name === undefined) return null;
  return <span className="text-accent">{name}: </span>;
}

function Branch({ name, value, open, level }: NodeProps & { value: object }) {
  const [isOpen, setOpen] = useState(open > 0);
  const [shown, setShown] = useState(CHILDREN_STEP);
  const isList = Array.isArray(value);
  const entries: [string, unknown][] = isList
    ? value.map((item, i) => [String(i), item])
    : Object.entries(value);
  const size = isList ? `[${entries.length}]` : `{${entries.length}}`;
  return (
    <div>
      <button
        type="button"
        aria-expanded={isOpen}
        onClick={() => setOpen(!isOpen)}
        className="flex min-h-6 items-center text-left hover:bg-hover"
      >
        <ChevronRight
          aria-hidden="true"
          className={cx("size-3.5 shrink-0 text-muted", isOpen && "rotate-90")}
        />
        <span className="pl-0.5">
          <Name name={name} />
          <span className="text-muted">{size}</span>
        </span>
      </button>
      {isOpen ? (
        <div className="ml-1.5 border-l border-line pl-1.5">
          {entries.slice(0, shown).map(([key, item]) => (
            <Node key={key} name={key} value={item} open={open - 1} level={level + 1} />
          ))}
          {entries.length > shown ? (
            <button
              type="button"
              className="pl-4 text-accent hover:underline"
              onClick={() => setShown(shown + 10 * CHILDREN_STEP)}
            >
              {entries.length - shown} more
            </button>
          ) : null}
        </div>
      ) : null}
    </div>
  );
}

function Leaf({ value }: { value: unknown }) {
  const [whole, setWhole] = useState(false);
  if (typeof value === "string") {
    const cut = !whole && value.length > TEXT_SHOWN;
    return (
      <span className="text-ok">
        {JSON.stringify(cut ? value.slice(0, TEXT_SHOWN) : value)}
        {cut ? (
          <button
            type="button"
            className="ml-1 text-accent hover:underline"
            onClick={() => setWhole(true)}
          >
            {value.length - TEXT_SHOWN} more characters
          </button>
        ) : null}
      </span>
    );
  }
  if (value === null || value === undefined) return <span className="text-muted">null</span>;
  if (typeof value === "object") return <span className="text-muted">{formatJson(value, 0)}</span>;
  return <span className="text-info">{String(value)}</span>;
}

// keyvalue.tsx - a short list of names and values, as in a drawer.
import { Fragment, type ReactNode } from "react";
import { cx } from "./cx";

interface KeyValueProps {
  items: readonly (readonly [label: ReactNode, value: ReactNode] | null | false)[];
  className?: string;
}

/** Entries that are null or false are left out. */
export function KeyValue({ items, className }: KeyValueProps) {
  return (
    <dl
      className={cx(
        "grid grid-cols-[minmax(6rem,auto)_minmax(0,1fr)] gap-x-4 gap-y-1.5 text-sm",
        className,
      )}
    >
      {items.map((item, i) =>
        item ? (
          // biome-ignore lint/suspicious/noArrayIndexKey: rows are fixed by their place.
          <Fragment key={i}>
            <dt className="text-muted">{item[0]}</dt>
            <dd className="min-w-0 break-words">{item[1]}</dd>
          </Fragment>
        ) : null,
      )}
    </dl>
  );
}

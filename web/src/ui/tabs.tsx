// tabs.tsx - tabs whose choice is the caller's, so that it can live in the address.
import { Tabs as Radix } from "radix-ui";
import type { ReactNode } from "react";
import { cx } from "./cx";

export interface TabItem<T extends string> {
  value: T;
  label: ReactNode;
  /** A count or state behind the label. */
  badge?: ReactNode;
  disabled?: boolean;
}

interface TabsProps<T extends string> {
  /** Names the list of tabs. */
  label: string;
  value: T;
  onChange: (value: T) => void;
  items: readonly TabItem<T>[];
  /** The panel of the chosen tab. */
  children: ReactNode;
  className?: string;
}

export function Tabs<T extends string>(props: TabsProps<T>) {
  const { label, value, onChange, items, children, className } = props;
  return (
    <Radix.Root
      value={value}
      onValueChange={(next) => onChange(next as T)}
      className={cx("flex min-h-0 min-w-0 flex-col", className)}
    >
      <Radix.List
        aria-label={label}
        className="flex shrink-0 gap-1 overflow-x-auto overflow-y-hidden border-b border-line"
      >
        {items.map((item) => (
          <Radix.Trigger
            key={item.value}
            value={item.value}
            disabled={item.disabled}
            className="-mb-px flex items-center gap-1.5 border-b-2 border-transparent px-3 py-2 text-sm whitespace-nowrap text-muted -outline-offset-2 hover:text-text data-[state=active]:border-accent data-[state=active]:font-medium data-[state=active]:text-text"
          >
            {item.label}
            {item.badge}
          </Radix.Trigger>
        ))}
      </Radix.List>
      <Radix.Content
        value={value}
        tabIndex={-1}
        className="flex min-h-0 min-w-0 flex-1 flex-col gap-4 pt-4 outline-none"
      >
        {children}
      </Radix.Content>
    </Radix.Root>
  );
}

interface SegmentsProps<T extends string> {
  label: string;
  value: T;
  onChange: (value: T) => void;
  items: readonly { value: T; label: ReactNode }[];
  className?: string;
}

/** A few choices of equal rank side by side, e.g. table or chart. */
export function Segments<T extends string>(props: SegmentsProps<T>) {
  const { label, value, onChange, items, className } = props;
  return (
    <fieldset
      aria-label={label}
      className={cx("inline-flex w-fit rounded-md border border-line bg-sunken p-0.5", className)}
    >
      {items.map((item) => (
        <button
          key={item.value}
          type="button"
          aria-pressed={item.value === value}
          onClick={() => onChange(item.value)}
          className="inline-flex h-6.5 items-center gap-1.5 rounded px-2.5 text-xs font-medium text-muted hover:text-text aria-pressed:bg-raised aria-pressed:text-text aria-pressed:shadow-card"
        >
          {item.label}
        </button>
      ))}
    </fieldset>
  );
}

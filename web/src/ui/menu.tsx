// menu.tsx - Menu: a list of commands under a button. Apart from Popover, since the first page needs
// no menu and need not load one.
import type { LucideIcon } from "lucide-react";
import { DropdownMenu } from "radix-ui";
import { Fragment, type ReactNode } from "react";
import { cx } from "./cx";
import { SURFACE } from "./popover";

export interface MenuItem {
  label: ReactNode;
  icon?: LucideIcon;
  keys?: string;
  onSelect: () => void;
  disabled?: boolean;
  danger?: boolean;
  /** Marks the current choice among several. */
  checked?: boolean;
  /** A line above this item. */
  separated?: boolean;
}

interface MenuProps {
  /** The button that opens it. */
  trigger: ReactNode;
  items: readonly MenuItem[];
  /** A heading inside. */
  label?: ReactNode;
  align?: "start" | "center" | "end";
  /** Both or none: who opens it besides its button. */
  open?: boolean;
  onOpenChange?: (open: boolean) => void;
}

export function Menu({ trigger, items, label, align = "end", open, onOpenChange }: MenuProps) {
  return (
    <DropdownMenu.Root modal={false} open={open} onOpenChange={onOpenChange}>
      <DropdownMenu.Trigger asChild>{trigger}</DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content
          align={align}
          sideOffset={4}
          collisionPadding={8}
          className={cx(SURFACE, "max-h-[70vh] min-w-44 overflow-y-auto p-1")}
        >
          {label ? (
            <DropdownMenu.Label className="px-2 py-1 text-xs text-muted">
              {label}
            </DropdownMenu.Label>
          ) : null}
          {items.map((item, i) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: a menu's items are fixed while it is open.
            <Fragment key={i}>
              {item.separated ? <DropdownMenu.Separator className="my-1 h-px bg-line" /> : null}
              <MenuRow item={item} />
            </Fragment>
          ))}
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  );
}

function MenuRow({ item }: { item: MenuItem }) {
  const { icon: Icon, label, keys, danger, checked, disabled, onSelect } = item;
  const className = cx(
    "flex items-center gap-2 rounded px-2 py-1.5 outline-none select-none data-[disabled]:opacity-50 data-[highlighted]:bg-hover",
    danger && "text-error",
  );
  const content = (
    <>
      {Icon ? <Icon aria-hidden="true" className="size-4 shrink-0 opacity-80" /> : null}
      <span className="flex-1">{label}</span>
      {checked ? <span aria-hidden="true">✓</span> : null}
      {keys ? <kbd className="font-mono text-xs text-muted">{keys}</kbd> : null}
    </>
  );
  if (checked !== undefined) {
    return (
      <DropdownMenu.CheckboxItem
        checked={checked}
        disabled={disabled}
        onSelect={onSelect}
        className={className}
      >
        {content}
      </DropdownMenu.CheckboxItem>
    );
  }
  return (
    <DropdownMenu.Item disabled={disabled} onSelect={onSelect} className={className}>
      {content}
    </DropdownMenu.Item>
  );
}

// rail.tsx - the pages at the left. Narrow it shows icons only; on a small screen it is a sheet.
import { Link } from "@tanstack/react-router";
import { PanelLeftClose, PanelLeftOpen, X } from "lucide-react";
import { Dialog as Radix } from "radix-ui";
import { IconButton } from "@/ui/button";
import { cx } from "@/ui/cx";
import { Tooltip } from "@/ui/tooltip";
import { NAV, type NavItem } from "./nav";
import { useUi } from "./ui-state";

function Mark() {
  return (
    <svg viewBox="0 0 32 32" aria-hidden="true" className="size-6 shrink-0">
      <rect width="32" height="32" rx="7" fill="#0b5d75" />
      <path d="M7 14l6-8 4 5 2-2.4L25 14z" fill="#fff" />
      <path
        d="M6 19c3.3-2.7 6.7-2.7 10 0s6.7 2.7 10 0M6 24c3.3-2.7 6.7-2.7 10 0s6.7 2.7 10 0"
        fill="none"
        stroke="#9fe3f2"
        strokeWidth="2.4"
        strokeLinecap="round"
      />
    </svg>
  );
}

interface EntryProps {
  item: NavItem;
  narrow: boolean;
  onGo?: () => void;
}

function Entry({ item, narrow, onGo }: EntryProps) {
  const link = (
    <Link
      to={item.to}
      onClick={onGo}
      activeOptions={{ exact: item.to === "/", includeSearch: false }}
      aria-label={narrow ? item.label : undefined}
      className={cx(
        "flex h-8 items-center gap-2.5 rounded-md text-sm text-muted hover:bg-hover hover:text-text",
        "aria-[current=page]:bg-accent-soft aria-[current=page]:font-medium aria-[current=page]:text-accent",
        narrow ? "w-8 justify-center" : "px-2",
      )}
    >
      <item.icon aria-hidden="true" className="size-4 shrink-0" />
      {narrow ? null : item.label}
    </Link>
  );
  if (!narrow) return link;
  return (
    <Tooltip text={item.label} keys={`G ${item.key.toUpperCase()}`} side="right">
      {link}
    </Tooltip>
  );
}

function Entries({ narrow, onGo }: { narrow: boolean; onGo?: () => void }) {
  return (
    <nav aria-label="Pages" className="flex flex-1 flex-col gap-4 overflow-y-auto py-1">
      {NAV.map((group) => (
        <section key={group.label} aria-label={group.label} className="flex flex-col gap-0.5">
          {narrow ? (
            <hr className="mx-1 mb-1 border-line" />
          ) : (
            <h2 className="px-2 pb-1 text-xs font-medium text-muted">{group.label}</h2>
          )}
          {group.items.map((item) => (
            <Entry key={item.to} item={item} narrow={narrow} onGo={onGo} />
          ))}
        </section>
      ))}
    </nav>
  );
}

function Home({ narrow }: { narrow: boolean }) {
  return (
    <Link
      to="/"
      search={{}}
      aria-label="tarn: to the overview"
      className={cx("flex h-8 items-center gap-2 rounded-md", narrow ? "justify-center" : "px-1")}
    >
      <Mark />
      {narrow ? null : <span className="text-base font-semibold tracking-tight">tarn</span>}
    </Link>
  );
}

export function Rail() {
  const narrow = useUi((s) => s.railNarrow);
  const toggle = useUi((s) => s.toggleRail);
  return (
    <aside
      className={cx(
        "hidden shrink-0 flex-col gap-3 border-r border-line bg-panel p-2 md:flex",
        narrow ? "w-[3.1rem]" : "w-48",
      )}
    >
      <Home narrow={narrow} />
      <Entries narrow={narrow} />
      <IconButton
        icon={narrow ? PanelLeftOpen : PanelLeftClose}
        label={narrow ? "Widen the rail" : "Narrow the rail"}
        aria-expanded={!narrow}
        onClick={toggle}
      />
    </aside>
  );
}

export function RailSheet() {
  const open = useUi((s) => s.railSheet);
  const set = useUi((s) => s.set);
  const close = () => set({ railSheet: false });
  return (
    <Radix.Root open={open} onOpenChange={(railSheet) => set({ railSheet })}>
      <Radix.Portal>
        <Radix.Overlay className="fixed inset-0 z-40 bg-overlay" />
        <Radix.Content
          aria-describedby={undefined}
          tabIndex={-1}
          onOpenAutoFocus={(event) => {
            event.preventDefault();
            (event.currentTarget as HTMLElement).focus();
          }}
          className="fixed inset-y-0 left-0 z-40 flex w-64 max-w-[85vw] flex-col gap-3 bg-panel p-3 shadow-raised outline-none"
        >
          <div className="flex items-center justify-between">
            <Home narrow={false} />
            <Radix.Title className="sr-only">Pages</Radix.Title>
            <IconButton icon={X} label="Close" onClick={close} />
          </div>
          <Entries narrow={false} onGo={close} />
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}

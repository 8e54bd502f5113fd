// key-sheet.tsx - the sheet behind `?`: every key that works on this page.
import { Fragment } from "react";
import { Dialog } from "@/ui/dialog";
import { type KeyCommand, listedCommands } from "./keys";
import { useUi } from "./ui-state";

function groups(): [string, KeyCommand[]][] {
  const out = new Map<string, KeyCommand[]>();
  for (const command of listedCommands()) {
    const group = command.group ?? "This page";
    out.set(group, [...(out.get(group) ?? []), command]);
  }
  return [...out];
}

export function KeySheet() {
  const open = useUi((s) => s.keySheet);
  const set = useUi((s) => s.set);
  if (!open) return null;
  return (
    <Dialog open onClose={() => set({ keySheet: false })} title="Keys" wide>
      <div className="gap-8 sm:columns-2">
        {groups().map(([group, commands]) => (
          <section key={group} className="mb-4 break-inside-avoid">
            <h3 className="mb-1 text-xs font-medium text-muted">{group}</h3>
            <dl className="grid grid-cols-[6rem_1fr] gap-y-1 text-sm">
              {commands.map((command) => (
                <Fragment key={command.keys}>
                  <dt>
                    <Keys keys={command.keys} />
                  </dt>
                  <dd>{command.label}</dd>
                </Fragment>
              ))}
            </dl>
          </section>
        ))}
      </div>
    </Dialog>
  );
}

export function Keys({ keys }: { keys: string }) {
  return (
    <span className="inline-flex gap-1">
      {keys.split(/[ +]/).map((key) => (
        <kbd
          key={key}
          className="rounded border border-line bg-sunken px-1.5 font-mono text-xs leading-5 text-text"
        >
          {key === "ctrl" ? "Ctrl" : key.length === 1 ? key.toUpperCase() : key}
        </kbd>
      ))}
    </span>
  );
}

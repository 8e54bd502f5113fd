// toast.tsx - short news at the lower edge: toast("Copied"). Errors stay until they are closed;
// nothing that must be read is only here.
import { CircleAlert, CircleCheck, X } from "lucide-react";
import { create } from "zustand";
import { messageOf } from "@/api/problem";
import { IconButton } from "./button";

interface ToastItem {
  id: number;
  kind: "ok" | "error";
  text: string;
  action?: { label: string; run: () => void };
}

const SHOWN_MAX = 4;
const SHOWN_MS = 5000;

const useToasts = create<{ items: ToastItem[] }>()(() => ({ items: [] }));
let lastId = 0;

function close(id: number): void {
  useToasts.setState((s) => ({ items: s.items.filter((item) => item.id !== id) }));
}

function show(item: Omit<ToastItem, "id">): void {
  const id = ++lastId;
  useToasts.setState((s) => ({ items: [...s.items, { ...item, id }].slice(-SHOWN_MAX) }));
  if (item.kind === "ok") window.setTimeout(() => close(id), SHOWN_MS);
}

/** News of something that went well, with an optional action such as undo. */
export function toast(text: string, action?: ToastItem["action"]): void {
  show({ kind: "ok", text, action });
}

/** A failure whose place on the page is gone: "Could not stop x: reason". */
export function toastError(what: string, error?: unknown): void {
  show({ kind: "error", text: error === undefined ? what : `${what}: ${messageOf(error)}` });
}

export function Toaster() {
  const items = useToasts((s) => s.items);
  return (
    <section
      aria-label="Notifications"
      className="pointer-events-none fixed right-0 bottom-0 z-50 flex w-96 max-w-full flex-col gap-2 p-3"
    >
      <div aria-live="polite" className="contents">
        {items.map((item) => (
          <ToastRow key={item.id} item={item} />
        ))}
      </div>
    </section>
  );
}

function ToastRow({ item }: { item: ToastItem }) {
  const { id, kind, text, action } = item;
  return (
    <div className="pointer-events-auto flex items-start gap-2 rounded-md border border-line bg-raised px-3 py-2 text-sm shadow-raised">
      {kind === "ok" ? (
        <CircleCheck aria-label="Done" className="mt-0.5 size-4 shrink-0 text-ok" />
      ) : (
        <CircleAlert aria-label="Failed" className="mt-0.5 size-4 shrink-0 text-error" />
      )}
      <span className="max-h-40 min-w-0 flex-1 overflow-y-auto break-words">{text}</span>
      {action ? (
        <button
          type="button"
          className="font-medium text-accent hover:underline"
          onClick={() => {
            action.run();
            close(id);
          }}
        >
          {action.label}
        </button>
      ) : null}
      <IconButton icon={X} label="Close" size="sm" className="-my-1" onClick={() => close(id)} />
    </div>
  );
}

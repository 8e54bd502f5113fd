// dialog.tsx - Dialog in the middle, Drawer at the right (the list beside stays visible), and
// ConfirmDialog for what cannot be undone. Focus goes in, stays in, and returns.
import { X } from "lucide-react";
import { Dialog as Radix } from "radix-ui";
import { type ReactNode, useId, useState } from "react";
import { Button, IconButton } from "./button";
import { cx } from "./cx";
import { Input } from "./field";
import { Refusal, useSubmit } from "./submit";

interface SurfaceProps {
  open: boolean;
  onClose: () => void;
  title: ReactNode;
  /** Under the title; also read out when it opens. */
  description?: ReactNode;
  /** Buttons at the foot. */
  footer?: ReactNode;
  children: ReactNode;
  className?: string;
}

function Head({ title, description }: { title: ReactNode; description?: ReactNode }) {
  return (
    <header className="flex items-start gap-3 border-b border-line px-4 py-3">
      <div className="min-w-0 flex-1">
        <Radix.Title className="text-base font-semibold break-words">{title}</Radix.Title>
        {description ? (
          <Radix.Description className="mt-0.5 text-sm text-muted">{description}</Radix.Description>
        ) : null}
      </div>
      <Radix.Close asChild>
        <IconButton icon={X} label="Close" keys="Esc" size="sm" />
      </Radix.Close>
    </header>
  );
}

function described(description: ReactNode) {
  return description ? {} : { "aria-describedby": undefined };
}

/** Focus goes to the first input, else to the surface: not to the cross, whose hint would show. */
function focusFirst(event: Event) {
  event.preventDefault();
  const surface = event.currentTarget as HTMLElement;
  const field = surface.querySelector<HTMLElement>(
    "[data-autofocus], input:not(:disabled), textarea:not(:disabled)",
  );
  (field ?? surface).focus();
}

export function Dialog(props: SurfaceProps & { wide?: boolean }) {
  const { open, onClose, title, description, footer, children, className, wide } = props;
  return (
    <Radix.Root open={open} onOpenChange={(next) => !next && onClose()}>
      <Radix.Portal>
        <Radix.Overlay className="fixed inset-0 z-40 bg-overlay" />
        <Radix.Content
          {...described(description)}
          onOpenAutoFocus={focusFirst}
          tabIndex={-1}
          className={cx(
            "fixed top-[8vh] left-1/2 z-40 flex max-h-[84vh] w-[calc(100vw-1rem)] -translate-x-1/2 flex-col rounded-lg border border-line bg-raised shadow-raised outline-none",
            wide ? "max-w-4xl" : "max-w-lg",
            className,
          )}
        >
          <Head title={title} description={description} />
          <div className="min-h-0 flex-1 overflow-y-auto p-4">{children}</div>
          {footer ? <Foot>{footer}</Foot> : null}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}

function Foot({ children }: { children: ReactNode }) {
  return (
    <footer className="flex flex-wrap justify-end gap-2 border-t border-line px-4 py-3">
      {children}
    </footer>
  );
}

/** Not modal unless the window is narrow: the page behind can be used, Esc closes. */
export function Drawer(props: SurfaceProps & { modal?: boolean }) {
  const { open, onClose, title, description, footer, children, className, modal = false } = props;
  return (
    <Radix.Root open={open} modal={modal} onOpenChange={(next) => !next && onClose()}>
      <Radix.Portal>
        {modal ? <Radix.Overlay className="fixed inset-0 z-40 bg-overlay" /> : null}
        <Radix.Content
          {...described(description)}
          onOpenAutoFocus={focusFirst}
          tabIndex={-1}
          onInteractOutside={(event) => {
            if (!modal) event.preventDefault();
          }}
          className={cx(
            "fixed inset-y-0 right-0 z-40 flex w-[34rem] max-w-full flex-col border-l border-line bg-raised shadow-raised outline-none",
            className,
          )}
        >
          <Head title={title} description={description} />
          <div className="min-h-0 flex-1 overflow-y-auto p-4">{children}</div>
          {footer ? <Foot>{footer}</Foot> : null}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}

interface ConfirmProps {
  open: boolean;
  onClose: () => void;
  title: string;
  /** What exactly will happen. */
  children: ReactNode;
  /** The verb on the button, e.g. "Delete topic". */
  action: string;
  /** When given it must be typed first: for what cannot be undone. */
  typedName?: string;
  /** Closes the dialog when it resolves; shows the reason when it rejects. */
  onConfirm: () => Promise<unknown>;
}

export function ConfirmDialog(props: ConfirmProps) {
  return props.open ? <Confirm {...props} /> : null;
}

function Confirm({ onClose, title, children, action, typedName, onConfirm }: ConfirmProps) {
  const [typed, setTyped] = useState("");
  const id = useId();
  const formId = useId();
  const ready = typedName === undefined || typed === typedName;
  const { busy, reason, submit } = useSubmit(async () => {
    if (!ready) return;
    await onConfirm();
    onClose();
  });
  return (
    <Dialog
      open
      onClose={onClose}
      title={title}
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" form={formId} variant="danger" busy={busy} disabled={!ready}>
            {action}
          </Button>
        </>
      }
    >
      <form id={formId} className="flex flex-col gap-3 text-sm" onSubmit={submit}>
        <div>{children}</div>
        {typedName === undefined ? null : (
          <label htmlFor={id} className="flex flex-col gap-1">
            <span>
              Type <strong className="font-mono break-all">{typedName}</strong> to confirm.
            </span>
            <Input id={id} value={typed} onChange={(e) => setTyped(e.target.value)} />
          </label>
        )}
        <Refusal reason={reason} />
      </form>
    </Dialog>
  );
}

// submit.tsx - sending what the server may refuse: busy while it is under way, and the reason of the
// refusal until it is sent again or what was refused is edited.
import { type ReactNode, useState } from "react";
import { messageOf } from "@/api/problem";
import { cx } from "./cx";

interface Submit {
  busy: boolean;
  /** Null: none. */
  failure: unknown;
  /** Its sentence. */
  reason: string | undefined;
  /** Somebody mends it. */
  forgive: () => void;
  /** For a form or a button; nothing while one is under way. */
  submit: (event?: { preventDefault: () => void }) => void;
}

/** `send` rejects with what went wrong. */
export function useSubmit(send: () => Promise<unknown>): Submit {
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<unknown>(null);
  const run = async () => {
    setBusy(true);
    setFailure(null);
    try {
      await send();
    } catch (error) {
      setFailure(error);
    } finally {
      setBusy(false);
    }
  };
  return {
    busy,
    failure,
    reason: failure === null ? undefined : messageOf(failure),
    forgive: () => setFailure(null),
    submit: (event) => {
      event?.preventDefault();
      if (!busy) void run();
    },
  };
}

/** Why it was refused, where no field has a place for it. */
export function Refusal({ reason, className }: { reason: ReactNode; className?: string }) {
  if (reason === undefined || reason === null) return null;
  return (
    <p role="alert" className={cx("text-sm text-error", className)}>
      {reason}
    </p>
  );
}

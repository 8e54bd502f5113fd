// session.ts - whether someone must sign in. Any 401 raises the flag; the shell then shows a dialog
// over the page, so that drafts stay where they are.
import { create } from "zustand";

interface SessionState {
  /** A request was refused for want of a session. */
  needed: boolean;
  /** Counts sign-ins, so that streams may start again. */
  generation: number;
}

export const useSession = create<SessionState>()(() => ({ needed: false, generation: 0 }));

export function signInNeeded(): void {
  if (!useSession.getState().needed) useSession.setState({ needed: true });
}

export function signedIn(): void {
  useSession.setState((s) => ({ needed: false, generation: s.generation + 1 }));
}

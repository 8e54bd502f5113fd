// sign-out.ts - ends the session and forgets what was loaded under it.
import { api } from "@/api/client";
import { queryClient } from "@/api/queries";
import { signInNeeded } from "@/api/session";
import { toastError } from "@/ui/toast";

export async function signOut(): Promise<void> {
  try {
    await api.delete("api/v1/session");
    queryClient.clear();
    const session = await api.get<{ needed: boolean }>("api/v1/session");
    if (session.needed) signInNeeded();
  } catch (error) {
    toastError("Could not sign out", error);
  }
}

// sign-in.tsx - trading a token for a session. As a dialog it lies over the page that met the 401:
// nothing typed there is lost.
import { KeyRound } from "lucide-react";
import { useState } from "react";
import { api } from "@/api/client";
import { isProblem } from "@/api/problem";
import { queryClient } from "@/api/queries";
import { signedIn, useSession } from "@/api/session";
import { Button } from "@/ui/button";
import { Dialog } from "@/ui/dialog";
import { Field, Input } from "@/ui/field";
import { useSubmit } from "@/ui/submit";

export function SignInForm({ onDone }: { onDone?: () => void }) {
  const [token, setToken] = useState("");
  const { busy, failure, reason, submit } = useSubmit(async () => {
    await api.post("api/v1/session", { token: token.trim() });
    signedIn();
    await queryClient.invalidateQueries();
    onDone?.();
  });
  const isUnknown = isProblem(failure) && failure.status === 401;
  return (
    <form onSubmit={submit} className="flex flex-col gap-3">
      <Field
        label="Token"
        error={isUnknown ? "This token is not known to the server." : reason}
        hint="The first line of the server's token file (setting token_file)."
      >
        <Input
          type="password"
          autoComplete="current-password"
          value={token}
          onChange={(e) => setToken(e.target.value)}
        />
      </Field>
      <Button type="submit" variant="primary" icon={KeyRound} busy={busy} disabled={token === ""}>
        Sign in
      </Button>
    </form>
  );
}

export function SignInDialog() {
  const needed = useSession((s) => s.needed);
  return (
    <Dialog
      open={needed}
      onClose={() => useSession.setState({ needed: false })}
      title="Sign in"
      description="The server asks for a token. What you have typed on this page stays."
    >
      <SignInForm />
    </Dialog>
  );
}

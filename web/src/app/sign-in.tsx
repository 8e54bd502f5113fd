// sign-in.tsx - trading a token for a session. As a dialog it lies over the page that met the 401:
// nothing typed there is lost.
import { KeyRound } from "lucide-react";
import { type FormEvent, useState } from "react";
import { api } from "@/api/client";
import { isProblem, messageOf } from "@/api/problem";
import { queryClient } from "@/api/queries";
import { signedIn, useSession } from "@/api/session";
import { Button } from "@/ui/button";
import { Dialog } from "@/ui/dialog";
import { Field, Input } from "@/ui/field";

export function SignInForm({ onDone }: { onDone?: () => void }) {
  const [token, setToken] = useState("");
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<string | undefined>();
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setFailure(undefined);
    try {
      await api.post("api/v1/session", { token: token.trim() });
      signedIn();
      await queryClient.invalidateQueries();
      onDone?.();
    } catch (error) {
      const wrong = isProblem(error) && error.status === 401;
      setFailure(wrong ? "This token is not known to the server." : messageOf(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <form onSubmit={(event) => void submit(event)} className="flex flex-col gap-3">
      <Field
        label="Token"
        error={failure}
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

// The page "Sign in": for those who come with a link before they have a session.
import { useRouter, useSearch } from "@tanstack/react-router";
import { useEffect } from "react";
import { SignInForm } from "@/app/sign-in";
import { basePath } from "@/lib/base";
import { Card } from "@/ui/card";

/** Only a path of this console: an address from outside must not lead away. */
function appPath(next: string | undefined): string {
  const own = next !== undefined && /^\/(?![/\\])/.test(next) ? next : "/";
  return basePath + own.slice(1);
}

export default function LoginPage() {
  const router = useRouter();
  const { next } = useSearch({ from: "/login" });
  useEffect(() => {
    document.title = "Sign in · tarn";
  }, []);
  return (
    <div className="grid min-h-full place-items-center p-4">
      <div className="w-full max-w-sm">
        <h1 id="page-title" tabIndex={-1} className="mb-3 text-lg font-semibold outline-none">
          Sign in to tarn
        </h1>
        <Card>
          <SignInForm onDone={() => router.history.push(appPath(next))} />
        </Card>
        <p className="mt-3 text-xs text-muted">A server without tokens needs no sign-in.</p>
      </div>
    </div>
  );
}

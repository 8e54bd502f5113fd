// fallbacks.tsx - what stands in a page's place while it loads, when it fails, when there is none.
import { type ErrorComponentProps, Link, useRouter } from "@tanstack/react-router";
import { ButtonLike } from "@/ui/button";
import { EmptyState, ErrorCard, Skeleton } from "@/ui/states";
import { Page } from "./page";

export function PagePending() {
  return (
    <div className="p-5">
      <Skeleton lines={8} label="Loading the page" />
    </div>
  );
}

export function PageCrashed({ error, reset }: ErrorComponentProps) {
  const router = useRouter();
  const retry = () => {
    reset();
    void router.invalidate();
  };
  return (
    <Page title="This page failed">
      <ErrorCard
        what="The page could not be shown. Its code may belong to an older version of the server; a reload fetches the current one."
        error={error}
        retry={retry}
      />
    </Page>
  );
}

export function NotFound() {
  return (
    <Page title="No such page">
      <EmptyState
        title="There is no page at this address"
        reason="The link may be old or mistyped."
        action={
          <Link to="/" className={ButtonLike({ variant: "primary" })}>
            To the overview
          </Link>
        }
      />
    </Page>
  );
}

// The page "Topics": placeholder until its builder fills it.
import { Page } from "@/app/page";
import { EmptyState } from "@/ui/states";

export default function TopicsPage() {
  return (
    <Page title="Topics">
      <EmptyState
        title="This page is being built"
        reason="Its content arrives with a later build."
      />
    </Page>
  );
}

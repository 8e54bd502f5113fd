// The page "Producer": placeholder until its builder fills it.
import { Page } from "@/app/page";
import { EmptyState } from "@/ui/states";

export default function ProducerPage() {
  return (
    <Page title="Producer">
      <EmptyState
        title="This page is being built"
        reason="Its content arrives with a later build."
      />
    </Page>
  );
}

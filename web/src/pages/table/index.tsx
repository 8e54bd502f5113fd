// The page "Table": placeholder until its builder fills it.
import { Page } from "@/app/page";
import { EmptyState } from "@/ui/states";

export default function TablePage() {
  return (
    <Page title="Table">
      <EmptyState
        title="This page is being built"
        reason="Its content arrives with a later build."
      />
    </Page>
  );
}

// api-call.tsx - the request that a dialog will make, as the command that makes the same: who has
// clicked once can script it the next time.
import { ChevronRight } from "lucide-react";
import { curlOf, type RequestPlan } from "@/api/client";
import { CodeBlock } from "./copy";

export function ApiCall({ plan, open }: { plan: RequestPlan; open?: boolean }) {
  return (
    <details open={open} className="group min-w-0 text-sm">
      <summary className="flex w-fit cursor-pointer items-center gap-1 rounded text-xs text-muted hover:text-text [&::-webkit-details-marker]:hidden">
        <ChevronRight aria-hidden="true" className="size-3.5 group-open:rotate-90" />
        The API call
      </summary>
      <CodeBlock text={curlOf(plan)} wrap className="mt-1.5" />
    </details>
  );
}

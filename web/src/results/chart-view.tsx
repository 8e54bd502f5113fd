// chart-view.tsx - a result as a chart.
import { EmptyState } from "@/ui/states";
import type { ChartSpec } from "./chart-spec";
import type { StoredResult } from "./result";
import type { ResultView } from "./shown";

interface ChartViewProps {
  result: StoredResult;
  view: ResultView;
  onChart: (chart: ChartSpec) => void;
  onGone: () => void;
}

export default function ChartView(_props: ChartViewProps) {
  return <EmptyState title="Charts arrive with a later build" />;
}

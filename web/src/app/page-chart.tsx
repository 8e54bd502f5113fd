// page-chart.tsx - PageChart: a TimeChart that belongs to the page's time range. It is drawn in the
// page's zone, a brush over it sets the range of the whole page, a double click resets it, and the
// cursor runs through all charts of the page.
import type { Span } from "@/lib/range";
import { TimeChart, type TimeChartProps } from "@/ui/time-chart";
import { useRange } from "./range";

type Props = Omit<TimeChartProps, "zone" | "onSpan" | "onReset"> & {
  /** Default: the chart's own data. Pages pass what they asked for. */
  span?: Span | undefined;
};

export function PageChart({ syncKey = "page", ...rest }: Props) {
  const { zone, setSpan, reset } = useRange();
  return <TimeChart {...rest} syncKey={syncKey} zone={zone} onSpan={setSpan} onReset={reset} />;
}

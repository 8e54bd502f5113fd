// chart-table.tsx - all values of a chart as a table, the newest first: what a canvas cannot tell.
import { useMemo } from "react";
import { finite } from "@/lib/numbers";
import { formatTime, type Zone } from "@/lib/zone";
import { VirtualGrid } from "./grid";
import type { ChartSeries } from "./time-chart";

interface ChartTableProps {
  label: string;
  time: ArrayLike<number>;
  series: readonly ChartSeries[];
  zone: Zone;
  format: (value: number) => string;
  height: number;
}

export default function ChartTable(props: ChartTableProps) {
  const { label, time, series, zone, format, height } = props;
  const columns = useMemo(
    () => [
      {
        id: "time",
        header: "Time",
        value: (i: number) => formatTime(time[i] ?? null, zone, "full"),
      },
      ...series.map((one) => ({
        id: `s ${one.label}`,
        header: one.label,
        align: "right" as const,
        width: 120,
        value: (i: number) => {
          const value = finite(one.values[i]);
          return value === null ? null : format(value);
        },
      })),
    ],
    [time, series, zone, format],
  );
  const rows = useMemo(
    () => Array.from({ length: time.length }, (_, i) => time.length - 1 - i),
    [time.length],
  );
  return (
    <div style={{ height }} className="flex">
      <VirtualGrid
        label={`${label}, values`}
        columns={columns}
        rows={rows}
        rowHeight={24}
        className="flex-1"
      />
    </div>
  );
}

// The page Producer: one producer while it runs. Rate, mix and share of bad events change at once;
// the templates, its end and its seed are edited and sent together.
import { Link, useNavigate, useParams } from "@tanstack/react-router";
import { Play, Square, Trash2 } from "lucide-react";
import { useState } from "react";
import { api, path } from "@/api/client";
import { isProblem } from "@/api/problem";
import { invalidate, queryClient, useProducer } from "@/api/queries";
import type { Producer } from "@/api/types";
import { Page } from "@/app/page";
import { usePause, useZone } from "@/app/range";
import { url } from "@/lib/base";
import { compact, count, grouped } from "@/lib/numbers";
import { formatTime, timeTitle } from "@/lib/zone";
import { produceCommand, rateText } from "@/stream/producer-spec";
import { useProducersLive } from "@/stream/producers-live";
import { isRunning, useRunProducer } from "@/stream/run-producer";
import { StateBadge } from "@/ui/badge";
import { Button, ButtonLike, IconButton } from "@/ui/button";
import { Card } from "@/ui/card";
import { CopyAsCurl, CopyButton } from "@/ui/copy";
import { ConfirmDialog } from "@/ui/dialog";
import { Instant } from "@/ui/instant";
import { KeyValue } from "@/ui/keyvalue";
import { EmptyState, Loaded } from "@/ui/states";
import { TimeChart } from "@/ui/time-chart";
import { toast } from "@/ui/toast";
import { Controls } from "./controls";
import { Samples } from "./samples";
import { SpecEditor } from "./spec-editor";

export default function ProducerPage() {
  const { name } = useParams({ from: "/producers/$name" });
  const producer = useProducer(name);
  const paused = usePause((s) => s.paused);
  const live = useProducersLive(paused);
  const seen = live.list?.find((one) => one.name === name);
  const isGone = isProblem(producer.error) && producer.error.status === 404;
  // The channel's figures are newer; only the document of one has its specification.
  const data =
    producer.data === undefined || isGone ? undefined : { ...producer.data, ...(seen ?? {}) };
  return (
    <Page
      title={name}
      ready={data !== undefined || producer.error !== null}
      crumb={
        <Link to="/producers" className="hover:text-text hover:underline">
          Producers
        </Link>
      }
      badge={
        data === undefined ? null : (
          <StateBadge state={data.state} reason={data.last_error ?? undefined} />
        )
      }
      subtitle={data === undefined ? null : <Figures producer={data} />}
      actions={data === undefined ? null : <Actions producer={data} />}
    >
      {isGone ? (
        <EmptyState
          title="There is no such producer"
          reason="It was deleted, or it was never made."
          action={
            <Link to="/producers" className={ButtonLike({})}>
              All producers
            </Link>
          }
        />
      ) : (
        <Loaded query={{ ...producer, data }} what="The producer could not be loaded.">
          {(one) => <Content producer={one} />}
        </Loaded>
      )}
    </Page>
  );
}

function Figures({ producer }: { producer: Producer }) {
  const { topic, preset, sent, rejected, skipped } = producer;
  return (
    <span className="flex flex-wrap items-center gap-x-3 gap-y-1">
      <span>
        to{" "}
        <Link
          to="/topics/$name"
          params={{ name: topic }}
          className="break-all text-accent hover:underline"
        >
          {topic}
        </Link>
      </span>
      {preset ? <span>preset {preset}</span> : null}
      <span>{grouped(sent)} sent</span>
      <span>{grouped(rejected)} refused</span>
      {skipped ? <span className="text-warn">{grouped(skipped)} given up</span> : null}
    </span>
  );
}

function Actions({ producer }: { producer: Producer }) {
  const navigate = useNavigate();
  const [deleting, setDeleting] = useState(false);
  const { running, busy, plan, run } = useRunProducer(producer);
  const { name } = producer;
  return (
    <>
      <CopyAsCurl plan={plan} />
      <IconButton
        icon={Trash2}
        label="Delete producer"
        variant="danger"
        onClick={() => setDeleting(true)}
      />
      <Button
        variant={running ? "secondary" : "primary"}
        icon={running ? Square : Play}
        busy={busy}
        onClick={run}
      >
        {running ? "Stop" : "Start"}
      </Button>
      <ConfirmDialog
        open={deleting}
        onClose={() => setDeleting(false)}
        title="Delete producer"
        action="Delete producer"
        onConfirm={async () => {
          await api.delete(path`api/v1/producers/${name}`);
          toast(`Producer ${name} deleted`);
          await navigate({ to: "/producers" });
          queryClient.removeQueries({ queryKey: ["producers", name] });
          await invalidate("producers");
        }}
      >
        <p>
          {running ? "It stops, and " : ""}its settings and counters go. The topic {producer.topic}{" "}
          and its {count(producer.sent, "event")} stay.
        </p>
      </ConfirmDialog>
    </>
  );
}

const CHART_MS = 600_000;

function Content({ producer }: { producer: Producer }) {
  const running = isRunning(producer);
  return (
    <>
      {producer.last_error ? <LastError producer={producer} /> : null}
      <div className="grid min-w-0 grid-cols-1 items-start gap-4 xl:grid-cols-2">
        <div className="flex min-w-0 flex-col gap-4">
          <RateChart producer={producer} />
          <Samples producer={producer} running={running} />
        </div>
        <div className="flex min-w-0 flex-col gap-4">
          <Controls key={producer.name} producer={producer} />
          <Facts producer={producer} />
        </div>
      </div>
      <SpecEditor key={producer.name} producer={producer} />
    </>
  );
}

function LastError({ producer }: { producer: Producer }) {
  const zone = useZone();
  const ms = Date.parse(producer.last_error_at ?? "");
  return (
    <p
      role="alert"
      className="rounded-md border border-error/50 bg-error-soft px-3 py-2 text-sm break-words"
    >
      <span className="font-medium">Last error</span>
      {Number.isNaN(ms) ? null : (
        <span className="text-muted" title={timeTitle(ms, zone)}>
          {" "}
          {formatTime(ms, zone)}
        </span>
      )}
      : {producer.last_error}
    </p>
  );
}

function RateChart({ producer }: { producer: Producer }) {
  const paused = usePause((s) => s.paused);
  const zone = useZone();
  const live = useProducersLive(paused);
  const { t, now, wanted } = live.history(producer.name);
  const atMs = t.at(-1) ?? Date.now();
  const fromMs = Math.max(t[0] ?? atMs, atMs - CHART_MS);
  const { rate_now: actual = 0, rate_wanted: asked = 0 } = producer;
  const short = isRunning(producer) && asked > 0 && actual < asked * 0.8;
  return (
    <Card
      title="Rate"
      note={`${compact(actual)} of ${compact(asked)} events/s`}
      actions={
        producer.state === "slowed" || (short && producer.state !== "running") ? (
          <StateBadge state="slowed" label="the log cannot take more" />
        ) : null
      }
    >
      <TimeChart
        label="Events a second, actual and wanted"
        time={t}
        span={{ fromMs: Math.min(fromMs, atMs - 60_000), toMs: atMs }}
        zone={zone}
        height={190}
        format={(value) => `${compact(value)} /s`}
        series={[
          { label: "actual", values: now, color: 0 },
          { label: "wanted", values: wanted, color: 1 },
        ]}
        note={t.length < 3 ? "since this page was opened" : undefined}
      />
    </Card>
  );
}

function Facts({ producer }: { producer: Producer }) {
  const zone = useZone();
  const { spec = {} } = producer;
  return (
    <Card
      title="Facts"
      actions={
        <CopyButton
          showLabel
          label="Copy as tarn produce"
          text={() =>
            produceCommand(
              { topic: producer.topic, spec: spec as Record<string, unknown> },
              url("").replace(/\/$/, ""),
            )
          }
        />
      }
    >
      <KeyValue
        items={[
          ["Rate", rateText(spec.rate ?? 100)],
          ["Started", <Instant key="started" at={producer.started} zone={zone} />],
          ["Made", <Instant key="made" at={producer.created} zone={zone} />],
          [
            "Ends",
            !spec.count && !spec.duration_s
              ? "never"
              : [
                  !spec.count ? null : `after ${count(spec.count, "event")}`,
                  !spec.duration_s ? null : `after ${spec.duration_s} s`,
                ]
                  .filter((part) => part !== null)
                  .join(" or "),
          ],
          ["Seed", spec.seed === undefined ? "random" : String(spec.seed)],
        ]}
      />
    </Card>
  );
}

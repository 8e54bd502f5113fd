// first-steps.tsx - what someone sees who has just started tarn: three steps that tick themselves
// off as they are done. They go away for good when all are, or when they are dismissed.
import { Link } from "@tanstack/react-router";
import { Circle, CircleCheck, Factory, Radio, SquareTerminal, X } from "lucide-react";
import { type ReactNode, useEffect, useState } from "react";
import { api } from "@/api/client";
import { isProblem } from "@/api/problem";
import { invalidate, useTopics } from "@/api/queries";
import type { Stats } from "@/api/stats";
import { hasSeenLive } from "@/app/steps";
import { readStored, writeStored } from "@/lib/stored";
import { Button, ButtonLike, IconButton } from "@/ui/button";
import { Card } from "@/ui/card";
import { CodeBlock } from "@/ui/copy";
import { cx } from "@/ui/cx";
import { toast, toastError } from "@/ui/toast";

const DONE_KEY = "tarn.steps";

export function FirstSteps({ stats }: { stats: Stats }) {
  const topics = useTopics();
  const [gone, setGone] = useState(() => readStored(DONE_KEY) !== null);
  const known = topics.data !== undefined;
  const hasEvents = topics.data?.some((t) => (t.events ?? 0) > 0) ?? false;
  const seen = hasSeenLive();
  const asked = stats.column("queries").some((n) => n > 0);
  const allDone = hasEvents && seen && asked;
  useEffect(() => {
    if (allDone) writeStored(DONE_KEY, "done");
  }, [allDone]);
  const dismiss = () => {
    writeStored(DONE_KEY, "done");
    setGone(true);
  };
  if (gone || allDone) return null;
  return (
    <Card
      title="First steps"
      note="from nothing to an answer"
      actions={<IconButton icon={X} label="Dismiss first steps" size="sm" onClick={dismiss} />}
    >
      <ol className="grid gap-3 lg:grid-cols-3">
        <Step done={hasEvents} title="1. Send events">
          <p>The topic is made when the first event arrives. Or let tarn make some up.</p>
          {hasEvents || !known ? null : <CodeBlock text={command()} wrap />}
          {hasEvents || !known ? null : <MakeUp />}
        </Step>
        <Step done={seen} title="2. Watch them come in">
          <p>They are shown milliseconds after they were acknowledged.</p>
          <Link to="/live" className={cx(ButtonLike({}), "self-start")}>
            <Radio aria-hidden="true" className="size-4" /> Open Live
          </Link>
        </Step>
        <Step done={asked} title="3. Ask in SQL">
          <p>What is fresh and what has landed is one table.</p>
          <Link to="/sql" className={cx(ButtonLike({}), "self-start")}>
            <SquareTerminal aria-hidden="true" className="size-4" /> Open SQL
          </Link>
        </Step>
      </ol>
    </Card>
  );
}

function command(): string {
  const to = new URL("api/v1/topics/visits/events", document.baseURI).href;
  return `curl ${to} -H 'Content-Type: application/json' -d '{"type": "view", "who": "ada"}'`;
}

function Step({ done, title, children }: { done: boolean; title: string; children: ReactNode }) {
  const Icon = done ? CircleCheck : Circle;
  return (
    <li className="flex min-w-0 gap-2 text-sm">
      <Icon
        aria-hidden="true"
        className={cx("mt-0.5 size-4 shrink-0", done ? "text-ok" : "text-muted")}
      />
      <div className={cx("flex min-w-0 flex-1 flex-col gap-2", done && "text-muted")}>
        <h3 className="font-medium">
          {title}
          {done ? <span className="sr-only"> (done)</span> : null}
        </h3>
        {children}
      </div>
    </li>
  );
}

const PRODUCER = "first-steps";

function MakeUp() {
  const [busy, setBusy] = useState(false);
  const start = async () => {
    setBusy(true);
    try {
      await api.post("api/v1/producers", {
        name: PRODUCER,
        preset: "web_logs",
        spec: { rate: 20 },
      });
      toast("20 events a second go to the topic web_logs; stop them under Producers");
    } catch (error) {
      // It may be there from before, stopped.
      const again = isProblem(error) && error.status === 409;
      if (again) await api.post(`api/v1/producers/${PRODUCER}/start`).catch(() => undefined);
      else toastError("The producer could not be started", error);
    } finally {
      setBusy(false);
      await invalidate("topics");
    }
  };
  return (
    <Button icon={Factory} busy={busy} className="self-start" onClick={() => void start()}>
      Make up web logs
    </Button>
  );
}

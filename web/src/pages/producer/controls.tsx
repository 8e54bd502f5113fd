// controls.tsx - what can be turned while it runs: rate, mix, share of bad events. What is turned
// shows at once; the server hears of it when the hand rests, one request at a time, newest last.
import { useCallback, useEffect, useRef, useState } from "react";
import { api, path } from "@/api/client";
import { messageOf } from "@/api/problem";
import { queryClient } from "@/api/queries";
import type { Producer, ProducerSpec } from "@/api/types";
import { type BadDraft, BadFields, badFrom, badTo } from "@/stream/bad-fields";
import { type RateDraft, rateFrom, rateTo, weightsOf } from "@/stream/producer-spec";
import { RateEditor } from "@/stream/rate-editor";
import { WeightsEditor } from "@/stream/weights-editor";
import { Badge } from "@/ui/badge";
import { Card } from "@/ui/card";
import { CopyAsCurl } from "@/ui/copy";

const REST_MS = 300;

type SpecChange = Record<string, unknown>;

/** Gathers changes and sends them together; `state` says whether the server has them. */
function usePatch(name: string) {
  const pending = useRef<SpecChange>({});
  const timer = useRef(0);
  const sending = useRef(false);
  const [last, setLast] = useState<SpecChange | null>(null);
  const [state, setState] = useState<"saved" | "waiting">("saved");
  const [failure, setFailure] = useState<string | null>(null);
  const flush = useCallback(async () => {
    if (sending.current) return;
    const spec = pending.current;
    if (Object.keys(spec).length === 0) return;
    pending.current = {};
    sending.current = true;
    try {
      const now = await api.patch<Producer>(path`api/v1/producers/${name}`, { spec });
      queryClient.setQueryData(["producers", name], now);
      setFailure(null);
    } catch (error) {
      setFailure(messageOf(error));
    } finally {
      sending.current = false;
      if (Object.keys(pending.current).length > 0) void flush();
      else setState("saved");
    }
  }, [name]);
  const patch = useCallback(
    (change: SpecChange) => {
      pending.current = { ...pending.current, ...change };
      setLast(change);
      setState("waiting");
      window.clearTimeout(timer.current);
      timer.current = window.setTimeout(() => void flush(), REST_MS);
    },
    [flush],
  );
  // Leaving the page within the rest must not lose what was turned.
  useEffect(
    () => () => {
      window.clearTimeout(timer.current);
      void flush();
    },
    [flush],
  );
  return { patch, state, failure, last };
}

export function Controls({ producer }: { producer: Producer }) {
  const spec: ProducerSpec = producer.spec ?? {};
  const { patch, state, failure, last } = usePatch(producer.name);
  const [rate, setRate] = useState<RateDraft>(() => rateFrom(spec.rate ?? 100));
  const [turned, setTurned] = useState<Record<string, number>>({});
  const [bad, setBad] = useState<BadDraft>(() => badFrom(spec.bad));
  const types = weightsOf(spec).map((type) => ({
    ...type,
    weight: turned[type.name] ?? type.weight,
  }));
  return (
    <Card
      title="Turn while it runs"
      note={
        failure !== null
          ? null
          : state === "waiting"
            ? "changing…"
            : last === null
              ? ""
              : "in force"
      }
      actions={
        last === null ? null : (
          <CopyAsCurl
            plan={{
              method: "PATCH",
              path: path`api/v1/producers/${producer.name}`,
              body: { spec: last },
            }}
          />
        )
      }
    >
      <div className="flex flex-col gap-4">
        {failure === null ? null : (
          <p role="alert" className="rounded-md bg-error-soft px-3 py-2 text-sm text-error">
            <Badge tone="error">not changed</Badge> {failure}
          </p>
        )}
        <RateEditor
          draft={rate}
          onChange={(next) => {
            setRate(next);
            patch({ rate: rateTo(next) });
          }}
        />
        {types.length > 1 ? (
          <section aria-label="Mix of events">
            <h3 className="mb-2 text-sm font-semibold">Mix of events</h3>
            <WeightsEditor
              types={types}
              onChange={(name, weight) => {
                const all = { ...turned, [name]: weight };
                setTurned(all);
                patch({ weights: all });
              }}
            />
          </section>
        ) : null}
        <section aria-label="Bad events">
          <h3 className="mb-2 text-sm font-semibold">Bad events</h3>
          <BadFields
            draft={bad}
            onChange={(next) => {
              setBad(next);
              patch(next.percent === 0 ? { bad: null } : badTo(next));
            }}
          />
        </section>
      </div>
    </Card>
  );
}

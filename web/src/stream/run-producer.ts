// run-producer.ts - starting and stopping a producer, whichever it needs.
import { useState } from "react";
import { path, type RequestPlan, request } from "@/api/client";
import { invalidate } from "@/api/queries";
import type { Producer } from "@/api/types";
import { toastError } from "@/ui/toast";

export function isRunning({ state }: Producer): boolean {
  return state === "running" || state === "slowed";
}

export function useRunProducer(producer: Producer) {
  const [busy, setBusy] = useState(false);
  const { name } = producer;
  const running = isRunning(producer);
  const verb = running ? "stop" : "start";
  const plan: RequestPlan = { method: "POST", path: path`api/v1/producers/${name}/${verb}` };
  const run = async () => {
    setBusy(true);
    try {
      await request(plan);
      await invalidate("producers");
    } catch (error) {
      toastError(`Could not ${verb} ${name}`, error);
    } finally {
      setBusy(false);
    }
  };
  return { running, busy, plan, run: () => void run() };
}

// sample-feed.ts - a look at what a producer sends: its SSE endpoint (at most four events a second),
// open only while the page can be seen and is not paused.
import { useEffect, useState } from "react";
import { path } from "@/api/client";
import { url } from "@/lib/base";
import { formatJson, parseJson } from "@/lib/json";
import { Ring } from "@/lib/ring";
import { CalmStore, useStore } from "@/lib/store";

export interface Sample {
  n: number;
  ms: number;
  /** The event, or the text of what is no JSON object. */
  value: unknown;
  line: string;
}

export interface SampleView {
  samples: readonly Sample[];
  state: "connecting" | "open" | "lost" | "closed";
}

const KEPT = 100;
const LINE_CHARACTERS = 400;

class SampleStore extends CalmStore<SampleView> {
  readonly #ring = new Ring<Sample>(KEPT);
  #state: SampleView["state"] = "closed";

  constructor() {
    super(200);
  }

  take(text: string): void {
    const data = parseJson(text) as { at?: string; event?: unknown; text?: string };
    const value = data.event ?? data.text ?? null;
    const line = typeof value === "string" ? value : formatJson(value, 0);
    this.#ring.push({
      n: this.#ring.total,
      ms: Date.parse(data.at ?? ""),
      value,
      line: line.slice(0, LINE_CHARACTERS),
    });
    this.changed();
  }

  set(state: SampleView["state"]): void {
    this.#state = state;
    this.changed();
  }

  protected makeSnapshot(): SampleView {
    return { samples: this.#ring.toArray().reverse(), state: this.#state };
  }
}

export function useSamples(name: string, wanted: boolean): SampleView {
  const [store] = useState(() => new SampleStore());
  const [visible, setVisible] = useState(!document.hidden);
  useEffect(() => {
    const look = () => setVisible(!document.hidden);
    document.addEventListener("visibilitychange", look);
    return () => document.removeEventListener("visibilitychange", look);
  }, []);
  useEffect(() => {
    if (!wanted || !visible) {
      store.set("closed");
      return;
    }
    const source = new EventSource(url(path`api/v1/producers/${name}/sample`));
    store.set("connecting");
    source.addEventListener("open", () => store.set("open"));
    source.addEventListener("error", () => store.set("lost"));
    source.addEventListener("sample", (event) => store.take((event as MessageEvent<string>).data));
    return () => source.close();
  }, [name, wanted, visible, store]);
  return useStore(store);
}

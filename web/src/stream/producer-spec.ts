// producer-spec.ts - a producer's specification (docs/producers.md) as a form edits it: the three
// kinds of rate with what they come to at a moment, templates to begin with, and the same as a
// command.
import { shellQuote } from "@/lib/curl";
import { formatJson } from "@/lib/json";
import { compact } from "@/lib/numbers";

export const RATE_KINDS = ["constant", "sine", "bursts"] as const;
export type RateKind = (typeof RATE_KINDS)[number];

/** All numbers of all kinds, so that changing the kind and back loses nothing. */
export interface RateDraft {
  kind: RateKind;
  rate: number;
  mean: number;
  amplitude: number;
  period_s: number;
  base: number;
  burst: number;
  every_s: number;
  length_s: number;
}

export const RATE_MAX = 1_000_000;

export const RATE_START: RateDraft = {
  kind: "constant",
  rate: 100,
  mean: 100,
  amplitude: 80,
  period_s: 60,
  base: 20,
  burst: 500,
  every_s: 30,
  length_s: 5,
};

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function rateFrom(rate: unknown): RateDraft {
  if (typeof rate === "number") return { ...RATE_START, rate };
  const out = { ...RATE_START };
  if (!isObject(rate)) return out;
  for (const kind of RATE_KINDS) {
    const members = rate[kind];
    if (!isObject(members)) continue;
    out.kind = kind;
    for (const [name, value] of Object.entries(members)) {
      if (typeof value === "number" && name in out && name !== "kind") {
        out[name as Exclude<keyof RateDraft, "kind">] = value;
      }
    }
  }
  return out;
}

export function rateTo(draft: RateDraft): number | Record<string, unknown> {
  const { rate, mean, amplitude, period_s, base, burst, every_s, length_s } = draft;
  if (draft.kind === "sine") {
    return { sine: { mean, amplitude: Math.min(amplitude, mean), period_s } };
  }
  if (draft.kind === "bursts") {
    return { bursts: { base, burst, every_s, length_s: Math.min(length_s, every_s) } };
  }
  return rate;
}

/** Events a second so many seconds after the start. */
export function rateAt(draft: RateDraft, seconds: number): number {
  if (draft.kind === "sine") {
    const swing = Math.min(draft.amplitude, draft.mean);
    return draft.mean + swing * Math.sin((2 * Math.PI * seconds) / draft.period_s);
  }
  if (draft.kind === "bursts") {
    const within = seconds % draft.every_s;
    return within < Math.min(draft.length_s, draft.every_s) ? draft.burst : draft.base;
  }
  return draft.rate;
}

/** How long a piece of it tells all: two periods. */
export function rateSpanS(draft: RateDraft): number {
  if (draft.kind === "sine") return draft.period_s * 2;
  return draft.kind === "bursts" ? draft.every_s * 2 : 60;
}

export function rateText(rate: unknown): string {
  const draft = rateFrom(rate);
  if (draft.kind === "sine") {
    const swing = Math.min(draft.amplitude, draft.mean);
    return `${compact(draft.mean - swing)} to ${compact(draft.mean + swing)} /s over ${draft.period_s} s`;
  }
  if (draft.kind === "bursts") {
    return `${compact(draft.base)} /s, bursts of ${compact(draft.burst)} /s`;
  }
  return `${compact(draft.rate)} /s`;
}

export interface TypeWeight {
  name: string;
  weight: number;
}

export interface TemplateSample {
  label: string;
  topic: string;
  types: readonly { name: string; weight: number; template: Record<string, unknown> }[];
}

/** To begin with: they show the generators by using them. */
export const TEMPLATES: readonly TemplateSample[] = [
  {
    label: "Orders",
    topic: "orders",
    types: [
      {
        name: "order",
        weight: 9,
        template: {
          type: "order",
          id: { $uuid: {} },
          timestamp: { $time: { late_share: 0.01, late_ms: 60000 } },
          customer_id: { $ref: { table: "customers", column: "customer_id", dist: "zipf" } },
          amount: { $float: { min: 5, max: 900, dist: "exponential", mean: 40 } },
        },
      },
      {
        name: "visit",
        weight: 1,
        template: { type: "visit", timestamp: { $time: {} }, page: { $url: {} } },
      },
    ],
  },
  {
    label: "Sensors",
    topic: "sensors",
    types: [
      {
        name: "reading",
        weight: 98,
        template: {
          type: "reading",
          at: { $time: { format: "unix_ms" } },
          sensor: { $concat: ["s-", { $int: { min: 1, max: 400 } }] },
          celsius: { $float: { min: -20, max: 90, dist: "normal", mean: 21, stddev: 6 } },
        },
      },
      {
        name: "alarm",
        weight: 2,
        template: {
          type: "alarm",
          at: { $time: { format: "unix_ms" } },
          sensor: { $concat: ["s-", { $int: { min: 1, max: 400 } }] },
          level: { $choice: { values: ["warning", "critical"], weights: [9, 1] } },
          text: { $text: { min: 3, max: 8 } },
        },
      },
    ],
  },
  {
    label: "Sign-ins",
    topic: "sign_ins",
    types: [
      {
        name: "sign_in",
        weight: 1,
        template: {
          type: "sign_in",
          timestamp: { $time: {} },
          who: { $email: {} },
          from: { $ip: { distinct: 5000 } },
          country: { $country: {} },
          good: { $bool: { share: 0.96 } },
        },
      },
    ],
  },
];

export const BAD_KINDS = [
  { value: "broken_json", label: "broken JSON: refused" },
  { value: "not_an_object", label: "not an object: refused" },
  { value: "too_deep", label: "nested too deep: refused" },
  { value: "wrong_type", label: "text in the place of a number: stored" },
] as const;

/** The list of types in a specification, by name and weight; one template has none. */
export function weightsOf(spec: { types?: unknown } | undefined): TypeWeight[] {
  if (!Array.isArray(spec?.types)) return [];
  return spec.types.filter(isObject).map((type) => ({
    name: String(type.name ?? ""),
    weight: typeof type.weight === "number" ? type.weight : 1,
  }));
}

export interface CommandParts {
  preset?: string | undefined;
  topic?: string | undefined;
  spec: Record<string, unknown>;
}

/** The same events sent from a terminal. */
export function produceCommand({ preset, topic, spec }: CommandParts, server: string): string {
  const words = ["tarn", "produce"];
  if (preset !== undefined) words.push("--preset", preset);
  if (topic) words.push("--topic", shellQuote(topic));
  const { rate, count, duration_s, seed, ...rest } = spec;
  const more: Record<string, unknown> = { ...rest };
  if (typeof rate === "number") words.push("--rate", String(rate));
  else if (rate !== undefined) words.push("--rate", shellQuote(formatJson(rate, 0)));
  if (count !== undefined) words.push("--count", String(count));
  if (duration_s !== undefined) words.push("--seconds", String(duration_s));
  if (seed !== undefined) words.push("--seed", String(seed));
  words.push("--server", shellQuote(server));
  if (Object.keys(more).length === 0) return words.join(" ");
  const file = "producer.json";
  return `cat >${file} <<'JSON'\n${formatJson(more)}\nJSON\n${words.join(" ")} --spec ${file}`;
}

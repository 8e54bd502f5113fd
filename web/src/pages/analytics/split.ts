// split.ts - what events can be counted by.
import { FACETS } from "@/filters/facets";

export const SPLITS = ["topic", ...FACETS] as const;
export type Split = (typeof SPLITS)[number];

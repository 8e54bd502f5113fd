// cx.ts - class names joined; a later Tailwind class wins over an earlier one of its kind, so that
// a widget's caller may adjust it.
import { type ClassValue, clsx } from "clsx";
import { extendTailwindMerge } from "tailwind-merge";

const merge = extendTailwindMerge({ cacheSize: 500 });

export function cx(...classes: ClassValue[]): string {
  return merge(clsx(classes));
}

// bundle.ts - what a browser has to fetch, from Vite's manifest: the JavaScript of the first page
// (its entry, what that imports, and the overview), and everything there is. As gzip -9.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

const DIST = new URL("../../build-web/dist/", import.meta.url).pathname;
const FIRST = ["index.html", "src/pages/overview/index.tsx"];

interface Chunk {
  file: string;
  imports?: string[];
  css?: string[];
}

function kib(files: Iterable<string>): number {
  let bytes = 0;
  for (const file of files) bytes += gzipSync(readFileSync(join(DIST, file)), { level: 9 }).length;
  return Math.round((bytes / 1024) * 10) / 10;
}

function manifest(): Map<string, Chunk> {
  const text = readFileSync(join(DIST, ".vite/manifest.json"), "utf8");
  return new Map(Object.entries(JSON.parse(text) as Record<string, Chunk>));
}

/** Files that `names` need at once: their own, and those of their static imports. */
function needed(chunks: Map<string, Chunk>, names: string[]): Set<string> {
  const files = new Set<string>();
  const left = [...names];
  for (let name = left.pop(); name !== undefined; name = left.pop()) {
    const chunk = chunks.get(name);
    if (chunk === undefined) throw new Error(`the manifest has no ${name}`);
    if (files.has(chunk.file)) continue;
    files.add(chunk.file);
    for (const css of chunk.css ?? []) files.add(css);
    left.push(...(chunk.imports ?? []));
  }
  return files;
}

export function bundleSizes() {
  const first = [...needed(manifest(), FIRST)];
  const all = readdirSync(join(DIST, "assets")).map((file) => join("assets", file));
  return {
    initial_js_kib: kib(first.filter((file) => file.endsWith(".js"))),
    initial_css_kib: kib(first.filter((file) => file.endsWith(".css"))),
    largest_kib: Math.max(...all.map((file) => kib([file]))),
    all_kib: kib(all),
  };
}

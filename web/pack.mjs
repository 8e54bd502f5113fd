// pack.mjs DIST OUTPUT - the built console as it goes into the program: each file compressed once,
// here, so that the server only hands bytes out. Writes OUTPUT/console_assets.bin (all of them, one
// after the other), .S (which links that in) and .c (the table of what is where).
// SPDX-License-Identifier: MIT
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const BASE = '<base href="./" />'; // the server puts the way up to the console's root in its place
const TYPES = {
  css: "text/css; charset=utf-8",
  html: "text/html; charset=utf-8",
  ico: "image/x-icon",
  js: "text/javascript; charset=utf-8",
  json: "application/json",
  png: "image/png",
  svg: "image/svg+xml",
  txt: "text/plain; charset=utf-8",
  webmanifest: "application/manifest+json",
  woff2: "font/woff2",
};

const [dist, output] = process.argv.slice(2);

function die(message) {
  console.error(`pack: ${message}`);
  process.exit(1);
}

function walk(folder) {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => !entry.name.startsWith(".")) // .vite/manifest.json is for the bench
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      return entry.isDirectory() ? walk(path) : [path];
    });
}

const hash = (bytes) => createHash("sha256").update(bytes).digest("hex").slice(0, 16);

const parts = [];
let end = 0;
function add(bytes) {
  parts.push(bytes);
  end += bytes.length;
  return { at: end - bytes.length, length: bytes.length };
}

const rows = walk(dist)
  .map((file) => ({ file, path: `/${relative(dist, file).split(sep).join("/")}` }))
  .sort((a, b) => (a.path < b.path ? -1 : 1))
  .map(({ file, path }) => {
    const bytes = readFileSync(file);
    const type = TYPES[path.split(".").pop()] ?? die(`${path}: what type is this? add it to TYPES`);
    if (!/^[\w./@-]+$/.test(path)) die(`${path}: a name with other characters than A-Z a-z 0-9 . _ @ -`);
    const gz = add(gzipSync(bytes, { level: 9 }));
    const br = add(brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }));
    return { path, type, etag: hash(bytes), size: bytes.length, gz, br, bytes };
  });

const index = rows.find((row) => row.path === "/index.html") ?? die(`${dist} has no index.html`);
if (index.bytes.toString().split(BASE).length !== 2) die(`index.html must have ${BASE} once`);

const all = Buffer.concat(parts);
const table = rows.map(
  ({ path, type, etag, size, gz, br }) =>
    `    {"${path}", "${type}", "${etag}", ${size}, ${gz.at}, ${gz.length}, ${br.at}, ${br.length}},\n`,
);
writeFileSync(join(output, "console_assets.bin"), all);
writeFileSync(
  join(output, "console_assets.S"),
  `/* Made by web/pack.mjs; do not edit. Links in the bytes with the sum ${hash(all)}. */
    .section .rodata
    .balign 16
    .globl console_bytes
    .hidden console_bytes
console_bytes:
    .incbin "console_assets.bin"
    .section .note.GNU-stack,"",%progbits
`,
);
writeFileSync(
  join(output, "console_assets.c"),
  `/* Made by web/pack.mjs; do not edit. */
#include "http/console.h"

extern const char console_bytes[] __attribute__((visibility("hidden"))); /* console_assets.S */
static const struct console_file FILES[] = {
${table.join("")}};
const struct console console_embedded = {FILES, ARRAY_LEN(FILES), console_bytes, ${all.length}, "${index.etag}"};
`,
);

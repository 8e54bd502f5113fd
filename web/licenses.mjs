// licenses.mjs - the licences of the packages that are in the built console, as text, for the
// release packages: all of package-lock.json but what only builds and tests it.
// SPDX-License-Identifier: MIT
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const here = new URL(".", import.meta.url).pathname;
const { packages } = JSON.parse(readFileSync(join(here, "package-lock.json"), "utf8"));
const used = Object.entries(packages).filter(
  ([path, entry]) => path !== "" && !entry.dev && !entry.devOptional && existsSync(join(here, path)),
);
for (const [path, entry] of used) {
  const folder = join(here, path);
  const files = readdirSync(folder).filter((name) => /^(licen[cs]e|copying|notice)/i.test(name));
  console.log(`==== ${path.replace(/^.*node_modules\//, "")} ${entry.version} (${entry.license ?? "see below"})\n`);
  for (const file of files) console.log(readFileSync(join(folder, file), "utf8").trim(), "\n");
}

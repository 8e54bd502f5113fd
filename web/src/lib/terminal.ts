// terminal.ts - a command of the program as it must be typed for the server that this page is from.
import { baseUrl } from "./base";

/** Where `tarn` looks without being told. */
const DEFAULT_SERVER = "http://127.0.0.1:8276/";

/** Adds `--server` where it is needed; `tarn sample` writes files and asks no server. */
export function forServer(command: string, server = baseUrl.href): string {
  if (server === DEFAULT_SERVER) return command;
  return command
    .split(" && ")
    .map((one) => (/^tarn (?!sample )/.test(one) ? `${one} --server ${server}` : one))
    .join(" && ");
}

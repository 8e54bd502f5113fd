// curl.ts - a request as a command that a POSIX shell runs as it stands.

export interface RequestText {
  method: string;
  url: string;
  headers?: Record<string, string>;
  body?: string;
  /** The body is this file. */
  file?: string;
}

const SAFE = /^[A-Za-z0-9_@%+=:,./-]+$/;

export function shellQuote(word: string): string {
  if (word !== "" && SAFE.test(word)) return word;
  return `'${word.replaceAll("'", "'\\''")}'`;
}

export function curl({ method, url, headers = {}, body, file }: RequestText): string {
  // A stream is shown as it comes, not when a buffer is full.
  const streams = Object.values(headers).includes("text/event-stream");
  const words = ["curl", streams ? "-sSN" : "-sS"];
  const implied = body === undefined && file === undefined ? "GET" : "POST";
  if (method !== implied) words.push("-X", method);
  for (const [name, value] of Object.entries(headers)) {
    words.push("-H", shellQuote(`${name}: ${value}`));
  }
  if (file !== undefined) words.push("--data-binary", shellQuote(`@${file}`));
  else if (body !== undefined) words.push("--data-raw", shellQuote(body));
  words.push(shellQuote(url));
  return words.join(" ");
}

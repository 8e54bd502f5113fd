// link.ts - a statement in the address: short ones readable as `q`, longer ones compressed as `z`
// (deflate, base64url), saved and unchanged ones by name as `saved`. What is too long even so stays
// out: the server bounds the head of a request, and it should be saved anyway.

const PLAIN_MAX = 1500;
const LINK_MAX = 6000;

async function through(bytes: Uint8Array<ArrayBuffer>, stream: GenericTransformStream) {
  const body = new Blob([bytes]).stream().pipeThrough(stream as TransformStream);
  return new Uint8Array(await new Response(body).arrayBuffer());
}

export async function pack(sql: string): Promise<string> {
  const bytes = new TextEncoder().encode(sql) as Uint8Array<ArrayBuffer>;
  const packed = await through(bytes, new CompressionStream("deflate-raw"));
  let binary = "";
  for (const byte of packed) binary += String.fromCharCode(byte);
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

const UNPACKED_MAX = 1 << 20;

/** Undefined for what is no packed text. */
export async function unpack(packed: string): Promise<string | undefined> {
  try {
    const binary = atob(packed.replaceAll("-", "+").replaceAll("_", "/"));
    const bytes = Uint8Array.from(binary, (c) => c.charCodeAt(0));
    const out = await through(bytes, new DecompressionStream("deflate-raw"));
    if (out.length > UNPACKED_MAX) return undefined;
    return new TextDecoder("utf-8", { fatal: true }).decode(out);
  } catch {
    return undefined;
  }
}

export interface SqlLink {
  q?: string | undefined;
  z?: string | undefined;
  saved?: string | undefined;
}

/** `savedAs`: the saved query that this text is, unchanged. */
export async function linkOf(sql: string, savedAs: string | undefined): Promise<SqlLink> {
  if (savedAs !== undefined) return { saved: savedAs };
  if (sql.trim() === "") return {};
  if (encodeURIComponent(sql).length <= PLAIN_MAX) return { q: sql };
  const z = await pack(sql);
  return z.length <= LINK_MAX ? { z } : {};
}

// upload-peek.ts - reads the first bytes of a file that was chosen, unpacked when it is gzip.
import { decode, PEEK_BYTES, type UploadName } from "./upload-file";

export interface Peek {
  text: string;
  /** The text is all of the file. */
  isWhole: boolean;
  problem: string | null;
}

/** The beginning of a gzip stream ends in an error where it was cut; what came before counts. */
async function unpack(part: Blob): Promise<{ bytes: Uint8Array; isWhole: boolean }> {
  const reader = part.stream().pipeThrough(new DecompressionStream("gzip")).getReader();
  const out = new Uint8Array(PEEK_BYTES);
  let length = 0;
  let isWhole = false;
  try {
    while (length < PEEK_BYTES) {
      const { done, value } = await reader.read();
      if (done) {
        isWhole = true;
        break;
      }
      const piece = value.subarray(0, PEEK_BYTES - length);
      out.set(piece, length);
      length += piece.length;
    }
    await reader.cancel();
  } catch {
    // Cut off, or no gzip at all: then nothing was read.
  }
  return { bytes: out.subarray(0, length), isWhole };
}

/** Parquet: whether it looks like one; text formats: their beginning. */
export async function peek(file: File, name: UploadName): Promise<Peek> {
  const part = file.slice(0, PEEK_BYTES);
  if (name.coding === "zstd") return { text: "", isWhole: false, problem: null };
  if (name.coding === "gzip") {
    const { bytes, isWhole } = await unpack(part);
    if (bytes.length === 0) return { text: "", isWhole, problem: "The file is no gzip." };
    return { ...decode(bytes), isWhole };
  }
  const bytes = new Uint8Array(await part.arrayBuffer());
  const magic = String.fromCharCode(...bytes.subarray(0, 4));
  if (name.format === "parquet") {
    const problem = magic === "PAR1" ? null : "The file does not begin as a Parquet file does.";
    return { text: "", isWhole: false, problem };
  }
  if (magic === "PAR1") {
    return { text: "", isWhole: false, problem: "This is a Parquet file: choose that format." };
  }
  return { ...decode(bytes), isWhole: file.size <= PEEK_BYTES };
}

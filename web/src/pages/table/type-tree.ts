// type-tree.ts - a column's type as the tree it is: fields of a STRUCT, elements of a list, keys and
// values of a MAP, each on a line of its own. Reads DuckDB's type texts; what it does not know stays
// one leaf, as it is. Pure.

export interface TypeNode {
  name: string;
  /** Short: "STRUCT", "STRUCT[]", "BIGINT". */
  type: string;
  depth: number;
  /** How to get at it in SQL, below the column: names of struct fields. Null below a list or map. */
  path: readonly string[] | null;
}

const DEPTH_MAX = 20;

/** Splits at commas that are in no brackets and no quotes. */
function parts(text: string): string[] {
  const out: string[] = [];
  let depth = 0;
  let quoted = false;
  let from = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (c === '"') quoted = !quoted;
    else if (quoted) continue;
    else if (c === "(") depth++;
    else if (c === ")") depth--;
    else if (c === "," && depth === 0) {
      out.push(text.slice(from, i).trim());
      from = i + 1;
    }
  }
  const rest = text.slice(from).trim();
  if (rest !== "") out.push(rest);
  return out;
}

/** `"my field" BIGINT` -> name and type. */
function field(text: string): { name: string; type: string } {
  const quoted = /^"((?:[^"]|"")*)"\s+([\s\S]+)$/.exec(text);
  if (quoted !== null)
    return { name: (quoted[1] ?? "").replaceAll('""', '"'), type: quoted[2] ?? "" };
  const space = text.search(/\s/);
  return space < 0
    ? { name: text, type: "" }
    : { name: text.slice(0, space), type: text.slice(space).trim() };
}

const WHOLE = /^(STRUCT|MAP|UNION)\(([\s\S]*)\)((?:\[\d*\])*)$/i;

export function typeNodes(name: string, type: string): TypeNode[] {
  const out: TypeNode[] = [];
  add(out, name, type.trim(), 0, []);
  return out;
}

function add(
  out: TypeNode[],
  name: string,
  type: string,
  depth: number,
  path: readonly string[] | null,
): void {
  const whole = WHOLE.exec(type);
  if (whole === null || depth >= DEPTH_MAX) {
    out.push({ name, type, depth, path });
    return;
  }
  const [, kind = "", inner = "", lists = ""] = whole;
  out.push({ name, type: `${kind.toUpperCase()}${lists}`, depth, path });
  const reach = lists === "" && /^struct$/i.test(kind) ? path : null;
  if (/^map$/i.test(kind)) {
    const [key = "", value = ""] = parts(inner);
    add(out, "key", key, depth + 1, null);
    add(out, "value", value, depth + 1, null);
    return;
  }
  for (const part of parts(inner)) {
    const one = field(part);
    add(out, one.name, one.type, depth + 1, reach === null ? null : [...reach, one.name]);
  }
}

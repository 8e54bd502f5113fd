// json-short.ts - JSON for people to edit: what fits on a line stays on one.

const WIDTH = 76;

function oneLine(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(oneLine).join(", ")}]`;
  if (typeof value === "object" && value !== null) {
    const entries = Object.entries(value).filter(([, item]) => item !== undefined);
    return `{${entries.map(([name, item]) => `${JSON.stringify(name)}: ${oneLine(item)}`).join(", ")}}`;
  }
  return typeof value === "bigint" ? value.toString() : (JSON.stringify(value) ?? "null");
}

export function shortJson(value: unknown, margin = "", before = 0): string {
  const line = oneLine(value);
  const isNested = typeof value === "object" && value !== null;
  if (!isNested || line.length + margin.length + before <= WIDTH) return line;
  const inner = `${margin}  `;
  if (Array.isArray(value)) {
    return `[\n${value.map((item) => inner + shortJson(item, inner)).join(",\n")}\n${margin}]`;
  }
  const entries = Object.entries(value)
    .filter(([, item]) => item !== undefined)
    .map(([name, item]) => {
      const head = `${JSON.stringify(name)}: `;
      return inner + head + shortJson(item, inner, head.length);
    });
  return entries.length === 0 ? line : `{\n${entries.join(",\n")}\n${margin}}`;
}

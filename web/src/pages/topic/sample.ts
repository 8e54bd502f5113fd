// sample.ts - an event to begin with: one that a declared schema would take, as far as its keywords
// tell (docs/schemas.md). The server judges what is sent; this only saves typing.

type Schema = Record<string, unknown>;

const DEPTH_MAX = 8;

const FORMATS: Readonly<Record<string, (now: Date) => string>> = {
  "date-time": (now) => now.toISOString(),
  date: (now) => now.toISOString().slice(0, 10),
  time: (now) => now.toISOString().slice(11),
  uuid: () => "0190f0a0-0000-4000-8000-000000000001",
  email: () => "ada@example.com",
  ipv4: () => "192.0.2.1",
  ipv6: () => "2001:db8::1",
  uri: () => "https://example.com/",
};

function isSchema(value: unknown): value is Schema {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function typeOf(schema: Schema): string {
  const { type } = schema;
  const types = Array.isArray(type) ? type : [type];
  const first = types.find((one) => typeof one === "string" && one !== "null");
  if (typeof first === "string") return first;
  if (isSchema(schema.properties)) return "object";
  return isSchema(schema.items) ? "array" : "string";
}

function numberOf(schema: Schema, isWhole: boolean): number {
  const given = (name: string) => {
    const value = schema[name];
    return typeof value === "number" || typeof value === "bigint" ? Number(value) : undefined;
  };
  const step = given("multipleOf") ?? 0;
  const above = given("exclusiveMinimum");
  const below = given("exclusiveMaximum");
  const least = given("minimum") ?? (above === undefined ? 0 : above + (isWhole ? 1 : 0.5));
  const most = given("maximum") ?? (below === undefined ? Infinity : below - (isWhole ? 1 : 0.5));
  let value = Math.min(Math.max(least, 1), most);
  if (step > 0) value = Math.ceil(Number((value / step).toFixed(9))) * step;
  return isWhole ? Math.ceil(value) : Number(value.toPrecision(12));
}

function textOf(schema: Schema, now: Date): string {
  const format = typeof schema.format === "string" ? FORMATS[schema.format] : undefined;
  if (format !== undefined) return format(now);
  const least = Number(schema.minLength ?? 0);
  const most = Number(schema.maxLength ?? Infinity);
  return "text".padEnd(Math.min(least, 10_000), "x").slice(0, most);
}

export function sampleOf(schema: unknown, now = new Date(), depth = 0): unknown {
  if (!isSchema(schema) || depth > DEPTH_MAX) return null;
  if (schema.const !== undefined) return schema.const;
  if (Array.isArray(schema.enum) && schema.enum.length > 0) return schema.enum[0];
  if (Array.isArray(schema.examples) && schema.examples.length > 0) return schema.examples[0];
  if (schema.default !== undefined) return schema.default;
  switch (typeOf(schema)) {
    case "object": {
      const properties = isSchema(schema.properties) ? schema.properties : {};
      return Object.fromEntries(
        Object.entries(properties).map(([name, inner]) => [name, sampleOf(inner, now, depth + 1)]),
      );
    }
    case "array": {
      const length = Math.min(Math.max(Number(schema.minItems ?? 1), 0), 10);
      return Array.from({ length }, () => sampleOf(schema.items, now, depth + 1));
    }
    case "integer":
      return numberOf(schema, true);
    case "number":
      return numberOf(schema, false);
    case "boolean":
      return true;
    case "null":
      return null;
    default:
      return textOf(schema, now);
  }
}

// template-editor.tsx - the types of events with their templates as JSON, with a list of the
// generators beside it. What the server refuses names its place ("/types/0/template/amount: …").
import { BookOpen } from "lucide-react";
import { messageOf } from "@/api/problem";
import { jsonFault, placeOfPointer } from "@/lib/json-place";
import { Button } from "@/ui/button";
import { Field, Textarea } from "@/ui/field";
import { Menu } from "@/ui/menu";
import { TEMPLATES, type TemplateSample } from "./producer-spec";

/** The list of types that the text holds; null: it is no such list. One object is one template. */
export function readTypes(text: string): unknown[] | null {
  if (jsonFault(text) !== null) return null;
  const value: unknown = JSON.parse(text);
  if (Array.isArray(value)) return value;
  if (typeof value === "object" && value !== null) return [{ name: "event", template: value }];
  return null;
}

/** What is wrong with the text: a fault of its own, or the server's word at its line. */
export function faultOf(text: string, failure: unknown): string | null {
  const fault = jsonFault(text);
  if (fault !== null)
    return `Line ${fault.place.line}, column ${fault.place.column}: ${fault.message}`;
  if (readTypes(text) === null) return "A list of types, or one template as an object";
  if (failure === null || failure === undefined) return null;
  const words = messageOf(failure);
  const pointer = /^\/types((?:\/[^:\s]*)?)/.exec(words)?.[1];
  if (pointer === undefined) return null;
  const isOne = !text.trimStart().startsWith("[");
  const inText = isOne ? pointer.replace(/^\/0\/template/, "") : pointer;
  // A generator's own options may not be there: then the nearest place that is.
  for (let at = inText; ; at = at.slice(0, at.lastIndexOf("/"))) {
    const place = placeOfPointer(text, at);
    if (place !== null) return `Line ${place.line}: ${words}`;
    if (at === "") return words;
  }
}

const GENERATORS: readonly (readonly [string, string])[] = [
  ["$uuid", "a random UUID"],
  ["$seq", "the next number: start, step"],
  ["$int", "a whole number: min, max, dist"],
  ["$float", "a number: min, max, dist, decimals"],
  ["$bool", "true so often: share"],
  ["$choice", "one of values, by weights"],
  ["$list", "so many of `of`: min, max"],
  ["$concat", "parts as one text"],
  ["$copy", "what another generator of this event made: a JSON pointer"],
  ["$times", "a product: of, decimals"],
  ["$ref", "a key of a sample table: table, column, row, dist"],
  ["$time", "now, some late: jitter_ms, late_share, late_ms, format"],
  ["$hex", "hexadecimal digits: digits"],
  ["$name", "a person's name: part"],
  ["$city", "a city's name"],
  ["$country", "a country's code"],
  ["$email", "an address at a reserved domain"],
  ["$ip", "an address: version, net, distinct"],
  ["$url", "a base and words as path: base, depth"],
  ["$text", "so many words: min, max"],
  ["$literal", "anything, as it is"],
];

interface TemplateEditorProps {
  text: string;
  error: string | null;
  onChange: (text: string) => void;
  onSample?: (sample: TemplateSample) => void;
}

export function TemplateEditor({ text, error, onChange, onSample }: TemplateEditorProps) {
  return (
    <div className="grid min-w-0 gap-3 md:grid-cols-[minmax(0,1fr)_17rem]">
      <div className="flex min-w-0 flex-col gap-2">
        <Field
          label="Types of events"
          error={error ?? undefined}
          hint="A list of {name, weight, template}, or one template. A generator stands in the place of a value."
        >
          <Textarea rows={18} value={text} onChange={(e) => onChange(e.target.value)} />
        </Field>
        {onSample ? (
          <Menu
            align="start"
            trigger={
              <Button size="sm" icon={BookOpen} className="self-start">
                Begin with…
              </Button>
            }
            items={TEMPLATES.map((sample) => ({
              label: sample.label,
              onSelect: () => onSample(sample),
            }))}
          />
        ) : null}
      </div>
      <section aria-label="Generators" className="min-w-0">
        <h3 className="mb-1 text-xs font-medium text-muted">
          Generators, all options may be left out
        </h3>
        <dl
          tabIndex={0}
          className="max-h-90 overflow-y-auto rounded-md border border-line bg-sunken p-2 text-xs"
        >
          {GENERATORS.map(([name, about]) => (
            <div key={name} className="flex gap-2 py-0.5">
              <dt className="w-16 shrink-0 font-mono text-accent">{name}</dt>
              <dd className="min-w-0 text-muted">{about}</dd>
            </div>
          ))}
        </dl>
      </section>
    </div>
  );
}

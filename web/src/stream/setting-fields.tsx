// setting-fields.tsx - the inputs of a topic's settings, group by group, each with what its text
// amounts to and with the server's word when it refused it.
import { Field, Input, Select } from "@/ui/field";
import {
  type Draft,
  meaningOf,
  SETTING_GROUPS,
  type Setting,
  type SettingName,
} from "./topic-settings";

interface SettingFieldsProps {
  draft: Draft;
  onChange: (name: SettingName, text: string) => void;
  /** The server refused this one, with these words. */
  refused?: { name: SettingName; text: string } | null;
  /** Those of the table are fixed, e.g. because it is there already. */
  fixed?: readonly SettingName[];
  /** Shown in empty fields that are not touched: the server's default decides. */
  placeholder?: string;
}

export function SettingFields(props: SettingFieldsProps) {
  return (
    <div className="flex flex-col gap-5">
      {SETTING_GROUPS.map((group) => (
        <fieldset key={group.title} className="min-w-0">
          <legend className="mb-2 text-sm font-semibold">{group.title}</legend>
          <div className="grid gap-x-4 gap-y-3 sm:grid-cols-2">
            {group.settings.map((setting) => (
              <SettingField key={setting.name} setting={setting} {...props} />
            ))}
          </div>
        </fieldset>
      ))}
    </div>
  );
}

const DURABILITY = [
  { value: "fsync", label: "fsync: on disk" },
  { value: "page_cache", label: "page_cache: faster, lost in a power cut" },
];

function SettingField({
  setting,
  draft,
  onChange,
  refused,
  fixed,
  placeholder,
}: SettingFieldsProps & { setting: Setting }) {
  const { name, label, hint, kind } = setting;
  const text = draft[name] ?? "";
  const meaning = draft[name] === undefined ? null : meaningOf(setting, text);
  const isFixed = fixed?.includes(name) ?? false;
  return (
    <Field
      label={label}
      hint={meaning === null || text === "" ? hint : `= ${meaning}. ${hint}`}
      error={refused?.name === name ? refused.text : undefined}
    >
      {kind === "durability" ? (
        <Select
          value={text}
          disabled={isFixed}
          className="w-full"
          options={
            placeholder === undefined
              ? DURABILITY
              : [{ value: "", label: placeholder }, ...DURABILITY]
          }
          onChange={(value) => onChange(name, value)}
        />
      ) : (
        <Input
          value={text}
          disabled={isFixed}
          inputMode={kind === "count" ? "numeric" : undefined}
          placeholder={placeholder ?? setting.empty?.word}
          className={kind === "name" || kind === "names" ? "font-mono" : undefined}
          onChange={(e) => onChange(name, e.target.value)}
        />
      )}
    </Field>
  );
}

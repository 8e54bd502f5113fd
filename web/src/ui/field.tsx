// field.tsx - inputs. Native elements throughout: they are light, known to every screen reader and
// to every phone. `Field` gives them label, hint and error; without it pass aria-label.
import { Check } from "lucide-react";
import {
  createContext,
  type InputHTMLAttributes,
  type ReactNode,
  type Ref,
  type SelectHTMLAttributes,
  type TextareaHTMLAttributes,
  useContext,
  useId,
} from "react";
import { cx } from "./cx";

interface FieldIds {
  id: string;
  describedBy: string | undefined;
  invalid: boolean;
}

const FieldContext = createContext<FieldIds | null>(null);

interface FieldProps {
  label: ReactNode;
  hint?: ReactNode;
  /** Shown under the input, which is then marked invalid. */
  error?: ReactNode;
  className?: string;
  /** Exactly one Input, Textarea, Select, Slider … of this file. */
  children: ReactNode;
}

export function Field({ label, hint, error, className, children }: FieldProps) {
  const id = useId();
  const noteId = `${id}-note`;
  const note = error ?? hint;
  return (
    <FieldContext value={{ id, describedBy: note ? noteId : undefined, invalid: Boolean(error) }}>
      <div className={cx("flex min-w-0 flex-col gap-1", className)}>
        <label htmlFor={id} className="text-xs font-medium text-muted">
          {label}
        </label>
        {children}
        {note ? (
          <p id={noteId} className={cx("text-xs", error ? "text-error" : "text-muted")}>
            {note}
          </p>
        ) : null}
      </div>
    </FieldContext>
  );
}

function useField() {
  const field = useContext(FieldContext);
  if (field === null) return {};
  return {
    id: field.id,
    "aria-describedby": field.describedBy,
    "aria-invalid": field.invalid || undefined,
  };
}

const BOX =
  "w-full min-w-0 rounded-md border border-line-strong/60 bg-panel px-2.5 text-sm text-text placeholder:text-muted disabled:opacity-60 aria-invalid:border-error hover:border-line-strong";

export interface InputProps extends InputHTMLAttributes<HTMLInputElement> {
  ref?: Ref<HTMLInputElement>;
}

export function Input({ className, ...rest }: InputProps) {
  return (
    <input
      autoComplete="off"
      spellCheck={false}
      {...useField()}
      className={cx(BOX, "h-8", className)}
      {...rest}
    />
  );
}

export interface TextareaProps extends TextareaHTMLAttributes<HTMLTextAreaElement> {
  ref?: Ref<HTMLTextAreaElement>;
}

export function Textarea({ className, ...rest }: TextareaProps) {
  return (
    <textarea
      spellCheck={false}
      {...useField()}
      className={cx(BOX, "py-1.5 font-mono", className)}
      {...rest}
    />
  );
}

export interface Option<T extends string = string> {
  value: T;
  label: string;
  disabled?: boolean;
}

export interface SelectProps<T extends string>
  extends Omit<SelectHTMLAttributes<HTMLSelectElement>, "value" | "onChange"> {
  value: T;
  options: readonly Option<T>[];
  onChange: (value: T) => void;
  ref?: Ref<HTMLSelectElement>;
}

export function Select<T extends string>({
  value,
  options,
  onChange,
  className,
  ...rest
}: SelectProps<T>) {
  return (
    <select
      {...useField()}
      value={value}
      onChange={(e) => onChange(e.target.value as T)}
      className={cx(BOX, "h-8 w-auto pr-7", className)}
      {...rest}
    >
      {options.map((option) => (
        <option key={option.value} value={option.value} disabled={option.disabled}>
          {option.label}
        </option>
      ))}
    </select>
  );
}

export interface CheckboxProps
  extends Omit<InputHTMLAttributes<HTMLInputElement>, "onChange" | "type"> {
  label: ReactNode;
  onChange: (checked: boolean) => void;
}

export function Checkbox({ label, onChange, className, ...rest }: CheckboxProps) {
  return (
    <label className={cx("inline-flex min-h-6 items-center gap-2 text-sm", className)}>
      <span className="relative inline-flex size-4 shrink-0">
        <input
          type="checkbox"
          onChange={(e) => onChange(e.target.checked)}
          className="peer size-4 appearance-none rounded border border-line-strong bg-panel checked:border-accent checked:bg-accent"
          {...rest}
        />
        <Check
          aria-hidden="true"
          strokeWidth={3}
          className="pointer-events-none absolute inset-0.5 size-3 text-on-accent opacity-0 peer-checked:opacity-100"
        />
      </span>
      {label}
    </label>
  );
}

export interface SwitchProps {
  label: ReactNode;
  checked: boolean;
  onChange: (checked: boolean) => void;
  disabled?: boolean;
  className?: string;
}

export function Switch({ label, checked, onChange, disabled, className }: SwitchProps) {
  const id = useId();
  return (
    <span className={cx("inline-flex items-center gap-2 text-sm", className)}>
      <button
        type="button"
        role="switch"
        aria-checked={checked}
        aria-labelledby={id}
        disabled={disabled}
        onClick={() => onChange(!checked)}
        className={cx(
          "relative h-5 w-9 shrink-0 rounded-full border transition-colors disabled:opacity-50",
          checked ? "border-accent bg-accent" : "border-line-strong bg-sunken",
        )}
      >
        <span
          className={cx(
            "absolute top-0.5 left-0.5 size-3.5 rounded-full transition-transform",
            checked ? "translate-x-4 bg-on-accent" : "bg-line-strong",
          )}
        />
      </button>
      <span id={id}>{label}</span>
    </span>
  );
}

export interface SliderProps
  extends Omit<InputHTMLAttributes<HTMLInputElement>, "onChange" | "type" | "value"> {
  value: number;
  onChange: (value: number) => void;
  /** The value as words, e.g. "1,200 events/s": shown at the right and read out. */
  text?: string;
}

export function Slider({ value, onChange, text, className, ...rest }: SliderProps) {
  return (
    <span className={cx("flex items-center gap-3", className)}>
      <input
        type="range"
        {...useField()}
        value={value}
        onChange={(e) => onChange(e.target.valueAsNumber)}
        aria-valuetext={text}
        className="h-5 min-w-0 flex-1 accent-accent"
        {...rest}
      />
      {text ? <output className="min-w-16 text-right text-sm">{text}</output> : null}
    </span>
  );
}

// search-field.tsx - an input that finds while one types: the page hears of the text when the
// fingers rest, and a text that comes from elsewhere (Back, a cleared filter) shows at once.
import { Search } from "lucide-react";
import { type Ref, useEffect, useEffectEvent, useState } from "react";
import { cx } from "@/ui/cx";
import { Input } from "@/ui/field";

const TYPING_MS = 250;

interface SearchFieldProps {
  label: string;
  placeholder?: string;
  value: string;
  onChange: (text: string) => void;
  inputRef?: Ref<HTMLInputElement>;
  className?: string;
}

export function SearchField(props: SearchFieldProps) {
  const { label, placeholder, value, onChange, inputRef, className } = props;
  const [typed, setTyped] = useState(value);
  const tell = useEffectEvent(onChange);
  useEffect(() => setTyped(value), [value]);
  useEffect(() => {
    if (typed === value) return;
    const timer = window.setTimeout(() => tell(typed), TYPING_MS);
    return () => window.clearTimeout(timer);
  }, [typed, value]);
  return (
    <search className={cx("relative block w-full sm:max-w-80", className)}>
      <Search
        aria-hidden="true"
        className="pointer-events-none absolute top-2 left-2.5 size-4 text-muted"
      />
      <Input
        ref={inputRef}
        type="search"
        aria-label={label}
        placeholder={placeholder ?? label}
        className="pl-8"
        value={typed}
        onChange={(e) => setTyped(e.target.value)}
        onKeyDown={(e) => {
          if (e.key === "Enter") onChange(typed);
        }}
      />
    </search>
  );
}

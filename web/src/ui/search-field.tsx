// search-field.tsx - an input that finds. `SearchInput` tells each letter, for what is in memory;
// `SearchField` tells the text when the fingers rest, for what goes into the address or to the
// server, and shows at once a text that comes from elsewhere (Back, a cleared filter).
import { Search } from "lucide-react";
import { type Ref, useEffect, useEffectEvent, useState } from "react";
import { cx } from "./cx";
import { Input } from "./field";

const TYPING_MS = 250;

interface SearchProps {
  label: string;
  placeholder?: string;
  value: string;
  onChange: (text: string) => void;
  inputRef?: Ref<HTMLInputElement>;
  className?: string;
}

export function SearchInput(props: SearchProps & { onEnter?: () => void }) {
  const { label, placeholder = label, value, onChange, onEnter, inputRef, className } = props;
  return (
    <span className={cx("relative block min-w-0", className)}>
      <Search
        aria-hidden="true"
        className="pointer-events-none absolute top-2 left-2.5 size-4 text-muted"
      />
      <Input
        ref={inputRef}
        type="search"
        aria-label={label}
        placeholder={placeholder}
        className="pl-8"
        value={value}
        onChange={(e) => onChange(e.target.value)}
        onKeyDown={(e) => {
          if (e.key === "Enter") onEnter?.();
        }}
      />
    </span>
  );
}

export function SearchField({ value, onChange, ...rest }: SearchProps) {
  const [typed, setTyped] = useState(value);
  const tell = useEffectEvent(onChange);
  useEffect(() => setTyped(value), [value]);
  useEffect(() => {
    if (typed === value) return;
    const timer = window.setTimeout(() => tell(typed), TYPING_MS);
    return () => window.clearTimeout(timer);
  }, [typed, value]);
  return (
    <SearchInput {...rest} value={typed} onChange={setTyped} onEnter={() => onChange(typed)} />
  );
}

// copy.tsx - everything worth keeping can be copied: text, requests as curl, blocks of code.
import { Check, Copy, Terminal } from "lucide-react";
import { type ReactNode, useEffect, useRef, useState } from "react";
import { curlOf, type RequestPlan } from "@/api/client";
import { Button, IconButton } from "./button";
import { cx } from "./cx";
import { toastError } from "./toast";

/** Also without a secure context (plain http to another host), where navigator.clipboard is
 * missing. */
export async function copyText(text: string): Promise<void> {
  if (navigator.clipboard !== undefined) {
    await navigator.clipboard.writeText(text);
    return;
  }
  const area = document.createElement("textarea");
  area.value = text;
  area.style.position = "fixed";
  area.style.opacity = "0";
  (document.activeElement?.closest("[role=dialog]") ?? document.body).append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  if (!done) throw new Error("the browser refused the clipboard");
}

const SHOWN_MS = 1500;

/** Copies and says so for a moment. */
export function useCopy(): [copied: boolean, copy: (text: string) => void] {
  const [copied, setCopied] = useState(false);
  const timer = useRef(0);
  useEffect(() => () => window.clearTimeout(timer.current), []);
  const copy = (text: string) => {
    copyText(text).then(
      () => {
        setCopied(true);
        window.clearTimeout(timer.current);
        timer.current = window.setTimeout(() => setCopied(false), SHOWN_MS);
      },
      (error: unknown) => toastError("Could not copy", error),
    );
  };
  return [copied, copy];
}

interface CopyButtonProps {
  /** The text, or what makes it when it is asked for. */
  text: string | (() => string);
  label?: string;
  /** With the label as words, not the icon alone. */
  showLabel?: boolean;
  icon?: typeof Copy;
  className?: string;
}

export function CopyButton(props: CopyButtonProps) {
  const { text, label = "Copy", showLabel, icon = Copy, className } = props;
  const [copied, copy] = useCopy();
  const run = () => copy(typeof text === "function" ? text() : text);
  const shown = copied ? Check : icon;
  if (showLabel) {
    return (
      <Button size="sm" variant="ghost" icon={shown} className={className} onClick={run}>
        {copied ? "Copied" : label}
      </Button>
    );
  }
  return (
    <IconButton
      icon={shown}
      label={copied ? "Copied" : label}
      size="sm"
      className={className}
      onClick={run}
    />
  );
}

/** Copies the request as a curl command. */
export function CopyAsCurl({ plan, showLabel }: { plan: RequestPlan; showLabel?: boolean }) {
  return (
    <CopyButton
      text={() => curlOf(plan)}
      label="Copy as curl"
      icon={Terminal}
      showLabel={showLabel}
    />
  );
}

interface CodeBlockProps {
  text: string;
  /** A caption above. */
  label?: ReactNode;
  /** Long lines are folded instead of scrolled. */
  wrap?: boolean;
  className?: string;
}

export function CodeBlock({ text, label, wrap, className }: CodeBlockProps) {
  return (
    <figure className={cx("min-w-0", className)}>
      {label ? <figcaption className="mb-1 text-xs text-muted">{label}</figcaption> : null}
      <div className="flex items-start rounded-md border border-line bg-sunken">
        <pre
          // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by key.
          tabIndex={0}
          className={cx(
            "min-w-0 flex-1 overflow-x-auto px-3 py-2 font-mono text-xs leading-5",
            wrap && "break-words whitespace-pre-wrap",
          )}
        >
          {text}
        </pre>
        <CopyButton text={text} className="m-1" />
      </div>
    </figure>
  );
}

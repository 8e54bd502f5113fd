// keys.ts - the keyboard: one listener for the whole console. Single letters count only outside of
// inputs and can be switched off; those with Ctrl always count. A page adds its own with useKeys.
import { useEffect, useEffectEvent } from "react";
import { useUi } from "./ui-state";

export interface KeyCommand {
  /** "ctrl+k", "?", "g t" (one after the other), "[" … letters in lower case. */
  keys: string;
  label: string;
  run: () => void;
  /** Where it is listed on the key sheet. */
  group?: string;
}

const commands = new Set<KeyCommand>();
const SEQUENCE_MS = 1200;

let prefix = "";
let prefixAtMs = 0;

export function listedCommands(): KeyCommand[] {
  return [...commands];
}

function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  return (
    target.isContentEditable ||
    target.matches("input:not([type=checkbox]):not([type=range]), textarea, select") ||
    target.closest("[role=menu],[role=listbox],.cm-editor") !== null
  );
}

function keyOf(event: KeyboardEvent): string {
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  return event.ctrlKey || event.metaKey ? `ctrl+${key}` : key;
}

function find(keys: string): KeyCommand | undefined {
  // The newest wins: a page may take a key of the shell for itself.
  return [...commands].reverse().find((command) => command.keys === keys);
}

/** A modal dialog keeps the letters and the focus to itself. */
export function isBehindDialog(): boolean {
  return document.querySelector("[role=dialog][data-state=open]:not([data-passive])") !== null;
}

function onKey(event: KeyboardEvent): void {
  if (event.defaultPrevented || event.altKey || event.isComposing) return;
  const key = keyOf(event);
  const withControl = key.startsWith("ctrl+");
  if (!withControl && (isTyping(event.target) || isBehindDialog() || !useUi.getState().keysOn)) {
    return;
  }
  const fresh = event.timeStamp - prefixAtMs < SEQUENCE_MS;
  const found = (prefix !== "" && fresh ? find(`${prefix} ${key}`) : undefined) ?? find(key);
  prefix = "";
  if (found !== undefined) {
    event.preventDefault();
    found.run();
    return;
  }
  const opens = [...commands].some((command) => command.keys.startsWith(`${key} `));
  if (opens) {
    prefix = key;
    prefixAtMs = event.timeStamp;
  }
}

/** Called once, by the shell. */
export function useKeyListener(): void {
  useEffect(() => {
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, []);
}

/** Adds commands while the component is mounted. Keys and labels must not change from render to
 * render; what they do may. */
export function useKeys(list: readonly KeyCommand[]): void {
  const run = useEffectEvent((keys: string) => list.find((c) => c.keys === keys)?.run());
  const text = list.map((c) => `${c.keys}\t${c.label}\t${c.group ?? ""}`).join("\n");
  useEffect(() => {
    const added: KeyCommand[] = text
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => {
        const [keys = "", label = "", group] = line.split("\t");
        return { keys, label, group: group || undefined, run: () => run(keys) };
      });
    for (const command of added) commands.add(command);
    return () => {
      for (const command of added) commands.delete(command);
    };
  }, [text]);
}

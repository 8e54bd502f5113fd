// editor.tsx - the text of a tab in CodeMirror, a chunk of its own: the server's SQL dialect,
// completion from the catalog, what the server finds wrong. Each tab keeps its own undo history.
// Tab indents; Esc then Tab leaves the editor.
import {
  autocompletion,
  type Completion,
  type CompletionContext,
  type CompletionResult,
  closeBrackets,
  closeBracketsKeymap,
  closeCompletion,
  completionKeymap,
} from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { SQLDialect } from "@codemirror/lang-sql";
import {
  bracketMatching,
  HighlightStyle,
  indentOnInput,
  LanguageSupport,
  syntaxHighlighting,
} from "@codemirror/language";
import { type Diagnostic, linter, lintKeymap, setDiagnostics } from "@codemirror/lint";
import { highlightSelectionMatches, search, searchKeymap } from "@codemirror/search";
import { Compartment, EditorState, type Extension, Prec } from "@codemirror/state";
import {
  drawSelection,
  EditorView,
  highlightActiveLine,
  highlightActiveLineGutter,
  keymap,
  lineNumbers,
  placeholder,
} from "@codemirror/view";
import { tags as t } from "@lezer/highlight";
import { type Ref, useEffect, useEffectEvent, useImperativeHandle, useRef } from "react";
import { afterDot, type CatalogIndex, inReach, type Suggestion, type Words } from "./complete";
import { statementAt } from "./statements";

export interface EditorProblem {
  from: number;
  to: number;
  message: string;
}

export interface EditorHandle {
  focus: () => void;
  insert: (text: string) => void;
  /** The chosen text and its place; empty when there is only a cursor. */
  selection: () => { from: number; to: number; text: string };
  goTo: (position: number) => void;
  showProblems: (problems: readonly EditorProblem[]) => void;
}

interface EditorProps {
  ref?: Ref<EditorHandle>;
  tab: string;
  value: string;
  words: Words | undefined;
  suggestions: readonly Suggestion[];
  index: CatalogIndex | undefined;
  onChange: (tab: string, value: string) => void;
  onRun: (what: "statement" | "all") => void;
  onSave: () => void;
  /** What is wrong with the text; asked when typing rests. */
  check: (text: string) => Promise<readonly EditorProblem[]>;
}

const LINT_MS = 700;

const highlight = HighlightStyle.define([
  { tag: [t.keyword, t.operatorKeyword], color: "var(--info)", fontWeight: "500" },
  { tag: [t.typeName, t.standard(t.name)], color: "var(--accent)" },
  { tag: [t.string, t.special(t.string)], color: "var(--ok)" },
  { tag: [t.number, t.bool, t.null], color: "var(--warn)" },
  { tag: [t.lineComment, t.blockComment], color: "var(--muted)", fontStyle: "italic" },
  { tag: [t.operator, t.punctuation, t.paren, t.bracket], color: "var(--muted)" },
]);

const theme = EditorView.theme({
  "&": { height: "100%", fontSize: "0.8125rem", backgroundColor: "var(--panel)" },
  "&.cm-focused": { outline: "none" },
  ".cm-scroller": { fontFamily: "var(--font-mono)", lineHeight: "1.55" },
  ".cm-content": { caretColor: "var(--text)", padding: "8px 0" },
  ".cm-cursor, .cm-dropCursor": { borderLeftColor: "var(--text)" },
  ".cm-gutters": {
    backgroundColor: "var(--panel)",
    color: "var(--muted)",
    border: "none",
    paddingRight: "4px",
  },
  ".cm-activeLine": { backgroundColor: "color-mix(in srgb, var(--hover) 55%, transparent)" },
  ".cm-activeLineGutter": { backgroundColor: "transparent", color: "var(--text)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground":
    { backgroundColor: "color-mix(in srgb, var(--accent) 28%, transparent)" },
  ".cm-selectionMatch": { backgroundColor: "color-mix(in srgb, var(--warn) 22%, transparent)" },
  "&.cm-focused .cm-matchingBracket": {
    backgroundColor: "var(--accent-soft)",
    outline: "1px solid var(--line-strong)",
  },
  ".cm-placeholder": { color: "var(--muted)" },
  ".cm-tooltip": {
    backgroundColor: "var(--raised)",
    color: "var(--text)",
    border: "1px solid var(--line)",
    borderRadius: "6px",
    boxShadow: "var(--shadow-raised)",
    overflow: "hidden",
  },
  ".cm-tooltip.cm-tooltip-autocomplete > ul": { fontFamily: "var(--font-mono)", maxHeight: "16em" },
  ".cm-tooltip-autocomplete ul li": { padding: "2px 8px !important" },
  ".cm-tooltip-autocomplete ul li[aria-selected]": {
    backgroundColor: "var(--accent-soft) !important",
    color: "var(--text) !important",
  },
  ".cm-completionDetail": { color: "var(--muted)", fontStyle: "normal", marginLeft: "1em" },
  ".cm-completionMatchedText": {
    textDecoration: "none",
    fontWeight: "700",
    color: "var(--accent)",
  },
  ".cm-completionInfo": { maxWidth: "24rem", padding: "6px 10px", fontSize: "0.8125rem" },
  ".cm-completionIcon": { display: "none" },
  ".cm-diagnostic": { padding: "6px 10px", borderLeft: "3px solid var(--error)" },
  ".cm-diagnosticText": { whiteSpace: "pre-wrap" },
  ".cm-panels": { backgroundColor: "var(--sunken)", color: "var(--text)" },
  ".cm-panels.cm-panels-bottom": { borderTop: "1px solid var(--line)" },
  ".cm-textfield": {
    backgroundColor: "var(--panel)",
    border: "1px solid var(--line-strong)",
    color: "var(--text)",
  },
  ".cm-button": {
    backgroundImage: "none",
    backgroundColor: "var(--panel)",
    border: "1px solid var(--line)",
    color: "var(--text)",
  },
});

const attributes = EditorView.contentAttributes.of({
  "aria-label": "SQL editor. Escape, then Tab, leaves it.",
  spellcheck: "false",
  autocorrect: "off",
  autocapitalize: "off",
});

function dialectOf(words: Words | undefined): Extension {
  const dialect = SQLDialect.define({
    keywords: words?.keywords.join(" ").toLowerCase() ?? "select from where group by order limit",
    types:
      words?.types
        .filter((type) => /^\w+$/.test(type))
        .join(" ")
        .toLowerCase() ?? "",
    builtin:
      words?.functions
        .map((f) => f.name)
        .filter((name) => /^[a-z_]\w*$/.test(name))
        .join(" ") ?? "",
    doubleDollarQuotedStrings: true,
    operatorChars: "*+-%<>!=&|~^/?@",
    identifierQuotes: '"',
  });
  return new LanguageSupport(dialect.language);
}

const LABELS: Record<Suggestion["kind"], string> = {
  column: "property",
  table: "class",
  schema: "namespace",
  function: "function",
  keyword: "keyword",
  type: "type",
};

function completion(s: Suggestion): Completion {
  return {
    label: s.label,
    type: LABELS[s.kind],
    ...(s.detail ? { detail: s.detail } : {}),
    ...(s.info ? { info: s.info } : {}),
    ...(s.apply ? { apply: s.apply } : {}),
    ...(s.boost ? { boost: s.boost } : {}),
  };
}

export default function Editor(props: EditorProps) {
  const { tab, value, words, suggestions, index } = props;
  const host = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView | null>(null);
  const states = useRef(new Map<string, EditorState>());
  const shownTab = useRef(tab);
  const dialect = useRef(new Compartment());
  const source = useRef({ suggestions: [] as Completion[], index: undefined as typeof index });
  const onChange = useEffectEvent((text: string) => props.onChange(shownTab.current, text));
  const onRun = useEffectEvent((what: "statement" | "all") => props.onRun(what));
  const onSave = useEffectEvent(() => props.onSave());
  const check = useEffectEvent((text: string) => props.check(text));

  const extensions = useRef<Extension | null>(null);
  extensions.current ??= [
    lineNumbers(),
    highlightActiveLineGutter(),
    highlightActiveLine(),
    history(),
    drawSelection(),
    indentOnInput(),
    bracketMatching(),
    closeBrackets(),
    highlightSelectionMatches(),
    search({ top: false }),
    EditorState.allowMultipleSelections.of(true),
    EditorView.lineWrapping,
    placeholder("SELECT … then Ctrl-Enter"),
    theme,
    attributes,
    syntaxHighlighting(highlight),
    dialect.current.of(dialectOf(words)),
    autocompletion({
      override: [(context) => complete(context, source.current)],
      maxRenderedOptions: 60,
      icons: false,
    }),
    Prec.highest(
      keymap.of([
        { key: "Mod-Enter", run: handled(() => onRun("statement")) },
        { key: "Mod-Shift-Enter", run: handled(() => onRun("all")) },
        { key: "Mod-s", run: handled(onSave), preventDefault: true },
      ]),
    ),
    keymap.of([
      ...closeBracketsKeymap,
      ...defaultKeymap,
      ...searchKeymap,
      ...historyKeymap,
      ...completionKeymap,
      ...lintKeymap,
      indentWithTab,
    ]),
    linter(async (v) => [...diagnostics(v, await check(v.state.doc.toString()))], {
      delay: LINT_MS,
    }),
    EditorView.updateListener.of((update) => {
      if (update.docChanged) onChange(update.state.doc.toString());
    }),
  ];

  useEffect(() => {
    if (host.current === null) return;
    const made = new EditorView({
      parent: host.current,
      state: EditorState.create({ extensions: extensions.current ?? [] }),
    });
    view.current = made;
    return () => {
      made.destroy();
      view.current = null;
    };
  }, []);

  useEffect(() => {
    const editor = view.current;
    if (editor === null) return;
    if (shownTab.current !== tab) {
      states.current.set(shownTab.current, editor.state);
      shownTab.current = tab;
      const kept = states.current.get(tab);
      editor.setState(
        kept ?? EditorState.create({ doc: value, extensions: extensions.current ?? [] }),
      );
    }
    if (editor.state.doc.toString() !== value) {
      editor.dispatch({ changes: { from: 0, to: editor.state.doc.length, insert: value } });
    }
  }, [tab, value]);

  useEffect(() => {
    view.current?.dispatch({ effects: dialect.current.reconfigure(dialectOf(words)) });
  }, [words]);

  useEffect(() => {
    source.current = { suggestions: suggestions.map(completion), index };
  }, [suggestions, index]);

  useImperativeHandle(props.ref, () => ({
    focus: () => view.current?.focus(),
    insert: (text) => {
      const editor = view.current;
      if (editor === null) return;
      editor.dispatch(editor.state.replaceSelection(text), { userEvent: "input" });
      editor.focus();
    },
    selection: () => {
      const state = view.current?.state;
      const { from, to } = state?.selection.main ?? { from: 0, to: 0 };
      return { from, to, text: state?.sliceDoc(from, to) ?? "" };
    },
    goTo: (position) => {
      const editor = view.current;
      if (editor === null) return;
      const at = Math.min(position, editor.state.doc.length);
      editor.dispatch({ selection: { anchor: at }, scrollIntoView: true });
      editor.focus();
    },
    showProblems: (problems) => {
      const editor = view.current;
      if (editor === null) return;
      editor.dispatch(setDiagnostics(editor.state, diagnostics(editor, problems)));
    },
  }));

  return <div ref={host} className="h-full min-h-0 overflow-hidden" />;
}

function handled(work: () => void): (view: EditorView) => boolean {
  return (view) => {
    closeCompletion(view);
    work();
    return true;
  };
}

function diagnostics(view: EditorView, problems: readonly EditorProblem[]): Diagnostic[] {
  const { length } = view.state.doc;
  return problems.map(({ from, to, message }) => {
    const start = Math.min(from, length);
    return {
      from: start,
      to: Math.min(Math.max(to, start), length),
      severity: "error",
      message,
    };
  });
}

interface CompletionData {
  suggestions: readonly Completion[];
  index: CatalogIndex | undefined;
}

const DOTTED = /((?:[\w\u0080-\uffff]+|"(?:[^"]|"")+")\.)+[\w\u0080-\uffff]*$/;

function complete(context: CompletionContext, data: CompletionData): CompletionResult | null {
  const text = context.state.doc.toString();
  const sql = statementAt(text, context.pos)?.sql ?? "";
  const line = context.state.doc.lineAt(context.pos);
  const before = text.slice(line.from, context.pos);
  const dotted = DOTTED.exec(before)?.[0];
  if (dotted !== undefined && data.index !== undefined) {
    const parts = dotted.match(/"(?:[^"]|"")+"|[^."]+/g) ?? [];
    const typed = dotted.endsWith(".") ? "" : (parts.pop() ?? "");
    const path = parts.map((part) => part.replace(/^"|"$/g, "").replaceAll('""', '"'));
    const found = afterDot(data.index, sql, path);
    if (found.length === 0) return null;
    return {
      from: context.pos - typed.length,
      options: found.map(completion),
      validFor: /^[\w\u0080-\uffff]*$/,
    };
  }
  const word = context.matchBefore(/[\w\u0080-\uffff]+/);
  if (word === null && !context.explicit) return null;
  if (word !== null && /^\d/.test(word.text)) return null;
  if (isInTextOrComment(before)) return null;
  const near = data.index === undefined ? [] : inReach(data.index, sql).map(completion);
  return {
    from: word?.from ?? context.pos,
    options: [...near, ...data.suggestions],
    validFor: /^[\w\u0080-\uffff]*$/,
  };
}

/** On this line alone: good enough to stay quiet while a text is typed. */
function isInTextOrComment(before: string): boolean {
  if (/--/.test(before.replace(/'[^']*'/g, ""))) return true;
  return (before.match(/'/g)?.length ?? 0) % 2 === 1;
}

// theme.ts - light or dark: the system's choice unless the user overrides it. The outcome is
// written to <html data-theme>; canvases listen here, since CSS variables do not reach them.
import { create } from "zustand";
import { readStored, writeStored } from "@/lib/stored";

export type ThemeChoice = "system" | "light" | "dark";
export type Theme = "light" | "dark";

const KEY = "tarn.theme";
const systemDark = window.matchMedia("(prefers-color-scheme: dark)");

function stored(): ThemeChoice {
  const value = readStored(KEY);
  return value === "light" || value === "dark" ? value : "system";
}

function resolve(choice: ThemeChoice): Theme {
  if (choice !== "system") return choice;
  return systemDark.matches ? "dark" : "light";
}

interface ThemeState {
  choice: ThemeChoice;
  theme: Theme;
  choose: (choice: ThemeChoice) => void;
}

export const useTheme = create<ThemeState>()((set) => ({
  choice: stored(),
  theme: resolve(stored()),
  choose: (choice) => {
    writeStored(KEY, choice === "system" ? null : choice);
    set({ choice, theme: resolve(choice) });
  },
}));

/** Keeps <html data-theme> in step with the choice and with the system. */
export function applyTheme(): void {
  const show = () => {
    document.documentElement.dataset.theme = useTheme.getState().theme;
  };
  show();
  useTheme.subscribe(show);
  systemDark.addEventListener("change", () => {
    const { choice } = useTheme.getState();
    useTheme.setState({ theme: resolve(choice) });
  });
}

// ui-state.ts - what is open in the shell at the moment, and whether the rail is narrow (kept).
import { create } from "zustand";
import { readStored, writeStored } from "@/lib/stored";

const RAIL_KEY = "tarn.rail";
const KEYS_KEY = "tarn.keys";

interface UiState {
  railNarrow: boolean;
  railSheet: boolean;
  palette: boolean;
  keySheet: boolean;
  /** Single-key commands can be switched off (speech input types letters). */
  keysOn: boolean;
  set: (next: Partial<Pick<UiState, "railSheet" | "palette" | "keySheet">>) => void;
  toggleRail: () => void;
  setKeysOn: (on: boolean) => void;
}

export const useUi = create<UiState>()((set) => ({
  railNarrow: readStored(RAIL_KEY) === "narrow",
  railSheet: false,
  palette: false,
  keySheet: false,
  keysOn: readStored(KEYS_KEY) !== "off",
  set,
  toggleRail: () =>
    set((s) => {
      writeStored(RAIL_KEY, s.railNarrow ? null : "narrow");
      return { railNarrow: !s.railNarrow };
    }),
  setKeysOn: (keysOn) => {
    writeStored(KEYS_KEY, keysOn ? null : "off");
    set({ keysOn });
  },
}));

// nav.ts - the pages as the rail, the palette and the keys know them. A page that comes later gets
// a line here and a route in router.tsx.
import {
  Activity,
  Blocks,
  ChartColumn,
  Database,
  Factory,
  Gauge,
  type LucideIcon,
  Radio,
  Settings,
  SquareTerminal,
} from "lucide-react";

export interface NavItem {
  to:
    | "/"
    | "/live"
    | "/analytics"
    | "/topics"
    | "/producers"
    | "/sql"
    | "/build"
    | "/tables"
    | "/settings";
  label: string;
  icon: LucideIcon;
  /** `g` and this key go there. */
  key: string;
  /** What is found there, for the palette's search. */
  words: string;
}

export interface NavGroup {
  label: string;
  items: readonly NavItem[];
}

export const NAV: readonly NavGroup[] = [
  {
    label: "Observe",
    items: [
      { to: "/", label: "Overview", icon: Gauge, key: "o", words: "dashboard health home" },
      { to: "/live", label: "Live", icon: Radio, key: "l", words: "events stream tail" },
      {
        to: "/analytics",
        label: "Analytics",
        icon: ChartColumn,
        key: "a",
        words: "metrics trends types history",
      },
    ],
  },
  {
    label: "Stream",
    items: [
      {
        to: "/topics",
        label: "Topics",
        icon: Activity,
        key: "t",
        words: "records partitions schema dead letters produce",
      },
      {
        to: "/producers",
        label: "Producers",
        icon: Factory,
        key: "p",
        words: "generate load presets made-up events",
      },
    ],
  },
  {
    label: "Lake",
    items: [
      { to: "/sql", label: "SQL", icon: SquareTerminal, key: "s", words: "query editor ask" },
      { to: "/build", label: "Builder", icon: Blocks, key: "b", words: "query visual group" },
      {
        to: "/tables",
        label: "Tables",
        icon: Database,
        key: "d",
        words: "delta files history upload import",
      },
    ],
  },
  {
    label: "System",
    items: [
      {
        to: "/settings",
        label: "Settings",
        icon: Settings,
        key: ",",
        words: "theme zone keys about sign out",
      },
    ],
  },
];

export const PAGES: readonly NavItem[] = NAV.flatMap((group) => group.items);

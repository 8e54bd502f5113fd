// router.tsx - every address of the console. A page is a folder in src/pages with index.tsx (its
// default export, loaded when the page is first opened) and search.ts (its part of the address).
// The time range and zone belong to all pages and are kept from one to the next.
import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  retainSearchParams,
} from "@tanstack/react-router";
import { basePath } from "@/lib/base";
import { parseSearch, stringifySearch, text } from "@/lib/search";
import * as analytics from "@/pages/analytics/search";
import * as build from "@/pages/build/search";
import * as live from "@/pages/live/search";
import * as overview from "@/pages/overview/search";
import * as producer from "@/pages/producer/search";
import * as producers from "@/pages/producers/search";
import * as sql from "@/pages/sql/search";
import * as table from "@/pages/table/search";
import * as tables from "@/pages/tables/search";
import * as topic from "@/pages/topic/search";
import * as topics from "@/pages/topics/search";
import { NotFound, PageCrashed, PagePending } from "./fallbacks";
import { Shell } from "./shell";

export interface RangeSearch {
  from?: string;
  to?: string;
  tz?: string;
}

const root = createRootRoute({
  component: Shell,
  notFoundComponent: NotFound,
  validateSearch: (search: Record<string, unknown>): RangeSearch => ({
    from: text(search.from),
    to: text(search.to),
    tz: text(search.tz),
  }),
  search: { middlewares: [retainSearchParams(["from", "to", "tz"])] },
});

const routes = [
  createRoute({
    getParentRoute: () => root,
    path: "/",
    validateSearch: overview.validateSearch,
    component: lazyRouteComponent(() => import("@/pages/overview")),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/live",
    validateSearch: live.validateSearch,
    component: lazyRouteComponent(() => import("@/pages/live")),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/analytics",
    validateSearch: analytics.validateSearch,
    component: lazyRouteComponent(() => import("@/pages/analytics")),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/topics",
    validateSearch: topics.validateSearch,
    component: lazyRouteComponent(() => import("@/pages/topics")),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/topics/$name",
    validateSearch: topic.validateSearch,
    component: lazyRouteComponent(() => import("@/pages/topic")),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/producers",
    validateSearch: producers.validateSearch,
    component: lazyRouteComponent(() => import("@/pages/producers")),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/producers/$name",
    validateSearch: producer.validateSearch,
    component: lazyRouteComponent(() => import("@/pages/producer")),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/sql",
    validateSearch: sql.validateSearch,
    component: lazyRouteComponent(() => import("@/pages/sql")),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/build",
    validateSearch: build.validateSearch,
    component: lazyRouteComponent(() => import("@/pages/build")),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/tables",
    validateSearch: tables.validateSearch,
    component: lazyRouteComponent(() => import("@/pages/tables")),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/tables/$schema/$name",
    validateSearch: table.validateSearch,
    component: lazyRouteComponent(() => import("@/pages/table")),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/login",
    validateSearch: (search: Record<string, unknown>): { next?: string } => ({
      next: text(search.next),
    }),
    component: lazyRouteComponent(() => import("@/pages/login")),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/settings",
    component: lazyRouteComponent(() => import("@/pages/settings")),
  }),
] as const;

export const router = createRouter({
  routeTree: root.addChildren(routes),
  basepath: basePath,
  parseSearch,
  stringifySearch,
  defaultPreload: "intent",
  scrollRestoration: true,
  defaultPendingMs: 150,
  defaultPendingComponent: PagePending,
  defaultErrorComponent: PageCrashed,
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}

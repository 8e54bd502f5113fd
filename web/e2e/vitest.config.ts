// The browser tests: each file has a server and a browser of its own, so two files run at a time.
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    root: new URL("..", import.meta.url).pathname,
    include: ["e2e/**/*.spec.ts"],
    environment: "node",
    pool: "forks",
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Told by flaky.ts: a browser on a busy machine loses races that no user sees.
    retry: 1,
  },
});

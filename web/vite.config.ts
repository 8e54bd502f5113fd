// The build: static files with hashed names under assets/, all paths relative, so that the server
// can hand them out below any prefix. Editor, static charts and palette are chunks of their own:
// the first page loads none of them.
import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import type { Plugin, ProxyOptions } from "vite";
import { defineConfig } from "vitest/config";

// The server puts the right <base href> into index.html; in development the page is at "/".
function devBase(): Plugin {
  return {
    name: "tarn-dev-base",
    apply: "serve",
    transformIndexHtml: (html) => html.replace('<base href="./" />', '<base href="/" />'),
  };
}

const server = process.env.TARN_URL ?? "http://127.0.0.1:8276";

// To the server the page must look like its own: it checks Origin where a page changes something or
// opens a WebSocket.
const proxy: ProxyOptions = {
  target: server,
  changeOrigin: true,
  configure: (forward) => {
    forward.on("proxyReq", (request) => {
      if (request.getHeader("origin") !== undefined) request.setHeader("origin", server);
    });
    forward.on("proxyReqWs", (request) => request.setHeader("origin", server));
  },
};

export default defineConfig({
  base: "./",
  plugins: [react(), tailwindcss(), devBase()],
  resolve: { alias: { "@": new URL("./src", import.meta.url).pathname } },
  build: {
    manifest: true,
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 700,
    rolldownOptions: {
      output: {
        codeSplitting: {
          groups: [
            { name: "editor", test: /node_modules\/(@codemirror|@lezer)\// },
            { name: "plot", test: /node_modules\/(@observablehq|d3-[a-z-]+|d3)\// },
          ],
        },
      },
    },
  },
  server: {
    host: "127.0.0.1",
    // The questions of `tarn sample` are the program's own files.
    fs: { allow: [".", "../src/app/samples"] },
    proxy: {
      "/api": proxy,
      "/ws": { ...proxy, ws: true },
      "/info": proxy,
      "/health": proxy,
      "/metrics": proxy,
      "/docs": proxy,
      "/openapi.json": proxy,
    },
  },
  test: {
    environment: "happy-dom",
    include: ["src/**/*.test.{ts,tsx}"],
  },
});

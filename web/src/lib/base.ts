// base.ts - where the console lives. The server puts <base href> into the page so that any prefix
// of a proxy works; read once, since later navigation must not move it.

export const baseUrl = new URL(".", document.baseURI);

/** The router's basepath: "/" or "/prefix/". */
export const basePath = baseUrl.pathname;

/** Absolute URL of a path of the server, e.g. url("api/v1/topics"). */
export function url(path: string): string {
  return new URL(path.replace(/^\/+/, ""), baseUrl).href;
}

/** The same as a WebSocket address. */
export function socketUrl(path: string): string {
  return url(path).replace(/^http/, "ws");
}

// stored.ts - the little that the browser keeps: theme, zone, widths, the open rail. Drafts and
// queries belong to the server.

/** Storage may be forbidden in a private window: the console then forgets, but works. */
export function readStored(key: string): string | null {
  try {
    return window.localStorage.getItem(key);
  } catch {
    return null;
  }
}

export function writeStored(key: string, value: string | null): void {
  try {
    if (value === null) window.localStorage.removeItem(key);
    else window.localStorage.setItem(key, value);
  } catch {
    // Not kept; nothing else depends on it.
  }
}

// A walk reads on until there is enough to show, stops at the end, when it is full, and when it is
// told to, and goes on where it was after a failure.
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { KEPT_MAX, type Page, Walk } from "./walk";

// A store tells at a calm rate: the clock is moved past it.
beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function viewOf(walk: Scripted) {
  vi.runAllTimers();
  return walk.snapshot();
}

type Answer = Page<number> | Error;

/** Reads the given pages, whose names are their numbers. */
class Scripted extends Walk<number> {
  readonly asked: (string | null)[] = [];

  constructor(
    readonly answers: readonly Answer[],
    want = 2,
  ) {
    super(want);
  }

  protected async page(after: string | null): Promise<Page<number>> {
    const answer = this.answers[this.asked.length];
    this.asked.push(after);
    if (answer === undefined || answer instanceof Error) throw answer ?? new Error("no more");
    return answer;
  }
}

it("reads over empty pages until there is enough, and on from there", async () => {
  const walk = new Scripted([
    { rows: [], next: "a", scanned: 10 },
    { rows: [1], next: "b", scanned: 10 },
    { rows: [2, 3], next: "c", scanned: 10 },
    { rows: [4], next: null, scanned: 5 },
  ]);
  await walk.more();
  expect(viewOf(walk)).toMatchObject({ rows: [1, 2, 3], state: "resting", scanned: 30 });
  await walk.more();
  expect(viewOf(walk)).toMatchObject({ rows: [1, 2, 3, 4], state: "done", scanned: 35 });
  await walk.more();
  expect(walk.asked).toEqual([null, "a", "b", "c"]);
});

it("keeps what it had when a page fails, and asks for that page again", async () => {
  const walk = new Scripted([
    { rows: [1, 2], next: "a" },
    new Error("lost"),
    { rows: [3], next: null },
  ]);
  await walk.more();
  await walk.more();
  expect(viewOf(walk)).toMatchObject({ rows: [1, 2], state: "failed" });
  await walk.more();
  expect(viewOf(walk)).toMatchObject({ rows: [1, 2, 3], state: "done", error: null });
  expect(walk.asked).toEqual([null, "a", "a"]);
});

it("drops the page under way when it is cancelled", async () => {
  const walk = new Scripted([
    { rows: [1, 2], next: "a" },
    { rows: [1, 2], next: null },
  ]);
  const reading = walk.more();
  walk.cancel();
  await reading;
  expect(viewOf(walk)).toMatchObject({ rows: [], state: "cancelled" });
  await walk.more();
  expect(viewOf(walk)).toMatchObject({ rows: [1, 2], state: "done" });
  expect(walk.asked).toEqual([null, null]);
});

it("ends when it is full", async () => {
  const half = Array.from({ length: KEPT_MAX / 2 }, (_, i) => i);
  const walk = new Scripted(
    [
      { rows: half, next: "a" },
      { rows: half, next: "b" },
    ],
    1,
  );
  await walk.more();
  await walk.more();
  await walk.more();
  expect(viewOf(walk).state).toBe("full");
  expect(walk.asked).toHaveLength(2);
});

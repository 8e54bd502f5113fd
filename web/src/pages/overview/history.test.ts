// The past by topic: the series add up to all events, whatever topics came and went.
import { expect, it } from "vitest";
import { seriesByTopic } from "./history";

const answer = (t: number[], values: (number | null)[]) => ({ bucket_seconds: 60, t, values });
const sum = answer([0, 60, 120], [10, 4, null]);

it("what the named topics do not explain is of the others", () => {
  const own = [answer([0, 60, 120], [6, 4, null]), answer([60], [0])];
  expect(seriesByTopic(sum, ["a", "b"], own)).toEqual([
    { label: "a", values: [6, 4, null] },
    { label: "b", values: [null, 0, null] },
    { label: "others", values: [4, 0, null] },
  ]);
});

it("there are no others when the topics are all there was", () => {
  expect(seriesByTopic(sum, ["a"], [sum])).toEqual([{ label: "a", values: [10, 4, null] }]);
});

it("topics that are not known yet are in the sum", () => {
  expect(seriesByTopic(sum, ["a"], [undefined])).toEqual([
    { label: "all topics", values: [10, 4, null] },
  ]);
});

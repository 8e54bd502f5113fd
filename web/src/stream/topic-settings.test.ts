// The fields of a topic's settings: shown exactly, sent only when changed, refused beside the field.
import { expect, test } from "vitest";
import { Problem } from "@/api/problem";
import type { Topic } from "@/api/types";
import { changesOf, draftOf, fieldOf, meaningOf, memberOf, SETTINGS } from "./topic-settings";

const topic: Topic = {
  name: "t",
  table: "t",
  uuid: "",
  partitions: 4,
  durability: "fsync",
  retention_ms: 604_800_000,
  retention_bytes: -1,
  flush_rows: 0,
  flush_age_ms: 1500,
  key: null,
  partition_by: ["_date", "country"],
};

const setting = (name: string) => {
  const found = SETTINGS.find((s) => s.name === name);
  if (found === undefined) throw new Error(name);
  return found;
};

test("a topic's settings fill the fields", () => {
  const draft = draftOf(topic);
  expect(draft.retention_ms).toBe("7d");
  expect(draft.retention_bytes).toBe("");
  expect(draft.flush_rows).toBe("");
  expect(draft.flush_age_ms).toBe("1500ms");
  expect(draft.partition_by).toBe("_date, country");
});

test("only what was changed is sent, empty fields as their meaning", () => {
  const before = draftOf(topic);
  expect(changesOf(before, before)).toEqual({});
  const now = { ...before, retention_ms: "", key: " user ", flush_rows: "1000", partitions: "8 " };
  expect(changesOf(before, now)).toEqual({
    retention_ms: -1,
    key: "user",
    flush_rows: 1000,
    partitions: 8,
  });
});

test("what cannot be read goes to the server as it is", () => {
  expect(memberOf(setting("retention_ms"), "a week")).toBe("a week");
  expect(meaningOf(setting("retention_ms"), "a week")).toBeNull();
  expect(meaningOf(setting("retention_ms"), "7d")).toBe("604,800,000 ms");
  expect(meaningOf(setting("retention_ms"), "")).toBe("no limit");
});

test("a refusal names its field", () => {
  const about = (detail: string) => fieldOf(new Problem({ detail }));
  expect(about('"flush_age_ms" must be between 100 and 5')).toBe("flush_age_ms");
  expect(about("a topic's name has at most 249 bytes")).toBeNull();
});

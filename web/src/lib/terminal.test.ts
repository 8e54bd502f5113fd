import { expect, it } from "vitest";
import { forServer } from "./terminal";

it("names the server where it is not the default one", () => {
  expect(forServer("tarn query 'SELECT 1'", "http://127.0.0.1:8276/")).toBe(
    "tarn query 'SELECT 1'",
  );
  expect(forServer("tarn dead count a", "http://h:1/lake/")).toBe(
    "tarn dead count a --server http://h:1/lake/",
  );
  expect(forServer("tarn sample d && tarn import d/a.csv", "http://h:1/")).toBe(
    "tarn sample d && tarn import d/a.csv --server http://h:1/",
  );
  expect(forServer("curl http://h:1/info", "http://h:1/")).toBe("curl http://h:1/info");
});

import { expect, test } from "vitest";
import { linkOf, pack, unpack } from "./link";

test("a short statement is readable in the address", async () => {
  expect(await linkOf("SELECT 1", undefined)).toEqual({ q: "SELECT 1" });
});

test("a long one is packed and comes back whole", async () => {
  const sql = `SELECT '${"ä€😀 x".repeat(400)}'`;
  const link = await linkOf(sql, undefined);
  expect(link.q).toBeUndefined();
  expect(link.z).toMatch(/^[A-Za-z0-9_-]+$/);
  expect(await unpack(link.z ?? "")).toBe(sql);
});

test("a saved one goes by its name, nothing is left out of an empty one", async () => {
  expect(await linkOf("SELECT 1", "sales:daily")).toEqual({ saved: "sales:daily" });
  expect(await linkOf("  ", undefined)).toEqual({});
});

test("what cannot be packed small enough stays out of the address", async () => {
  let noise = "";
  for (let i = 0, seed = 7; i < 20_000; i++) {
    seed = (seed * 48_271) % 2_147_483_647;
    noise += String.fromCharCode(33 + (seed % 90));
  }
  expect(await linkOf(noise, undefined)).toEqual({});
});

test("broken texts are none", async () => {
  expect(await unpack("no*base64")).toBeUndefined();
  expect(await unpack("AAAA")).toBeUndefined();
  expect(await unpack((await pack("select 1")).slice(0, 4))).toBeUndefined();
});

// Signing in: a server with a token shows nothing but where to give it, and then everything.
import { test as base, checkAccess, expect, ready, Server, screens } from "./rig";

const TOKEN = "a-token-for-the-tests-0123";

const test = base.extend({
  server: [
    // biome-ignore lint/correctness/noEmptyPattern: the form that vitest asks for
    async ({}, use: (server: Server) => Promise<void>) => {
      const server = await Server.start({ token: TOKEN });
      await use(server);
      await server.stop();
    },
    { scope: "file" },
  ],
});

test("the token opens the console, and signing in is remembered", async ({ page, watch }) => {
  watch.allow(/status of 401/);
  watch.allow(/WebSocket connection to .* failed/);
  await page.goto("/login");
  await page.getByLabel("Token").fill("wrong-wrong-wrong");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByText(/not (known|the server's token)/i).waitFor();
  await checkAccess(page);
  await screens(page, "login");
  await page.getByLabel("Token").fill(TOKEN);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.waitForURL((url) => !url.pathname.endsWith("/login"));
  await ready(page);
  const cookies = await page.context().cookies();
  expect(cookies.map(({ name, httpOnly, sameSite }) => ({ name, httpOnly, sameSite }))).toEqual([
    { name: "tarn_session", httpOnly: true, sameSite: "Strict" },
  ]);
  await page.goto("/topics");
  await ready(page);
  expect(await page.getByLabel("Token").count()).toBe(0);
});

test("without a session a page asks for the token where it is", async ({ page, watch }) => {
  watch.allow(/status of 401/);
  watch.allow(/WebSocket connection to .* failed/);
  await page.goto("/topics");
  await page.getByLabel("Token").waitFor();
  await page.getByLabel("Token").fill(TOKEN);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByLabel("Token").waitFor({ state: "detached" });
  expect(new URL(page.url()).pathname).toBe("/topics");
});

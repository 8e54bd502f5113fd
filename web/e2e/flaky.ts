// flaky.ts - a reporter: tells of tests that passed at the second try only, and why the first failed.
// Such a test has found a race, in itself or in the console: mend it, as any other that fails.
import type { Reporter, TestCase } from "vitest/node";

export default class Flaky implements Reporter {
  private readonly found: string[] = [];

  onTestCaseResult(test: TestCase): void {
    if (!test.diagnostic()?.flaky) return;
    const why = test.result().errors?.map((error) => error.message) ?? [];
    this.found.push(`${test.module.relativeModuleId} > ${test.fullName}\n${why.join("\n")}`);
  }

  onTestRunEnd(): void {
    for (const text of this.found) {
      process.stdout.write(`\nflaky, passed at the second try: ${text}\n`);
    }
  }
}

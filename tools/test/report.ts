// What one step of `npm test` came to, and the failures by name: the last lines of a long log are what a person reads first.

/** One thing that failed, and the first words of why. */
export interface Failure {
  readonly name: string;
  readonly reason: string;
}

export interface StepResult {
  readonly passed: number;
  readonly failures: readonly Failure[];
}

interface VitestReport {
  readonly numPassedTests: number;
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly message?: string;
    readonly assertionResults: readonly {
      readonly fullName: string;
      readonly status: string;
      readonly failureMessages?: readonly string[] | null;
    }[];
  }[];
}

const REASON_LINES = 12;
const REASON_CHARS = 2_000;

/**
 * Reads vitest's JSON report.
 * @param text the report, or undefined when vitest wrote none
 * @param code the exit code of vitest
 * @param step how the step is called, for what belongs to no test
 */
export function readVitestReport(text: string | undefined, code: number, step: string): StepResult {
  const report = parse(text);
  if (report === undefined) return { passed: 0, failures: [{ name: step, reason: `vitest ended with ${code} and no report` }] };
  const failures = report.testResults.flatMap(({ name, status, message, assertionResults }): Failure[] => {
    const failed = assertionResults.filter((test) => test.status === 'failed');
    if (failed.length > 0) return failed.map((test) => ({ name: test.fullName, reason: shorten(test.failureMessages?.join('\n') ?? '') }));
    // A file that could not be loaded, or whose hook failed, has no test that did.
    return status === 'failed' ? [{ name, reason: shorten(message ?? '') }] : [];
  });
  if (code !== 0 && failures.length === 0) {
    failures.push({
      name: step,
      reason: `vitest ended with ${code}, no test failed: a threshold of coverage or an unhandled error, see its output`,
    });
  }
  return { passed: report.numPassedTests, failures };
}

/** The closing lines of a whole run: each failure by name, then the counts alone on a line. */
export function summarize(results: readonly StepResult[]): string {
  const failures = results.flatMap((result) => result.failures);
  const passed = results.reduce((total, result) => total + result.passed, 0);
  const named = failures.map(({ name, reason }) => `FAILED ${name}\n${reason.replaceAll(/^/gmu, '    ')}\n`);
  return `${named.join('')}\n${passed} passed, ${failures.length} failed\n`;
}

function parse(text: string | undefined): VitestReport | undefined {
  try {
    return text === undefined ? undefined : (JSON.parse(text) as VitestReport);
  } catch {
    return undefined;
  }
}

function shorten(message: string): string {
  return message.split('\n').slice(0, REASON_LINES).join('\n').slice(0, REASON_CHARS).trim();
}

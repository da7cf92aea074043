// What the steps of `npm test` came to: the last lines of a long log, which a person reads first, name what failed and what was skipped.

/** One thing that failed, and the first words of why. */
export interface Failure {
  readonly name: string;
  readonly reason: string;
}

/** One test that did not run, and what it needs that is not here. */
export interface Skip {
  readonly name: string;
  readonly reason: string;
}

export interface StepResult {
  readonly passed: number;
  readonly failures: readonly Failure[];
  readonly skips: readonly Skip[];
}

/** How long a part of the run took. */
export interface Phase {
  readonly name: string;
  readonly seconds: number;
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
      readonly meta?: { readonly needs?: string };
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
  if (report === undefined) return { passed: 0, failures: [{ name: step, reason: `vitest ended with ${code} and no report` }], skips: [] };
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
  return { passed: report.numPassedTests, failures, skips: findSkips(report) };
}

/** A test that did not run in a file that failed is no skip: its file is among the failures. */
function findSkips({ testResults }: VitestReport): readonly Skip[] {
  const whole = testResults.filter(({ status }) => status !== 'failed');
  return whole.flatMap(({ assertionResults }) =>
    assertionResults
      .filter(({ status }) => status !== 'passed' && status !== 'failed')
      .map(({ fullName, meta }) => ({
        name: fullName,
        reason: meta?.needs === undefined ? 'the test does not say why' : `needs ${meta.needs}`,
      })),
  );
}

/** The closing lines of a whole run: the time of each phase, each skip and each failure by name, then the counts alone on a line. */
export function summarize(results: readonly StepResult[], phases: readonly Phase[]): string {
  const failures = results.flatMap((result) => result.failures);
  const skips = results.flatMap((result) => result.skips);
  const passed = results.reduce((total, result) => total + result.passed, 0);
  const failed = failures.map(({ name, reason }) => `FAILED ${name}\n${reason.replaceAll(/^/gmu, '    ')}\n`);
  const skipped = skips.map(({ name, reason }) => `SKIPPED ${name}: ${reason}\n`);
  const counts = `${passed} passed, ${failures.length} failed, ${skips.length} skipped\n`;
  return `${describePhases(phases)}\n${skipped.join('')}${failed.join('')}\n${counts}`;
}

function describePhases(phases: readonly Phase[]): string {
  const total = { name: 'together', seconds: phases.reduce((sum, { seconds }) => sum + seconds, 0) };
  return [...phases, total].map(({ name, seconds }) => `${sayMinutes(seconds)}  ${name}\n`).join('');
}

function sayMinutes(seconds: number): string {
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, '0')} min`.padStart(9);
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

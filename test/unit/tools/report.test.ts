import { describe, expect, it } from 'vitest';
import { readVitestReport, summarize } from '../../../tools/test/report.ts';

function report(passed: number, testResults: readonly object[]): string {
  return JSON.stringify({ numPassedTests: passed, testResults });
}

describe('what a step of npm test came to', () => {
  it('the report of npm test names each failed test with the first words of why', () => {
    const text = report(1, [
      {
        name: '/a.test.ts',
        status: 'failed',
        message: '',
        assertionResults: [
          { fullName: 'a does', status: 'passed', failureMessages: [] },
          { fullName: 'a does not', status: 'failed', failureMessages: [`expected 1 to be 2\n${'    at somewhere\n'.repeat(40)}`] },
        ],
      },
    ]);
    const { passed, failures } = readVitestReport(text, 1, 'step');
    expect(passed).toBe(1);
    expect(failures).toHaveLength(1);
    expect(failures[0]).toMatchObject({ name: 'a does not' });
    expect(failures[0]?.reason.split('\n')[0]).toBe('expected 1 to be 2');
    expect(failures[0]?.reason.split('\n').length).toBeLessThan(20);
  });

  it('the report of npm test counts a file that could not be loaded', () => {
    const text = report(0, [{ name: '/b.test.ts', status: 'failed', message: 'Cannot find module', assertionResults: [] }]);
    expect(readVitestReport(text, 1, 'step').failures).toEqual([{ name: '/b.test.ts', reason: 'Cannot find module' }]);
  });

  it('the report of npm test counts a file whose hook failed after its tests had passed', () => {
    const assertionResults = [{ fullName: 'c does', status: 'passed', failureMessages: [] }];
    const text = report(1, [{ name: '/c.test.ts', status: 'failed', message: 'Hook timed out', assertionResults }]);
    expect(readVitestReport(text, 1, 'step')).toEqual({
      passed: 1,
      failures: [{ name: '/c.test.ts', reason: 'Hook timed out' }],
      skips: [],
    });
  });

  it('the report of npm test counts a threshold that was missed though every test passed', () => {
    const { failures } = readVitestReport(report(5, []), 1, 'unit tests');
    expect(failures).toEqual([{ name: 'unit tests', reason: expect.stringContaining('threshold') as string }]);
  });

  it.each([undefined, '{'])('the report of npm test counts a run without a report that can be read: %s', (text) => {
    expect(readVitestReport(text, 127, 'unit tests').failures).toEqual([
      { name: 'unit tests', reason: 'vitest ended with 127 and no report' },
    ]);
  });

  it('the report of npm test names each test that was skipped with what it needs, and leaves out those of a file that failed', () => {
    const skipped = { status: 'skipped', failureMessages: [] };
    const text = report(0, [
      {
        name: '/d.test.ts',
        status: 'passed',
        assertionResults: [
          { ...skipped, fullName: 'd reads', meta: { needs: 'the program promtool on the PATH' } },
          { ...skipped, fullName: 'd writes', meta: {} },
        ],
      },
      { name: '/e.test.ts', status: 'failed', message: 'Hook timed out', assertionResults: [{ ...skipped, fullName: 'e never began' }] },
    ]);
    expect(readVitestReport(text, 0, 'step').skips).toEqual([
      { name: 'd reads', reason: 'needs the program promtool on the PATH' },
      { name: 'd writes', reason: 'the test does not say why' },
    ]);
  });

  it('the report of npm test closes with the phases, what was skipped and what failed by name, and then the plain line of counts', () => {
    const steps = [
      { passed: 2, failures: [], skips: [{ name: 'd reads', reason: 'needs promtool' }] },
      { passed: 3, failures: [{ name: 'a does not', reason: 'expected 1\nto be 2' }], skips: [] },
    ];
    const phases = [
      { name: 'unit tests', seconds: 61.4 },
      { name: 'cluster tests', seconds: 660 },
    ];
    expect(summarize(steps, phases)).toBe(
      [
        ' 1:01 min  unit tests',
        '11:00 min  cluster tests',
        '12:01 min  together',
        '',
        'SKIPPED d reads: needs promtool',
        'FAILED a does not',
        '    expected 1',
        '    to be 2',
        '',
        '5 passed, 1 failed, 1 skipped',
        '',
      ].join('\n'),
    );
  });
});

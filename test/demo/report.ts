// The figures at the end of the demo, as a table.

import { MOST_EXPOSURE_SECONDS, type Outcome } from './outcome.ts';
import { paint } from './view.ts';

function formatTime(atMs: number | undefined): string {
  return atMs === undefined ? 'none' : new Date(atMs).toISOString().slice(11, 23);
}

function formatSeconds(seconds: number | undefined): string {
  return seconds === undefined ? '-' : `${seconds.toFixed(2)} s`;
}

function formatRow(cells: readonly string[]): string {
  return `  ${cells.map((cell, index) => (index === 0 ? cell.padEnd(26) : cell.padStart(11))).join('')}`;
}

function formatStages({ act, stages }: Outcome): readonly string[] {
  const head = formatRow([`share of ${act.version}`, 'asked', 'measured', 'requests', 'bad']);
  const rows = stages.map(({ askedPercent, measuredPercent, requests, badAnswers }, index) =>
    formatRow([
      askedPercent === 0 ? 'home again' : `${index + 1}.`,
      `${askedPercent.toFixed(0)}%`,
      `${measuredPercent.toFixed(1)}%`,
      String(requests),
      String(badAnswers),
    ]),
  );
  return [paint('dim', head), ...rows];
}

/** The table of one act. */
export function formatOutcome(outcome: Outcome): string {
  const { act, requests, badAnswers, seconds, reached } = outcome;
  const result = reached ? (act.expected === 'Promoted' ? 'promoted' : 'rolled back') : `NOT ${act.expected}`;
  const lines = [
    `${paint('bold', act.title)}: ${paint(reached ? 'green' : 'red', result)} after ${seconds.toFixed(1)} s`,
    ...formatStages(outcome),
    formatRow(['requests', String(requests)]),
    formatRow(['bad answers', String(badAnswers)]),
  ];
  if (act.expected === 'RolledBack') {
    lines.push(
      formatRow(['first bad answer', '', formatTime(outcome.firstBadAtMs)]),
      formatRow(['last bad answer', '', formatTime(outcome.lastBadAtMs)]),
      formatRow(['exposure', formatSeconds(outcome.exposureSeconds), `  (goal: at most ${MOST_EXPOSURE_SECONDS} s)`]),
      formatRow(['first bad answer to home', formatSeconds(outcome.homeSeconds)]),
    );
  }
  return `${lines.join('\n')}\n`;
}

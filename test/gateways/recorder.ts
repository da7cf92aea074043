// Keeps the answers of a run in a file, question by question, so that a run that breaks off keeps what it has.

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import type { Answers } from './questions.ts';

const FILE = process.env['GLIDEPATH_GATEWAY_ANSWERS'] ?? '';

/** Takes note of the answer to a question. */
export function record<Q extends keyof Answers>(question: Q, answer: NonNullable<Answers[Q]>): void {
  process.stdout.write(`  ${question}: ${JSON.stringify(answer)}\n`);
  if (FILE === '') return;
  const before = existsSync(FILE) ? (JSON.parse(readFileSync(FILE, 'utf8')) as Answers) : {};
  writeFileSync(FILE, JSON.stringify({ ...before, [question]: answer }));
}

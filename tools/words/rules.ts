// The words that we do not write, each with what to write instead. Names (of fields, metrics, types) are not prose and not looked at.

import type { Reader } from './prose.ts';

export interface WordRule {
  /** Whole words, of any case. */
  readonly words: RegExp;
  /** What to write. */
  readonly write: string;
  /** Only what this reader reads; both where absent. */
  readonly reader?: Reader;
}

export const WORD_RULES: readonly WordRule[] = [
  { words: /\b(?:told|tells?|telling)\b/, write: 'reported, announced, said in the message' },
  { words: /\bnobody\b/, write: 'no one, or the object that is missing: "no field manager", "not handled"' },
  { words: /\b(?:by|of) (?:itself|themselves)\b/, write: 'automatically, or leave it out' },
  { words: /\banew\b/, write: 'again, recreated, restarted' },
  { words: /\bshall\b/, write: 'must, or the present tense' },
  { words: /\b(?:go|goes|going|went) on\b/, write: 'continues, advances, resumes' },
  { words: /\b(?:take|takes|taking|took|taken) the routes?\b/, write: 'claims the route' },
  { words: /\b(?:nowhere|otherwise than)\b/, write: 'not ... in any route; differently from' },
  {
    words: /\b(?:mend|mends|mended|heed|heeds|heeded|hitherto|thereof|whereby|wherein|lest|henceforth)\b/,
    write: 'fix, follow, or a plain word',
  },
  { words: /(?<!\/)\bhome\b/, write: 'rolled back, all traffic to Service x', reader: 'user' },
  { words: /\b(?:looks?|looked at)\b/, write: 'evaluation', reader: 'user' },
  { words: /\b(?:proven|unproven)\b/, write: 'passed; released', reader: 'user' },
  { words: /\b(?:put|puts|putting) back\b/, write: 'reverted', reader: 'user' },
];

/** One place that says a word of the table. */
export interface WordFinding {
  readonly index: number;
  readonly found: string;
  readonly write: string;
}

/** Every place of a piece of prose that breaks a rule. */
export function findWords(reader: Reader, text: string, rules: readonly WordRule[] = WORD_RULES): readonly WordFinding[] {
  return rules
    .filter((rule) => rule.reader === undefined || rule.reader === reader)
    .flatMap(({ words, write }) =>
      [...text.matchAll(spanning(words))].map((match) => ({ index: match.index, found: oneLine(match[0]), write })),
    )
    .toSorted((one, other) => one.index - other.index);
}

/** A space of a rule is any white space: comments and pages are wrapped. */
function spanning({ source }: RegExp): RegExp {
  return new RegExp(source.replaceAll(' ', String.raw`\s+`), 'gi');
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ');
}

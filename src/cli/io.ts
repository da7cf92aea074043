// What a command may do to the outside: two streams, files, and the time. Tests hand in their own.

/** The world of one call of the command line. */
export interface CliIo {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** Is somebody looking at the output? Then it may have colours. */
  readonly outIsTerminal: boolean;
  readonly errIsTerminal: boolean;
  /** Puts a question to the person at the keyboard and resolves with the line; absent where nobody sits there. */
  readonly ask?: (question: string) => Promise<string>;
  /** Width of the terminal; of a file, what fits on a page. */
  readonly columns: number;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Whole text of a file; `-` is the standard input. @throws whatever the system says */
  readonly readText: (path: string) => Promise<string>;
  /** Unix milliseconds. */
  readonly now: () => number;
  /** The program as a file that threads can start from, and how many threads; absent: everything is done in this one. */
  readonly workers?: { readonly entry: URL; readonly count: number };
  /** Lets everything else have its turn: signals, and the other side of a test. */
  readonly breathe: () => Promise<void>;
}

/** Exit codes, the same for every command. */
export const EXIT = { ok: 0, failed: 1, usage: 2 } as const;
/** Exit codes of `watch`, for pipelines; there wrong options end with 1. */
export const WATCH_EXIT = { promoted: 0, rolledBack: 2, needsPerson: 3, timeout: 4, superseded: 5 } as const;
/** One of the documented exit codes. */
export type ExitCode = (typeof EXIT)[keyof typeof EXIT] | (typeof WATCH_EXIT)[keyof typeof WATCH_EXIT];

// What a command may use of the outside: two streams, files, and the time. Tests pass their own.

/** The world of one call of the command line. */
export interface CliIo {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** Whether the output is a terminal, which may have colours. */
  readonly outIsTerminal: boolean;
  readonly errIsTerminal: boolean;
  /** Asks the person at the terminal and resolves with the answer; absent where there is no terminal. */
  readonly ask?: (question: string) => Promise<string>;
  /** Width of the terminal; of a file, what fits on a page. */
  readonly columns: number;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Whole text of a file; `-` is the standard input. @throws whatever the system says */
  readonly readText: (path: string) => Promise<string>;
  /** Unix milliseconds. */
  readonly now: () => number;
  /** Milliseconds of processors that this process has used. */
  readonly spent: () => number;
  /** The program as a file that threads can start from, and how many threads; absent: everything is done in this one. */
  readonly workers?: { readonly entry: URL; readonly count: number };
  /** Yields to everything else: signals, and the other side of a test. */
  readonly breathe: () => Promise<void>;
}

/** Exit codes, the same for every command. */
export const EXIT = { ok: 0, failed: 1, usage: 2 } as const;
/** Exit codes of `watch`, for pipelines; there wrong options end with 1. */
export const WATCH_EXIT = { promoted: 0, rolledBack: 2, needsPerson: 3, timeout: 4, superseded: 5 } as const;
/** One of the documented exit codes. */
export type ExitCode = (typeof EXIT)[keyof typeof EXIT] | (typeof WATCH_EXIT)[keyof typeof WATCH_EXIT];

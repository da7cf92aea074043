// Tells the person at the terminal what the lab is doing, how far it is and how long it usually takes.
// Goes to standard error, so that standard output stays clean for programs.
const HEARTBEAT_MS = 15_000;

export interface Step {
  /** Replaces the remark shown behind the running step. */
  note(remark: string): void;
}

function formatDuration(milliseconds: number): string {
  if (milliseconds < 10_000) return `${(milliseconds / 1000).toFixed(1)} s`;
  const seconds = Math.round(milliseconds / 1000);
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

/** Prints one line. */
export function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** Runs a step that is shown with its elapsed time while it runs: each second on a terminal, else every 15 seconds. */
export async function showStep<T>(title: string, work: (step: Step) => Promise<T>): Promise<T> {
  const startedAt = performance.now();
  const terminal = process.stderr.isTTY === true;
  let remark = '';
  const line = (): string => `  ${title} … ${formatDuration(performance.now() - startedAt)}${remark && ` (${remark})`}`;
  const draw = (): void => void process.stderr.write(terminal ? `\r\x1b[K${line()}` : `${line()}\n`);
  const timer = setInterval(draw, terminal ? 1000 : HEARTBEAT_MS);
  if (terminal) draw();
  try {
    const result = await work({ note: (text) => (remark = text) });
    process.stderr.write(`${terminal ? '\r\x1b[K' : ''}  ${title}: ${formatDuration(performance.now() - startedAt)}\n`);
    return result;
  } catch (error) {
    process.stderr.write(`${terminal ? '\r\x1b[K' : ''}  ${title}: failed\n`);
    throw error;
  } finally {
    clearInterval(timer);
  }
}

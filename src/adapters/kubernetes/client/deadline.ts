// A deadline that leaves nothing behind. AbortSignal.any and AbortSignal.timeout keep listeners on a long-lived signal and
// may be collected before they fire; here everything that was attached is removed again.

/** How a call with a deadline was cut short. */
export type Interruption = 'deadline' | 'canceled';

/** Thrown as the abort reason, which distinguishes a failed call from an interrupted one. */
export class Interrupted extends Error {
  readonly interruption: Interruption;

  constructor(interruption: Interruption) {
    super(interruption === 'deadline' ? 'the deadline has passed' : 'the call was canceled');
    this.interruption = interruption;
  }
}

/** Runs `call` with a signal that fires after `ms` or together with `parent`; throws `Interrupted` in both cases. */
export async function withDeadline<T>(parent: AbortSignal | undefined, ms: number, call: (signal: AbortSignal) => Promise<T>): Promise<T> {
  if (parent?.aborted === true) throw new Interrupted('canceled');
  const controller = new AbortController();
  let interrupted: Interrupted | undefined;
  const interrupt = (interruption: Interruption): void => {
    interrupted ??= new Interrupted(interruption);
    controller.abort(interrupted);
  };
  const cancel = (): void => interrupt('canceled');
  const timer = setTimeout(() => interrupt('deadline'), ms);
  parent?.addEventListener('abort', cancel, { once: true });
  try {
    return await call(controller.signal);
  } catch (error) {
    throw interrupted ?? error;
  } finally {
    clearTimeout(timer);
    parent?.removeEventListener('abort', cancel);
  }
}

/** What `promise` gives within `ms`, or undefined. The timer ends with the promise. @throws what `promise` throws */
export async function within<T>(promise: Promise<T>, ms: number): Promise<T | undefined> {
  const over = new AbortController();
  try {
    return await Promise.race([promise, pause(ms, over.signal).then(() => undefined)]);
  } finally {
    over.abort();
  }
}

/** Waits `ms` or until `signal` fires, whichever is first. Never throws. */
export function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) return resolve();
    const end = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal?.addEventListener('abort', end, { once: true });
  });
}

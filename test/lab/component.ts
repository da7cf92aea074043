// What the lab knows of each program: how it is called, and how one sees that it is ready.
import { probe, type ProbeOptions } from './probe.ts';

export const NOT_STARTED = 'has not answered yet';

/** How a program is called and seen to be ready. */
export interface Component {
  readonly argv: () => readonly string[];
  /** Undefined when ready, else what is missing. */
  readonly whyNotReady: () => Promise<string | undefined>;
  readonly prepare?: () => Promise<void>;
  /** Variables beside those that every program gets. */
  readonly env?: () => Readonly<Record<string, string>>;
}

/** Undefined when the address answers with 200, else what it says. */
export async function whyNotOk(url: string, options: ProbeOptions = {}): Promise<string | undefined> {
  const { status, body } = await probe(url, options);
  return status === 200 ? undefined : `${url}: ${status || NOT_STARTED}, ${body.trim().slice(0, 300)}`;
}

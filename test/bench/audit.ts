// Requests as the API server recorded them, from the lab's audit log.

import { closeSync, existsSync, fstatSync, openSync, readSync } from 'node:fs';
import { AUDIT_LOG, LabError } from '../lab/settings.ts';

/** One finished request. */
export interface AuditEvent {
  readonly verb: string;
  readonly requestURI: string;
  readonly stage: string;
  readonly user: { readonly username: string };
  readonly userAgent?: string;
  readonly objectRef?: { readonly resource: string; readonly namespace?: string; readonly name?: string; readonly subresource?: string };
  readonly responseStatus?: { readonly code?: number };
  readonly requestReceivedTimestamp: string;
  readonly stageTimestamp: string;
}

/** Reads what is recorded from now on. Keeps the file open, so that a rotation takes nothing away. */
export class AuditReader {
  readonly #file: number;
  readonly #from: number;

  /** @throws LabError where the lab keeps no audit log */
  constructor() {
    if (!existsSync(AUDIT_LOG)) throw new LabError(`There is no audit log at ${AUDIT_LOG}: this benchmark needs the bare lab.`);
    this.#file = openSync(AUDIT_LOG, 'r');
    this.#from = fstatSync(this.#file).size;
  }

  /** Requests of one user since the reader was made, in the order in which they ended. */
  read(username: string): readonly AuditEvent[] {
    const buffer = Buffer.alloc(fstatSync(this.#file).size - this.#from);
    const length = readSync(this.#file, buffer, 0, buffer.length, this.#from);
    return buffer
      .subarray(0, length)
      .toString('utf8')
      .split('\n')
      .filter((line) => line.includes(`"username":"${username}"`))
      .map((line) => JSON.parse(line) as AuditEvent)
      .filter(({ user }) => user.username === username);
  }

  close(): void {
    closeSync(this.#file);
  }
}

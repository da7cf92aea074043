// The result of a check of `doctor`.

/** One line of the report. */
export interface Finding {
  readonly level: 'ok' | 'warn' | 'FAIL';
  readonly check: string;
  readonly says: string;
  /** To paste. */
  readonly fix?: string;
}

/** No problem. */
export function fine(check: string, says: string): Finding {
  return { level: 'ok', check, says };
}

/** Something works less well than it could, or cannot be seen. */
export function doubt(check: string, says: string, fix?: string): Finding {
  return { level: 'warn', check, says, ...(fix === undefined ? {} : { fix }) };
}

/** Releases cannot work like this. */
export function fail(check: string, says: string, fix: string): Finding {
  return { level: 'FAIL', check, says, fix };
}

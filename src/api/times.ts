// Times in the status are RFC 3339 texts; the core reckons in Unix milliseconds.

/** RFC 3339 in UTC, without milliseconds where there are none. */
export function toTime(ms: number): string {
  return new Date(ms).toISOString().replace('.000Z', 'Z');
}

/** RFC 3339 in UTC, with milliseconds: where the length of a moment matters. */
export function toExactTime(ms: number): string {
  return new Date(ms).toISOString();
}

/** Unix milliseconds; undefined for an absent or unreadable time. */
export function fromTime(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const ms = Date.parse(text);
  return Number.isNaN(ms) ? undefined : ms;
}

/** `14:09:12Z`, for messages. */
export function clockOf(ms: number): string {
  return `${new Date(ms).toISOString().slice(11, 19)}Z`;
}

/** A stored time without its milliseconds, for messages. */
export function toSeconds(text: string): string {
  return text.replace(/\.\d+Z$/, 'Z');
}

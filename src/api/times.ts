// Times in the status are RFC 3339 texts; the core reckons in Unix milliseconds.

/** RFC 3339 in UTC, without milliseconds where there are none. */
export function toTime(ms: number): string {
  return remember(written, ms, writeTime);
}

function writeTime(ms: number): string {
  return new Date(ms).toISOString().replace('.000Z', 'Z');
}

/** RFC 3339 in UTC, with milliseconds: where the length of a moment matters. */
export function toExactTime(ms: number): string {
  return new Date(ms).toISOString();
}

/** Unix milliseconds; undefined for an absent or unreadable time. */
export function fromTime(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const ms = remember(read, text, Date.parse);
  return Number.isNaN(ms) ? undefined : ms;
}

/** One decision reads the same few times of a status over and over, and writes most of them as they were. */
const MOST_REMEMBERED = 500;
const written = new Map<number, string>();
const read = new Map<string, number>();

function remember<K, V extends string | number>(known: Map<K, V>, key: K, make: (key: K) => V): V {
  const found = known.get(key);
  if (found !== undefined) return found;
  const made = make(key);
  if (known.size >= MOST_REMEMBERED) known.clear();
  known.set(key, made);
  return made;
}

/** `14:09:12Z`, for messages. */
export function clockOf(ms: number): string {
  return `${new Date(ms).toISOString().slice(11, 19)}Z`;
}

/** A stored time without its milliseconds, for messages. */
export function toSeconds(text: string): string {
  return text.replace(/\.\d+Z$/, 'Z');
}

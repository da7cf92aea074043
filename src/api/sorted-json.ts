// One text for values that mean the same: the API server may sort the fields of an object elsewhere.

/** JSON with the fields of each object in the order of their names. Lists stay as they are. */
export function toSortedJson(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}

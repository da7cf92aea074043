// Times with microseconds, as Lease and Event require them.

/** Go's MicroTime refuses milliseconds. */
export function microTime(atMs: number): string {
  return new Date(atMs).toISOString().replace('Z', '000Z');
}

// Times with microseconds, as Lease and Event want them.

import { V1MicroTime } from '@kubernetes/client-node';

/** Go's MicroTime refuses milliseconds. */
export function microTime(atMs: number): string {
  return new V1MicroTime(atMs).toISOString();
}

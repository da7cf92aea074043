// Follows one release through the same watch as the operator's, which survives lost connections.

import { isGlidepathError } from '../../api/errors.ts';
import { KubernetesReleases } from '../../adapters/kubernetes/releases.ts';
import { withCleanTexts } from '../../core/workload/one-line.ts';
import type { ClusterLink } from './link.ts';
import { readSeen, type SeenRelease } from './releases.ts';

/** How a release is followed. */
export interface Following<T> {
  readonly namespace: string;
  readonly name: string;
  readonly now: () => number;
  /** Absent: no limit. */
  readonly timeoutMs?: number | undefined;
  /** Called with every version of the object, and a few times a second; undefined is a release that is not there. Ends with a value. */
  readonly see: (release: SeenRelease | undefined) => T | undefined;
}

/** A person waits: retries come quickly. */
const TIMES = { backoffMs: 200, longestBackoffMs: 3_000, believeAbsentMs: 2_000, absentMs: 1_000 };
const TICK_MS = 200;
/** Waiting does not fix these. */
const FINAL = ['GLIDEPATH_E_FORBIDDEN', 'GLIDEPATH_E_UNAUTHORIZED', 'GLIDEPATH_E_CREDENTIALS'] as const;

/** @returns what `see` found, or undefined when the time was over. @throws whatever `see` throws, and refusals of the API server */
export async function followRelease<T>(link: ClusterLink, following: Following<T>): Promise<T | undefined> {
  const { namespace, name, now, timeoutMs, see } = following;
  const { promise, resolve, reject } = Promise.withResolvers<T | undefined>();
  const onFault = (_watch: string, error: unknown): void => {
    if (FINAL.some((code) => isGlidepathError(error, code))) reject(error);
  };
  const releases = new KubernetesReleases({ transport: link.transport, now, namespaces: [namespace], times: TIMES, onFault });
  const look = (): void => {
    const cached = releases.cached({ namespace, name });
    if (cached === undefined && !releases.synced()) return;
    try {
      const found = see(cached === undefined ? undefined : readSeen(withCleanTexts(cached)));
      if (found !== undefined) resolve(found);
    } catch (thrown) {
      reject(thrown);
    }
  };
  releases.onChange((change) => {
    if (change.name === name) look();
  });
  const stop = new AbortController();
  const ticking = setInterval(look, TICK_MS);
  const ending = timeoutMs === undefined ? undefined : setTimeout(() => resolve(undefined), timeoutMs);
  const running = releases.run(stop.signal);
  try {
    return await promise;
  } finally {
    clearInterval(ticking);
    clearTimeout(ending);
    stop.abort();
    await running;
  }
}

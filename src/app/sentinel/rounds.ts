// Which releases are asked for together: one request for a pod and second for all of them. Those of one metrics source share a request
// as far as its path goes; what does not fit waits for the next second.

import { canaryOf, type SourcePart } from '../metrics/queries.ts';
import type { BackendIdentity, GatewayCounters } from '../../sources/source.ts';

/** One request: where, and for whom. */
export interface Round {
  readonly port: number;
  readonly path: string;
  readonly keys: readonly string[];
}

/** Servers take several times as much in a request line. A release that needs more alone is not watched: it would hold up the others. */
export const LONGEST_PATH = 8_000;

/** All rounds that are needed to ask for each release once, in the order of the releases. */
export function planRounds(questions: ReadonlyMap<string, SourcePart>): readonly Round[] {
  const rounds: Round[] = [];
  for (const [counters, keys] of bySource(questions)) {
    let taken: string[] = [];
    for (const key of keys) {
      const path = pathOf(counters, [...taken, key], questions);
      if (path.length > LONGEST_PATH && taken.length > 0) {
        rounds.push({ port: counters.port, path: pathOf(counters, taken, questions), keys: taken });
        taken = [];
      }
      taken = [...taken, key];
    }
    rounds.push({ port: counters.port, path: pathOf(counters, taken, questions), keys: taken });
  }
  return rounds;
}

function bySource(questions: ReadonlyMap<string, SourcePart>): ReadonlyMap<GatewayCounters, readonly string[]> {
  const groups = new Map<GatewayCounters, string[]>();
  for (const [key, { source }] of questions) {
    if (source.sentinel === undefined) continue;
    groups.set(source.sentinel, [...(groups.get(source.sentinel) ?? []), key]);
  }
  return groups;
}

function pathOf(counters: GatewayCounters, keys: readonly string[], questions: ReadonlyMap<string, SourcePart>): string {
  const backends: readonly BackendIdentity[] = keys.flatMap((key) => {
    const part = questions.get(key);
    return part === undefined ? [] : [...canaryOf(part), ...part.serving];
  });
  return counters.path(backends);
}

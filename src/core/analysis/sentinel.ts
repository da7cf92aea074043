// What the sentinel counts: from two readings of a gateway's own counters to one slice of time of both versions. Pure; who is asked,
// and when, is decided elsewhere.

import type { ArmCounts, Cell } from './comparison/cells.ts';
import type { CounterSample } from './exposition.ts';
import { increase, isCount } from './increments.ts';
import type { Labels, OutcomeOf } from './outcome.ts';

/** The counters of one pod of a gateway. */
export interface CounterReading {
  /** The pod as people know it, `NAMESPACE/NAME`, or an address. */
  readonly target: string;
  readonly samples: readonly CounterSample[];
}

/** Which series are those of a release. */
export interface ArmSelection {
  readonly outcomeOf: OutcomeOf;
  readonly isCanary: (labels: Labels) => boolean;
  readonly isServing: (labels: Labels) => boolean;
}

/** The counters of one release at one pod when it was read last. */
interface TargetCounts {
  readonly atMs: number;
  readonly values: ReadonlyMap<string, number>;
}

/** The same of all pods, by target. */
export type KnownCounts = Readonly<Record<string, TargetCounts>>;

/** After a longer gap a pod is read as if it were new: what it counted meanwhile may be of another weight. */
const LONGEST_GAP_MS = 10_000;

/**
 * Counts what came since each pod was read last. A pod that is read for the first time is only remembered. A series that was not
 * there at the last reading is new and counts from 0, because that reading asked for it.
 * @param span of the slice; `toMs` is the time of these readings
 */
export function countReadings(
  known: KnownCounts,
  readings: readonly CounterReading[],
  selection: ArmSelection,
  span: { readonly fromMs: number; readonly toMs: number },
): { readonly known: KnownCounts; readonly cell: Cell } {
  const [canary, serving] = [startArm(), startArm()];
  const counts = new Map(Object.entries(known).filter(([, { atMs }]) => span.toMs - atMs <= LONGEST_GAP_MS));
  for (const { target, samples } of readings) {
    const before = counts.get(target)?.values;
    const values = new Map<string, number>();
    for (const { labels, value } of samples) {
      const arm = selection.isCanary(labels) ? canary : selection.isServing(labels) ? serving : undefined;
      if (arm === undefined || !isCount(value)) continue;
      const key = keyOf(labels);
      values.set(key, value);
      if (before !== undefined) addTo(arm, target, selection.outcomeOf(labels), increase(before.get(key), value, 'whole'));
    }
    counts.set(target, { atMs: span.toMs, values });
  }
  return { known: Object.fromEntries(counts), cell: { ...span, canary: countsOf(canary), serving: countsOf(serving) } };
}

/** What is being counted of one arm. */
interface Arm {
  requests: number;
  serverErrors: number;
  clientErrors: number;
  readonly failing: Map<string, number>;
}

function startArm(): Arm {
  return { requests: 0, serverErrors: 0, clientErrors: 0, failing: new Map() };
}

function addTo(arm: Arm, target: string, outcome: ReturnType<OutcomeOf>, count: number): void {
  if (outcome === 'ignore' || count <= 0) return;
  arm.requests += count;
  if (outcome === 'clientError') arm.clientErrors += count;
  if (outcome !== 'serverError') return;
  arm.serverErrors += count;
  arm.failing.set(target, (arm.failing.get(target) ?? 0) + count);
}

function countsOf({ failing, ...sums }: Arm): ArmCounts {
  return { ...sums, buckets: [], ...(failing.size === 0 ? {} : { failing: Object.fromEntries(failing) }) };
}

function keyOf(labels: Labels): string {
  return JSON.stringify(Object.entries(labels).sort(([one], [other]) => (one < other ? -1 : 1)));
}

/** Counts of one version. */
export interface SeenArm {
  readonly requests: number;
  readonly serverErrors: number;
  readonly clientErrors: number;
}

/** What the sentinel saw of the present weight. Prometheus will not repeat it, so it is kept where it convicted. */
export interface SentinelSeen {
  /** Unix milliseconds. */
  readonly fromMs: number;
  readonly toMs: number;
  /** Every pod that was read. */
  readonly targets: readonly string[];
  readonly canary: SeenArm;
  readonly serving: SeenArm;
}

/** The canary is found failing. */
export interface SentinelConviction {
  /** The check, or the comparison, that it fails. */
  readonly check: string;
  readonly reason: 'ErrorRatio' | 'ClientErrorRatio';
  readonly message: string;
  readonly seen: SentinelSeen;
}

/** What the sentinel has to say of a release. It never proves anything, so silence says nothing. */
export interface SentinelReading {
  readonly conviction?: SentinelConviction;
  /** Which pods of the gateway could not be read, and why. */
  readonly unread?: string;
}

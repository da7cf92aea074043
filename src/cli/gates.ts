// What a manifest alone says about its gates: Jobs that the API server would refuse, and what is worth knowing before one is trusted.

import type { CanaryReleaseSpec, Gate, GateStatus } from '../api/release.ts';
import { listGates, nameGate, type PlacedGate } from '../core/release/gates/entries.ts';

/** Problems are refused by the API server or never pass; the others are worth knowing. */
export interface GateFindings {
  readonly problems: readonly string[];
  readonly notes: readonly string[];
}

/** Looks at every gate of a spec. */
export function inspectGates(spec: CanaryReleaseSpec): GateFindings {
  const found = listGates(spec).map(inspectGate);
  return { problems: found.flatMap(({ problems }) => problems), notes: found.flatMap(({ notes }) => notes) };
}

/** The names of all gates, for who assumes that they pass. */
export function namesOfGates(spec: CanaryReleaseSpec): readonly string[] {
  return listGates(spec).map(nameOf);
}

function nameOf({ gate: { name }, stage }: PlacedGate): string {
  return nameGate({ name, ...(stage === undefined ? {} : { stage }) });
}

function inspectGate(placed: PlacedGate): GateFindings {
  const { gate } = placed;
  const about = (words: string) => `${nameOf(placed)}: ${words}`;
  const found = gate.job === undefined ? inspectHttp(gate) : inspectJob(gate, gate.job.spec);
  return { problems: found.problems.map(about), notes: found.notes.map(about) };
}

function inspectHttp({ http }: Gate): GateFindings {
  const unsigned = http?.secretRef === undefined ? ['http.secretRef is not set, so the requests are not signed'] : [];
  return { problems: [], notes: unsigned };
}

const POLICIES = ['Never', 'OnFailure'];

function inspectJob({ idempotent }: Gate, spec: Readonly<Record<string, unknown>>): GateFindings {
  const pod = fieldsOf(fieldsOf(spec['template'])['spec']);
  const { containers, restartPolicy } = pod;
  const { backoffLimit, manualSelector, selector, ttlSecondsAfterFinished } = spec;
  const repeats = restartPolicy === 'OnFailure' || (typeof backoffLimit === 'number' && backoffLimit > 0);
  return {
    problems: pick([
      [!Array.isArray(containers) || containers.length === 0, 'job.spec.template.spec.containers: write at least one container'],
      [
        typeof restartPolicy !== 'string' || !POLICIES.includes(restartPolicy),
        'job.spec.template.spec.restartPolicy: write Never or OnFailure; a Job takes no other',
      ],
      [selector !== undefined || manualSelector !== undefined, 'job.spec.selector: remove it; each run has a Job of its own'],
    ]),
    notes: pick([
      [
        repeats && !idempotent,
        'restartPolicy or backoffLimit of the Job runs its container again after a failure; write restartPolicy: Never and backoffLimit: 0, or idempotent: true',
      ],
      [ttlSecondsAfterFinished !== undefined, 'job.spec.ttlSecondsAfterFinished is not used: the Job is kept for eight days'],
    ]),
  };
}

function pick(found: readonly (readonly [applies: boolean, words: string])[]): readonly string[] {
  return found.filter(([applies]) => applies).map(([, words]) => words);
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Readonly<Record<string, unknown>>) : {};
}

/** One gate of a release, in one sentence; also the shape of `-o json`. */
export interface ExplainedGate {
  readonly name: string;
  /** Absent for a gate of the promotion. */
  readonly stage?: string;
  readonly state: string;
  readonly says: string;
  /** Last lines of the log of its pod. */
  readonly log?: string;
}

/** What became of a gate. */
export function explainGate({ name, stage, state, kind, job, attempts, message, log, by }: GateStatus): ExplainedGate {
  const what = kind === 'Job' ? (job === undefined ? 'a Job' : `Job ${job}`) : attempts > 1 ? `${attempts} requests` : 'a request';
  const found = state === 'Skipped' ? `${by ?? 'a person'} continued without it` : message;
  return {
    name,
    ...(stage === undefined ? {} : { stage }),
    state,
    says: found === undefined ? what : `${what}: ${found}`,
    ...(log === undefined ? {} : { log }),
  };
}

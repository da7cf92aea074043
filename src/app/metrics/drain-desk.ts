// Asks Prometheus whether the requests to a canary that drains have stopped. Asked in the background, one question at a time for
// a release; the last answer is kept here. These questions are not looks: they have no verdict and do not change weights.

import type { CanaryRelease, CanaryReleaseStatus } from '../../api/release.ts';
import type { Answers } from '../../core/analysis/assemble.ts';
import { readSilence } from '../../core/analysis/silence.ts';
import { type DrainReading, findDrainQuestion } from '../../core/release/drain.ts';
import type { Observation } from '../../core/release/observation.ts';
import { parseState } from '../../core/release/state.ts';
import type { BackendIdentity } from '../../sources/source.ts';
import { askAll, canaryOf, type LookQuestion, type SourcePart } from './queries.ts';
import { buildQuestion } from './question.ts';
import type { World } from '../world.ts';

interface Entry {
  readonly releaseId: string;
  /** Undefined while the first question is under way. */
  reading: DrainReading | undefined;
  underWay: boolean;
  askedAtMs: number;
}

/** Time between two questions about requests that have not stopped yet. */
const AGAIN_MS = 1_000;
const RANGE_STEP_MS = 30_000;

export class DrainDesk {
  readonly #world: World;
  readonly #onAnswer: (key: string) => void;
  readonly #entries = new Map<string, Entry>();

  /** @param onAnswer called with a release that has a new answer and should be reconciled */
  constructor(world: World, onAnswer: (key: string) => void) {
    this.#world = world;
    this.#onAnswer = onAnswer;
  }

  /** The last answer about this release. */
  read(key: string, releaseId: string | undefined): DrainReading | undefined {
    const entry = this.#entries.get(key);
    return entry?.releaseId === releaseId ? entry?.reading : undefined;
  }

  /** Asks unless the requests have stopped, or a question is under way. */
  consider(key: string, release: CanaryRelease, status: CanaryReleaseStatus, observation: Observation, now: number): void {
    const current = status.release;
    const sinceMs = findDrainQuestion(current, parseState(status.state) ?? 'blocked', now);
    if (current === undefined || sinceMs === undefined) {
      this.forget(key);
      return;
    }
    const known = this.#entries.get(key);
    const entry = known?.releaseId === current.id ? known : undefined;
    if (entry !== undefined && (entry.underWay || isOver(entry.reading) || now < entry.askedAtMs + AGAIN_MS)) return;
    const asked: Entry = { releaseId: current.id, reading: entry?.reading, underWay: true, askedAtMs: now };
    this.#entries.set(key, asked);
    const question = buildQuestion(this.#world.metrics, release, status, observation);
    void askSilence(this.#world, question, sinceMs, now).then((reading) => {
      asked.reading = reading;
      asked.underWay = false;
      if (this.#entries.get(key) === asked) this.#onAnswer(key);
    });
  }

  forget(key: string): void {
    this.#entries.delete(key);
  }
}

function isOver(reading: DrainReading | undefined): boolean {
  return reading === 'silent' || reading === 'uncountable';
}

/** Never throws: a failure is no answer, and then time alone decides. */
async function askSilence(world: World, question: LookQuestion | undefined, sinceMs: number, atMs: number): Promise<DrainReading> {
  if (question === undefined || question.parts.length === 0) return 'uncountable';
  try {
    const readings = await Promise.all(question.parts.map((part) => askSilenceOf(world, question, part, sinceMs, atMs)));
    // Nothing at all from one of several gateways: it had no requests.
    return SILENCES.find((one) => readings.includes(one)) ?? 'unavailable';
  } catch {
    return 'unavailable';
  }
}

/** What one source says counts before what comes behind it. */
const SILENCES: readonly DrainReading[] = ['unavailable', 'busy', 'waiting', 'silent', 'unseen'];

async function askSilenceOf(
  { metrics }: World,
  { target }: LookQuestion,
  part: SourcePart,
  sinceMs: number,
  atMs: number,
): Promise<DrainReading> {
  const { source, serving } = part;
  // Rounded, so that releases that drain together ask the same question.
  const rangeMs = Math.ceil((atMs - sinceMs) / RANGE_STEP_MS) * RANGE_STEP_MS;
  const ask = async (backends: readonly BackendIdentity[]): Promise<Answers> => {
    const queries = backends.map((backend) => source.requests(backend, rangeMs));
    return askAll(metrics, target, queries, atMs);
  };
  const [ofCanary, ofServing] = await Promise.all([ask(canaryOf(part)), ask(serving)]);
  if (ofCanary.problem !== undefined || ofServing.problem !== undefined) return 'unavailable';
  const requests = ofCanary.series.filter(({ labels }) => source.classify(labels) !== 'ignore');
  return readSilence(requests, ofServing.series, sinceMs);
}

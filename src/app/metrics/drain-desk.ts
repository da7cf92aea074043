// Asks Prometheus whether the requests to a version that is to get none have stopped: to a canary that drains, or to what served before a
// promotion. Asked in the background, one question at a time for
// a release; the last answer is kept here. These questions are not looks: they have no verdict and do not change weights.

import type { CanaryRelease, CanaryReleaseStatus } from '../../api/release.ts';
import type { Answers } from '../../core/analysis/assemble.ts';
import type { Series } from '../../core/analysis/series.ts';
import { readSilence, type Silence } from '../../core/analysis/silence.ts';
import { type DrainReading, findDrainQuestion, LONGEST_DRAIN_MS } from '../../core/release/drain.ts';
import { lastAnswersSince } from '../../core/release/last-answers.ts';
import type { Observation } from '../../core/release/observation.ts';
import { parseState } from '../../core/release/state.ts';
import type { BackendIdentity } from '../../sources/source.ts';
import { askAll, canaryOf, type LookQuestion, type SourcePart } from './queries.ts';
import { buildQuestion } from './question.ts';
import type { World } from '../world.ts';

/** What is asked about one release. */
interface DrainQuestion {
  readonly releaseId: string;
  readonly of: 'canary' | 'serving';
  readonly sinceMs: number;
}

interface Entry extends DrainQuestion {
  /** Undefined while the first question is under way. */
  reading: DrainReading | undefined;
  underWay: boolean;
  askedAtMs: number;
}

/** Time between two questions about requests that have not stopped yet. */
const AGAIN_MS = 1_000;
const SELDOM_MS = 30_000;
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

  /** The last answer about this release, as it is observed. */
  read(key: string, releaseId: string | undefined): Pick<Observation, 'drain' | 'lastAnswers'> {
    const entry = this.#entries.get(key);
    if (entry?.reading === undefined || entry.releaseId !== releaseId) return {};
    return entry.of === 'canary' ? { drain: entry.reading } : { lastAnswers: entry.reading };
  }

  /** Asks unless the requests have stopped, or a question is under way. */
  consider(key: string, release: CanaryRelease, status: CanaryReleaseStatus, observation: Observation, now: number): void {
    const asking = findQuestion(status, now);
    if (asking === undefined) {
      this.forget(key);
      return;
    }
    const known = this.#entries.get(key);
    const entry = known !== undefined && isSame(known, asking) ? known : undefined;
    if (entry !== undefined && (entry.underWay || isOver(entry.reading) || now < entry.askedAtMs + againAfter(asking, now))) return;
    const asked: Entry = { ...asking, reading: entry?.reading, underWay: true, askedAtMs: now };
    this.#entries.set(key, asked);
    const question = buildQuestion(this.#world.metrics, release, status, observation);
    void askSilence(this.#world, question, asking, now).then((reading) => {
      asked.reading = reading;
      asked.underWay = false;
      if (this.#entries.get(key) === asked) this.#onAnswer(key);
    });
  }

  forget(key: string): void {
    this.#entries.delete(key);
  }
}

function findQuestion(status: CanaryReleaseStatus, now: number): DrainQuestion | undefined {
  const { release } = status;
  const state = parseState(status.state) ?? 'blocked';
  if (release === undefined) return undefined;
  const drainsSinceMs = findDrainQuestion(release, state, now);
  if (drainsSinceMs !== undefined) return { releaseId: release.id, of: 'canary', sinceMs: drainsSinceMs };
  const sinceMs = lastAnswersSince(status, state);
  return sinceMs === undefined ? undefined : { releaseId: release.id, of: 'serving', sinceMs };
}

/** What was heard of another release, of the other version or of an earlier time is no answer. */
function isSame(one: DrainQuestion, other: DrainQuestion): boolean {
  return one.releaseId === other.releaseId && one.of === other.of && one.sinceMs === other.sinceMs;
}

/** Where no release waits for the answer any more it is asked for seldom. */
function againAfter({ of, sinceMs }: DrainQuestion, now: number): number {
  return of === 'serving' && now > sinceMs + 2 * LONGEST_DRAIN_MS ? SELDOM_MS : AGAIN_MS;
}

function isOver(reading: DrainReading | undefined): boolean {
  return reading === 'silent' || reading === 'uncountable';
}

/** Never throws: a failure is no answer, and then time alone decides. */
async function askSilence(world: World, question: LookQuestion | undefined, asked: DrainQuestion, atMs: number): Promise<DrainReading> {
  if (question === undefined || question.parts.length === 0) return 'uncountable';
  try {
    const readings = await Promise.all(question.parts.map((part) => askSilenceOf(world, question, part, asked, atMs)));
    // Nothing at all from one of several gateways: it had no requests.
    return SILENCES.find((one) => readings.includes(one)) ?? 'unavailable';
  } catch {
    return 'unavailable';
  }
}

/** What silence of serving means, by what is heard of the canary. */
const BESIDE: Readonly<Record<Silence, DrainReading>> = { busy: 'silent', silent: 'idle', waiting: 'waiting', unseen: 'idle' };

/** What one source says counts before what comes behind it. */
const SILENCES: readonly DrainReading[] = ['unavailable', 'busy', 'waiting', 'silent', 'idle', 'unseen'];

async function askSilenceOf(
  { metrics }: World,
  { target }: LookQuestion,
  part: SourcePart,
  { of, sinceMs }: DrainQuestion,
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
  const [leaving, staying] = of === 'canary' ? [ofCanary.series, ofServing.series] : [ofServing.series, ofCanary.series];
  const isRequest = ({ labels }: Series) => source.classify(labels) !== 'ignore';
  const reading = readSilence(leaving.filter(isRequest), staying, sinceMs);
  if (of === 'canary' || reading !== 'silent') return reading;
  return BESIDE[readSilence(staying.filter(isRequest), leaving, sinceMs)];
}

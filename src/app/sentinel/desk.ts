// Reads the gateways' own counters once a second while some canary is young, and keeps what they say until the release is reconciled.
// Nothing waits for it: a conviction queues its release, and all that is known here may be lost.

import { messageOf } from '../../api/errors.ts';
import type { CanaryRelease, CanaryReleaseStatus } from '../../api/release.ts';
import { withoutUndefined } from '../../api/absence.ts';
import type { Labels } from '../../core/analysis/outcome.ts';
import type { SentinelConviction, SentinelReading } from '../../core/analysis/sentinel.ts';
import { isYoung } from '../../core/release/evidence/sentinel.ts';
import {
  forgetCounts,
  ROUND_MS,
  type SentinelWatch,
  startWatch,
  watchRound,
  type WatchQuestion,
} from '../../core/release/evidence/sentinel-watch.ts';
import type { Observation } from '../../core/release/observation.ts';
import { isJudged, parseState } from '../../core/release/state.ts';
import type { GatewayReader, GatewayRound } from '../../ports/gateways.ts';
import type { BackendIdentity } from '../../sources/source.ts';
import { canaryOf, isSilencedByCohort, type LookQuestion, outcomesOf, type SourcePart } from '../metrics/queries.ts';
import { buildQuestion } from '../metrics/question.ts';
import type { World } from '../world.ts';
import { LONGEST_PATH, planRounds, type Round } from './rounds.ts';
import { Unread } from './unread.ts';

/** A release, and the gateway whose counters are read: of several the first that has some, because one is enough to convict. */
interface Asked extends Pick<LookQuestion, 'spec' | 'status'> {
  readonly part: SourcePart;
}

interface Entry {
  readonly releaseId: string;
  question: Asked;
  /** What is asked for, to see when it changes. */
  asked: string;
  /** A release that is not is asked for again at its next weight, with the evidence that it has. */
  young: boolean;
  watch: SentinelWatch;
  conviction: SentinelConviction | undefined;
}

export class SentinelDesk {
  readonly #world: World;
  readonly #gateways: GatewayReader;
  readonly #onFinding: (key: string) => void;
  readonly #phiOf: (key: string) => number | undefined;
  readonly #entries = new Map<string, Entry>();
  readonly #unread = new Unread();
  #rounds = 0;
  #runs = false;
  #cancel: () => void = () => undefined;
  #closed = false;

  /**
   * @param onFinding called with a release that is found failing
   * @param phiOf dispersion of serving's errors before the release, where the comparison knows it
   */
  constructor(world: World, gateways: GatewayReader, onFinding: (key: string) => void, phiOf: (key: string) => number | undefined) {
    this.#world = world;
    this.#gateways = gateways;
    this.#onFinding = onFinding;
    this.#phiOf = phiOf;
  }

  /** What is known of this release; undefined while it is not watched. */
  read(key: string, releaseId: string | undefined): SentinelReading | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined || entry.releaseId !== releaseId) return undefined;
    return withoutUndefined({ conviction: entry.conviction, unread: entry.young ? this.#unread.text : undefined });
  }

  /** Watches the release while its canary is young, from now on or no longer. */
  consider(key: string, release: CanaryRelease, status: CanaryReleaseStatus, seen: Pick<Observation, 'routes' | 'backends'>): void {
    const state = parseState(status.state) ?? 'blocked';
    const id = status.release?.id;
    if (id === undefined || !isJudged(state)) {
      this.forget(key);
      return;
    }
    const known = this.#knownOf(key, id);
    const question = isYoung(release.spec, status, state) ? this.#ask(release, status, seen) : undefined;
    if (question !== undefined) this.#watch(key, id, question, known);
    else if (known !== undefined) known.young = false;
    if (question !== undefined && !this.#runs && !this.#closed) this.#step();
  }

  forget(key: string): void {
    this.#entries.delete(key);
  }

  /** Asks no pod any more. */
  close(): void {
    this.#closed = true;
    this.#cancel();
  }

  /** What is asked of gateways; undefined where their counters are not known, no rule names the canary, or the names are too long. */
  #ask(release: CanaryRelease, status: CanaryReleaseStatus, seen: Pick<Observation, 'routes' | 'backends'>): Asked | undefined {
    const question = buildQuestion(this.#world.metrics, release, status, seen);
    const part = question?.parts.find(({ source, canary }) => source.sentinel !== undefined && canary.length > 0);
    if (question === undefined || part === undefined) return undefined;
    const path = part.source.sentinel?.path([...canaryOf(part), ...part.serving]) ?? '';
    return path.length > LONGEST_PATH ? undefined : { spec: question.spec, status: question.status, part };
  }

  #knownOf(key: string, releaseId: string | undefined): Entry | undefined {
    const known = this.#entries.get(key);
    return known?.releaseId === releaseId ? known : undefined;
  }

  #watch(key: string, releaseId: string, question: Asked, known: Entry | undefined): void {
    const { source, serving } = question.part;
    const asked = JSON.stringify([source.name, canaryOf(question.part), serving]);
    if (known === undefined) {
      const watch = startWatch(this.#questionOf(key, question), this.#world.clock.now());
      this.#entries.set(key, { releaseId, question, asked, young: true, watch, conviction: undefined });
      return;
    }
    if (known.asked !== asked) known.watch = forgetCounts(known.watch);
    known.question = question;
    known.asked = asked;
    known.young = true;
  }

  /** One round, and the next one a second after this one began: they never overlap. */
  #step(): void {
    const { clock } = this.#world;
    const young = [...this.#entries].filter(([, { young: isWatched, conviction }]) => isWatched && conviction === undefined);
    const plan = planRounds(new Map(young.map(([key, { question }]) => [key, question.part])));
    const round = plan[this.#rounds % Math.max(1, plan.length)];
    this.#runs = round !== undefined;
    if (round === undefined) return;
    this.#rounds += 1;
    const nextMs = clock.now() + ROUND_MS;
    void this.#readSafely(round).then(() => {
      if (!this.#closed) this.#cancel = clock.schedule(Math.max(clock.now(), nextMs), () => this.#step());
    });
  }

  /** A fault of our own is no finding, and no end either. */
  async #readSafely(round: Round): Promise<void> {
    try {
      await this.#read(round);
    } catch (thrown) {
      this.#unread.note({ answers: [], problems: [`the counters were not read: ${messageOf(thrown)}`] });
    }
  }

  async #read({ port, path, keys }: Round): Promise<void> {
    const answered = await this.#gateways.read(port, path);
    this.#unread.note(answered);
    for (const key of keys) if (this.#judge(key, answered)) this.#onFinding(key);
  }

  /** @returns whether the release is found failing */
  #judge(key: string, { answers }: GatewayRound): boolean {
    const entry = this.#entries.get(key);
    const readings = answers.flatMap((answer) => (answer.ok ? [answer] : []));
    if (entry === undefined || !entry.young || readings.length === 0) return false;
    const { watch, conviction } = watchRound(this.#questionOf(key, entry.question), entry.watch, readings, this.#world.clock.now());
    entry.watch = watch;
    entry.conviction = conviction;
    return conviction !== undefined;
  }

  #questionOf(key: string, { spec, status, part }: Asked): WatchQuestion {
    const { source, serving } = part;
    const compares = !isSilencedByCohort({ spec, status, parts: [part] });
    // Where both are judged by one count, requests of a cohort with series of their own are left out of it.
    const canary = compares ? part.canary : canaryOf(part);
    const isOneOf = (backends: readonly BackendIdentity[]) => (labels: Labels) =>
      backends.some((backend) => source.sentinel?.counts(backend, labels) === true);
    const selection = { outcomeOf: outcomesOf({ parts: [part] }), isCanary: isOneOf(canary), isServing: isOneOf(serving) };
    return { spec, status, selection, phi: this.#phiOf(key), compares };
  }
}

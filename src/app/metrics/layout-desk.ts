// Asks Prometheus how the gateways of a release count the backends of a rule, where they may count them together. In the background,
// one question at a time for a release; the last answer is kept here.

import type { CanaryRelease, CanaryReleaseStatus } from '../../api/release.ts';
import type { Route } from '../../api/routes.ts';
import { findRulesToCount, type RulesOnGateways } from '../../core/release/facts/counted-rules.ts';
import { routesInScope } from '../../core/release/facts/scope.ts';
import { servicesOf } from '../../core/release/facts/sides.ts';
import type { BackendLayout, Observation } from '../../core/release/observation.ts';
import { isRunning, parseState } from '../../core/release/state.ts';
import { LAYOUT_AGAIN_MS } from '../../core/release/wake.ts';
import type { MetricsReader } from '../../ports/metrics.ts';
import { findLayoutSeries } from '../../sources/controllers.ts';
import { type LayoutSeries, readLayout } from '../../sources/layout.ts';
import { addMatchers } from '../../sources/selector.ts';
import type { World } from '../world.ts';
import { problemOf } from './queries.ts';
import { targetOf } from './standing.ts';

interface Entry {
  /** The rules that were asked about. */
  readonly about: string;
  /** Undefined while the first question is under way. */
  layout: BackendLayout | undefined;
  underWay: boolean;
  askedAtMs: number;
}

/** Time between two questions where nothing is amiss. */
const AGAIN_WHEN_FINE_MS = 60_000;

/** What is asked, and how the answer is read. */
type Question = RulesOnGateways<LayoutSeries>;

export class LayoutDesk {
  readonly #world: World;
  readonly #onAnswer: (key: string) => void;
  readonly #entries = new Map<string, Entry>();

  /** @param onAnswer called with a release that has another answer and should be reconciled */
  constructor(world: World, onAnswer: (key: string) => void) {
    this.#world = world;
    this.#onAnswer = onAnswer;
  }

  /** The last answer; `unasked` where there is none yet, undefined where the gateways of these routes count every backend apart. */
  read(key: string, release: CanaryRelease, routes: readonly Route[]): BackendLayout | undefined {
    const question = findQuestion(release, routes);
    if (question === undefined) return undefined;
    const entry = this.#entries.get(key);
    return (entry?.about === nameOf(question) ? entry.layout : undefined) ?? { kind: 'unasked' };
  }

  /** Asks unless the answer is fresh, or a question is under way. Between releases only while one may begin. */
  consider(key: string, release: CanaryRelease, status: CanaryReleaseStatus, { routes, layout: seen }: Observation, now: number): void {
    // Most gateways count backends apart: what was read in this pass says so.
    const question = seen === undefined ? undefined : findQuestion(release, routes);
    if (question === undefined) {
      this.forget(key);
      return;
    }
    const about = nameOf(question);
    const known = this.#entries.get(key);
    const entry = known?.about === about ? known : undefined;
    if (entry !== undefined && (entry.underWay || !isDue(entry, isRunning(parseState(status.state) ?? 'blocked'), now))) return;
    const asked: Entry = { about, layout: entry?.layout, underWay: true, askedAtMs: now };
    this.#entries.set(key, asked);
    void askLayout(this.#world.metrics, release, question, now).then((layout) => {
      const isNews = JSON.stringify(layout) !== JSON.stringify(asked.layout);
      asked.layout = layout;
      asked.underWay = false;
      if (isNews && this.#entries.get(key) === asked) this.#onAnswer(key);
    });
  }

  forget(key: string): void {
    this.#entries.delete(key);
  }
}

/** Where all is as it should be it is asked again only while a release runs. */
function isDue({ layout, askedAtMs }: Entry, runs: boolean, now: number): boolean {
  return isFine(layout) ? runs && now >= askedAtMs + AGAIN_WHEN_FINE_MS : now >= askedAtMs + LAYOUT_AGAIN_MS;
}

function nameOf({ rules }: Question): string {
  return JSON.stringify(rules);
}

function isFine(layout: BackendLayout | undefined): boolean {
  return layout?.kind === 'byBackend' || layout?.kind === 'byService';
}

function findQuestion({ spec }: CanaryRelease, routes: readonly Route[]): Question | undefined {
  return findRulesToCount(spec, routesInScope(spec, routes, servicesOf(spec)), findLayoutSeries);
}

/** Never throws: without an answer nothing is known. */
async function askLayout(metrics: MetricsReader, release: CanaryRelease, question: Question, atMs: number): Promise<BackendLayout> {
  const { series, rules } = question;
  const target = targetOf(release);
  if (metrics.refusal(target, false) !== undefined) return { kind: 'unknown', why: 'Prometheus cannot be asked' };
  try {
    const query = addMatchers(series.query(rules), { ...metrics.matchers, ...release.spec.analysis.metrics.matchers });
    const answer = await metrics.query(target, query, atMs);
    const problem = problemOf(answer);
    if (!answer.ok || problem !== undefined) return { kind: 'unknown', why: problem?.message ?? '' };
    const clusters = answer.series.map(({ labels }) => labels);
    const { layout, about } = readLayout(series, rules, clusters);
    return { kind: layout, about };
  } catch (error) {
    return { kind: 'unknown', why: error instanceof Error ? error.message : String(error) };
  }
}

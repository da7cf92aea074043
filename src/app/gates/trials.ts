// Finds out before a release begins whether its gates can be run: each Job in a server-side dry-run, each address by the allow-list. A gate
// that cannot be run would stop the release half way.

import type { CanaryRelease, CanaryReleaseStatus } from '../../api/release.ts';
import { listTrialJobs } from '../../core/release/desired/gates.ts';
import { listGates, nameGate } from '../../core/release/gates/entries.ts';
import type { GateStanding } from '../../core/release/gates/observed.ts';
import { isRunning, parseState } from '../../core/release/state.ts';
import type { World } from '../world.ts';

/** Before a release begins an answer is believed for so long; rights and templates change seldom. */
const AGAIN_WHEN_READY_MS = 300_000;
const AGAIN_WHEN_REFUSED_MS = 15_000;

interface Trial {
  readonly about: string;
  standing: GateStanding;
  askedAtMs: number;
  underWay: boolean;
}

export class GateTrials {
  readonly #world: World;
  readonly #onAnswer: (key: string) => void;
  readonly #trials = new Map<string, Trial>();

  constructor(world: World, onAnswer: (key: string) => void) {
    this.#world = world;
    this.#onAnswer = onAnswer;
  }

  /** The last answer, asked for again where it is old; undefined where the release has no gates. */
  read(key: string, release: CanaryRelease, status: CanaryReleaseStatus): GateStanding | undefined {
    if (listGates(release.spec).length === 0) {
      this.forget(key);
      return undefined;
    }
    // Once a release runs, each gate says itself what became of it.
    if (isRunning(parseState(status.state) ?? 'blocked')) return this.#trials.get(key)?.standing;
    const about = JSON.stringify([release.metadata.uid, release.spec.stages, release.spec.promotion]);
    const known = this.#trials.get(key);
    const trial: Trial = known?.about === about ? known : { about, standing: { kind: 'unasked' }, askedAtMs: 0, underWay: false };
    this.#trials.set(key, trial);
    if (!trial.underWay && this.#isDue(trial)) this.#ask(key, release, trial);
    return trial.standing;
  }

  forget(key: string): void {
    this.#trials.delete(key);
  }

  #isDue({ standing, askedAtMs }: Trial): boolean {
    const now = this.#world.clock.now();
    switch (standing.kind) {
      case 'unasked':
        return true;
      case 'ready':
        return now >= askedAtMs + AGAIN_WHEN_READY_MS;
      case 'refused':
        return now >= askedAtMs + AGAIN_WHEN_REFUSED_MS;
    }
  }

  #ask(key: string, release: CanaryRelease, trial: Trial): void {
    const refused = this.#refuseAddress(release);
    if (refused !== undefined) {
      trial.standing = refused;
      return;
    }
    trial.underWay = true;
    trial.askedAtMs = this.#world.clock.now();
    void this.#tryJobs(release).then((standing) => {
      const isNews = JSON.stringify(standing) !== JSON.stringify(trial.standing);
      trial.standing = standing;
      trial.underWay = false;
      if (this.#trials.get(key) !== trial) return;
      if (isNews) this.#onAnswer(key);
      // Nothing else would bring the release to notice when the right was granted.
      if (standing.kind !== 'ready')
        this.#world.clock.schedule(this.#world.clock.now() + AGAIN_WHEN_REFUSED_MS, () => this.#askAgain(key, trial));
    });
  }

  #askAgain(key: string, trial: Trial): void {
    if (this.#trials.get(key) === trial) this.#onAnswer(key);
  }

  #refuseAddress({ spec }: CanaryRelease): GateStanding | undefined {
    for (const { gate, stage } of listGates(spec)) {
      const why = gate.http === undefined ? undefined : this.#world.gateCaller.refusal(gate.http.url);
      if (why === undefined) continue;
      const about = nameGate({ name: gate.name, ...(stage === undefined ? {} : { stage }) });
      return { kind: 'refused', reason: 'GateNotAllowed', about, message: `${about}: ${why}` };
    }
    return undefined;
  }

  async #tryJobs(release: CanaryRelease): Promise<GateStanding> {
    const { namespace } = release.metadata;
    for (const { what, manifest } of listTrialJobs(release)) {
      // One after the other: the first refusal is what a person has to fix first.
      const trial = await this.#world.jobs.tryCreate(namespace, manifest);
      switch (trial.kind) {
        case 'ready':
        // A gate that cannot be created after all says so itself.
        case 'unknown':
          break;
        case 'forbidden':
          return {
            kind: 'refused',
            reason: 'GateNotPermitted',
            about: what,
            message: `${what} is a Job, and ${trial.message}; ${grant(namespace)}`,
          };
        case 'refused':
          return { kind: 'refused', reason: 'GateRefused', about: what, message: `${what}: ${trial.message}` };
      }
    }
    return { kind: 'ready' };
  }
}

function grant(namespace: string): string {
  return `apply config/gates and bind its role: kubectl create rolebinding glidepath-gates -n ${namespace} --clusterrole=glidepath-gates --serviceaccount=glidepath-system:glidepath`;
}

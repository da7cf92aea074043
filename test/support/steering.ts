// Makes the world do what takes a release along a given path of its machine: for every edge, what has to happen. Gateways,
// pods and last writes are held back until the path wants them, so that states that pass in no time can be stopped in.

import { GlidepathError } from '../../src/api/errors.ts';
import { RELEASE_ANNOTATION } from '../../src/api/names.ts';
import type { SpecInput } from '../../src/api/release.ts';
import { buildRule } from './memory/gateway.ts';
import type { Call, Fault } from './memory/calls.ts';
import { MemoryWorld, NAMESPACE } from './memory-world.ts';
import type { MachineEdge } from './machine-edges.ts';
import type { MachinePath } from './machine-paths.ts';

const TO_NEXT_STAGE: readonly string[] = ['isAdvanced', 'stageIsProven', 'isLetPassWithoutProof', 'isApprovedWithoutProof'];
const ASKS: readonly string[] = ['stageAsksWithoutProof', 'isApprovedWithoutProof', 'isApprovedWithoutProofAtTheEnd'];
const ANNOTATION_PATH = `/metadata/annotations/${RELEASE_ANNOTATION.replaceAll('/', '~1')}`;

/** The spec under which a path can be walked. */
function specFor(path: MachinePath): SpecInput {
  const takes = (guard: string) => path.some((edge) => edge.guard === guard);
  const reduces = takes('shouldReduce');
  const asks = path.some(({ guard = '' }) => ASKS.includes(guard));
  const approval = takes('stageIsProvenAndNeedsApproval') ? ('Required' as const) : ('Automatic' as const);
  const timing = { duration: '1m', timeout: '5m' };
  const more = reduces || path.some(({ guard = '' }) => TO_NEXT_STAGE.includes(guard));
  const letsPass = takes('isLetPassWithoutProof') || takes('isLetPassWithoutProofAtTheEnd');
  return {
    services: [{ name: 'v1' }, { name: 'v2' }],
    stages: [{ weight: 10, ...timing, approval: reduces ? 'Automatic' : approval }, ...(more ? [{ weight: 50, ...timing, approval }] : [])],
    analysis: {
      minRequests: 20,
      window: '20s',
      onInconclusive: asks ? 'Approve' : letsPass ? 'Promote' : 'Pause',
      comparison: { mode: 'Off' },
      onUnavailable: { after: '1m', then: reduces ? 'Reduce' : 'Pause' },
    },
    promotion: { bake: path.some(({ to }) => to === 'promoting.baking') ? '30s' : '0s' },
    deletionPolicy: takes('isLetGo') ? 'Retain' : 'Restore',
  };
}

export class Steering {
  readonly world = new MemoryWorld();
  readonly #spec: SpecInput;
  readonly #reduces: boolean;
  #holdsLastWrites = true;

  constructor(path: MachinePath) {
    this.#spec = specFor(path);
    this.#reduces = path.some(({ guard }) => guard === 'shouldReduce');
    this.world.setService('v1', {});
    this.world.setService('v2', { unready: 1 });
    this.world.createRoute('store', [buildRule({ v1: 2, v2: 0, beta: 1 })]);
    this.world.faults = (call) => this.#holdLastWrite(call);
    this.world.startOperator();
  }

  /** Lets things settle before the path begins. */
  async begin(): Promise<void> {
    await this.world.run(1_000);
    this.world.gateway.delayMs = Number.POSITIVE_INFINITY;
  }

  /** Makes an edge happen. @param took has the machine taken it? */
  async take(edge: MachineEdge, took: () => boolean): Promise<void> {
    await this.#provoke(edge);
    await this.world.until(edge.name, took, 900_000);
    if (edge.to === 'stage.analyzing' || edge.to === 'promoting.baking' || edge.to === 'promoting.restoring')
      this.world.gateway.delayMs = Number.POSITIVE_INFINITY;
    if (edge.guard === 'weightIsEffective' && edge.to === 'stage.analyzing' && this.#reduces) await this.#goToSecondStage();
    // The status follows the edge; home writes come before it.
    await this.world.run(1_500);
  }

  #holdLastWrite({ verb, body }: Call): Fault | undefined {
    const last = verb === 'patch' && Array.isArray(body) && body.some(({ op, path }) => op === 'remove' && path === ANNOTATION_PATH);
    return this.#holdsLastWrites && last
      ? { when: 'instead', error: new GlidepathError('GLIDEPATH_E_SERVER', 'held by the test', { retryable: true }) }
      : undefined;
  }

  #openGateway(): void {
    this.world.gateway.delayMs = 40;
    this.world.gateway.wake();
  }

  async #goToSecondStage(): Promise<void> {
    this.world.command('web', 'advance');
    this.#openGateway();
    await this.world.until(
      'stage 2',
      () => this.world.status('web')?.release?.stageIndex === 1 && this.world.status('web')?.state === 'stage.analyzing',
    );
    this.world.gateway.delayMs = Number.POSITIVE_INFINITY;
  }

  async #provoke(edge: MachineEdge): Promise<void> {
    const { world } = this;
    switch (edge.guard) {
      case 'candidateMayStart':
        return this.#offerCandidate(edge.from);
      case 'mustGoHome':
        return world.abort('web');
      case 'isUndoneByTraffic':
        return void world.command('web', 'undo');
      case 'isLetGo':
        return world.deleteRelease('web');
      case 'shouldPause':
        return world.editSpec('web', (spec) => ({ ...spec, paused: true }));
      case 'mayResumeTo':
        return world.editSpec('web', (spec) => ({ ...spec, paused: false }));
      case 'isBlocked':
        this.#openGateway();
        world.gateway.delayMs = Number.POSITIVE_INFINITY;
        return world.api.delete({ kind: 'Service', namespace: NAMESPACE, name: 'v1' }, 'kubectl-delete');
      case 'isFreeAgain':
        this.#openGateway();
        return world.setService('v1', {});
      case 'routesAreClaimedAndCanaryIsReady':
        return world.setService('v2', { unready: 0 });
      case 'weightIsEffective':
      case 'weightIsEffectiveAndBakes':
        return this.#openGateway();
      case 'allRoutesAreLeft':
        this.#holdsLastWrites = false;
        return;
      default:
        return this.#provokeByEvidence(edge);
    }
  }

  async #provokeByEvidence({ guard, from }: MachineEdge): Promise<void> {
    const { world } = this;
    switch (guard) {
      case 'isPromotedByCommand':
        return void world.command('web', 'promote');
      case 'isAdvanced':
        return void world.command('web', 'advance');
      case 'shouldReduce':
        world.prometheus.mode = 'down';
        return;
      case 'stageIsProvenBelowItsWeight':
        return world.editSpec('web', (spec) => ({ ...spec, stages: [{ weight: 40, duration: '1m' }] }));
      case 'isLetPassWithoutProof':
      case 'isLetPassWithoutProofAtTheEnd':
        await world.run(30_000);
        return world.setTraffic(0);
      case 'stageAsksWithoutProof':
        return world.setTraffic(0);
      case 'isApprovedWithoutProof':
      case 'isApprovedWithoutProofAtTheEnd':
        world.setTraffic(0);
        // Approved when the time is up: a stage that is proven by then would go on by itself.
        if (from === 'stage.awaitingApproval') await world.run(360_000);
        return void world.command('web', 'approve', 1);
      default:
        if (from !== 'stage.awaitingApproval') return;
        // A stage that waits without proof is proven first; it goes on by itself where nobody has to approve.
        world.setTraffic(50);
        await world.run(45_000);
        if (world.status('web')?.state === from) world.command('web', 'approve', 1);
    }
  }

  #offerCandidate(from: string): void {
    const canary = from === 'promoted' ? 'v1' : 'v2';
    if (from === 'idle') this.world.createRelease('web', this.#spec);
    else this.world.setService(canary, { hashes: [`${canary}-next`], unready: 1 });
  }
}

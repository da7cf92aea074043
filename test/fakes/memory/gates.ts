// Jobs and endpoints of gates in the memory world: a Job runs for a while and ends as the test says, an endpoint answers as it says. Both
// remember how often they were asked, whoever asked.

import { FIELD_MANAGER } from '../../../src/api/names.ts';
import { isGlidepathError } from '../../../src/api/errors.ts';
import type { Clock } from '../../../src/ports/clock.ts';
import type { GateAnswer, GateCaller, JobStore, JobTrial } from '../../../src/ports/gates.ts';
import type { GateQuestion } from '../../../src/core/release/gates/intents.ts';
import type { Json } from '../../../src/core/workload/objects.ts';
import type { MemoryApiServer, NewObject, StoredObject } from './api-server.ts';
import type { CallGate } from './calls.ts';

/** How a Job of a gate behaves. */
export interface JobBehaviour {
  readonly ms: number;
  readonly ends: 'completes' | 'fails' | 'never';
}

/** What the cluster and the endpoints do, for all operators alike. */
export class MemoryGates {
  /** By the name of the gate. */
  readonly behaviours = new Map<string, JobBehaviour>();
  trial: JobTrial = { kind: 'ready' };
  /** Gates whose Jobs were started, one for each. */
  readonly started: string[] = [];
  /** Requests that arrived. */
  readonly requests: GateQuestion[] = [];
  /** What an endpoint answers, and after how long. */
  answer: (question: GateQuestion) => { readonly afterMs: number; readonly answer: GateAnswer } = () => ({
    afterMs: 1_000,
    answer: { kind: 'answered', status: 200 },
  });
  refusal: string | undefined;
  readonly #clock: Clock;
  readonly #api: MemoryApiServer;

  constructor(clock: Clock, api: MemoryApiServer) {
    this.#clock = clock;
    this.#api = api;
    api.onChange((change) => {
      if (change.kind === 'Job' && change.old === undefined && change.now !== undefined) this.#begin(change.now);
    });
  }

  /** Jobs that are there and have not ended. */
  get running(): readonly string[] {
    return this.#api
      .list('Job')
      .filter(({ status }) => status === undefined)
      .map(({ metadata }) => metadata.name);
  }

  #begin(job: StoredObject): void {
    const { labels } = job.metadata as { readonly labels?: Readonly<Record<string, string>> };
    const gate = labels?.['glidepath.dev/gate'] ?? '';
    this.started.push(gate);
    const { ms, ends } = this.behaviours.get(gate) ?? { ms: 5_000, ends: 'completes' };
    if (ends === 'never') return;
    this.#clock.schedule(this.#clock.now() + ms, () => {
      const { name, namespace } = job.metadata;
      const key = { kind: 'Job', namespace, name };
      if (this.#api.get(key)?.metadata.uid !== job.metadata.uid) return;
      const type = ends === 'completes' ? 'Complete' : 'Failed';
      const status = { conditions: [{ type, status: 'True', reason: 'BackoffLimitExceeded', message: 'it failed' }] };
      this.#api.update(key, 'job-controller', (old) => ({ ...old, status }), 'status');
    });
  }
}

interface Parts {
  readonly clock: Clock;
  readonly api: MemoryApiServer;
  readonly gate: CallGate;
  readonly gates: MemoryGates;
}

/** The Jobs as one operator reaches them. */
export function buildJobs({ api, gate, gates }: Parts): JobStore {
  const keyOf = (namespace: string, name: string) => ({ kind: 'Job', namespace, name });
  return {
    tryCreate: () => gate.pass({ verb: 'readPolicies', target: 'dry-run of a Job' }, () => gates.trial),
    create: (namespace, manifest) =>
      gate.pass({ verb: 'job', target: `create ${nameOf(manifest)}` }, () => {
        try {
          const { metadata, ...rest } = manifest as unknown as NewObject;
          return api.create({ ...rest, metadata: { ...metadata, namespace } }, FIELD_MANAGER) as unknown as Json;
        } catch (thrown) {
          if (isGlidepathError(thrown, 'GLIDEPATH_E_CONFLICT')) return undefined;
          throw thrown;
        }
      }),
    read: (namespace, name) =>
      gate.pass({ verb: 'readRoute', target: `Job ${name}` }, () => api.get(keyOf(namespace, name)) as unknown as Json | undefined),
    readLog: (_namespace, name) => gate.pass({ verb: 'readRoute', target: `log of ${name}` }, () => 'the last line'),
    delete: async (namespace, name) =>
      gate.pass({ verb: 'job', target: `delete ${name}` }, () => api.delete(keyOf(namespace, name), FIELD_MANAGER)),
  };
}

function nameOf({ metadata }: Json): string {
  return String((metadata as { readonly name?: unknown }).name);
}

/** The endpoints as one operator reaches them: an answer to one that was killed is lost. */
export function buildGateCaller({ clock, gate, gates }: Parts): GateCaller {
  return {
    refusal: () => gates.refusal,
    call: async (_namespace, { body }) => {
      const { afterMs, answer } = await gate.pass({ verb: 'call', target: `${body.gate} ${body.attempt}` }, () => {
        gates.requests.push(body);
        return gates.answer(body);
      });
      await new Promise<void>((resolve) => clock.schedule(clock.now() + afterMs, resolve));
      return gate.dead ? new Promise<never>(() => undefined) : answer;
    },
  };
}

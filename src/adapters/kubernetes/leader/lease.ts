// The Lease object of the election: one attempt to take or renew it. Whether it has run out is judged by how long *we* have
// seen it unchanged; times written by other machines are never compared with our clock.

import { isGlidepathError } from '../../../api/errors.ts';
import { FIELD_MANAGER } from '../../../api/names.ts';
import { type Fields, fieldsOf, textOf } from '../client/fields.ts';
import { microTime } from '../client/micro-time.ts';
import type { Transport } from '../client/transport.ts';

export interface LeaseOptions {
  readonly transport: Transport;
  readonly namespace: string;
  readonly name: string;
  /** Unique to this process. */
  readonly identity: string;
  readonly leaseMs: number;
  readonly now: () => number;
}

/** `held` by us, by `other`, or `unknown`: another candidate wrote at the same moment. */
export type LeaseOutcome = 'held' | 'other' | 'unknown';

export class Lease {
  readonly #options: LeaseOptions;
  #held: Fields | undefined;
  #observed = '';
  #observedAtMs = 0;

  constructor(options: LeaseOptions) {
    this.#options = options;
  }

  /** How often the lease has changed hands; of use as an epoch while we hold it. */
  get transitions(): number {
    return transitionsOf(fieldsOf(this.#held?.['spec']));
  }

  /** @throws GlidepathError when the API server does not answer. */
  async takeOrRenew(deadlineMs: number): Promise<LeaseOutcome> {
    if (this.#held !== undefined && (await this.#put(this.#held, deadlineMs))) return 'held';
    this.#held = undefined;
    const lease = await this.#get(deadlineMs);
    if (lease === undefined) return (await this.#create(deadlineMs)) ? 'held' : 'unknown';
    this.#observe(lease);
    if (this.#isOthers(lease)) return 'other';
    return (await this.#put(lease, deadlineMs)) ? 'held' : 'unknown';
  }

  /** Releases the lease, so that the next leader need not wait until it expires. Never throws. */
  async release(deadlineMs: number): Promise<void> {
    const held = this.#held;
    this.#held = undefined;
    if (held === undefined) return;
    const spec = { ...fieldsOf(held['spec']), holderIdentity: '', leaseDurationSeconds: 1, renewTime: microTime(Date.now()) };
    await this.#replace(held, spec, deadlineMs).catch(() => undefined);
  }

  async #get(deadlineMs: number): Promise<Fields | undefined> {
    try {
      const { body } = await this.#options.transport.request({
        method: 'GET',
        path: `${this.#path()}/${this.#options.name}`,
        lane: 'watch',
        repeat: false,
        deadlineMs,
      });
      return fieldsOf(body);
    } catch (error) {
      if (isGlidepathError(error, 'GLIDEPATH_E_NOT_FOUND')) return undefined;
      throw error;
    }
  }

  async #create(deadlineMs: number): Promise<boolean> {
    const { namespace, name, transport } = this.#options;
    const metadata = { namespace, name };
    try {
      const { body } = await transport.request({
        method: 'POST',
        path: this.#path(),
        query: { fieldManager: FIELD_MANAGER },
        body: { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata, spec: this.#specAfter({}) },
        lane: 'watch',
        deadlineMs,
      });
      this.#held = fieldsOf(body);
      return true;
    } catch (error) {
      return refuseUnlessConflict(error);
    }
  }

  /** @returns false when another candidate was faster. */
  async #put(lease: Fields, deadlineMs: number): Promise<boolean> {
    try {
      this.#held = await this.#replace(lease, this.#specAfter(fieldsOf(lease['spec'])), deadlineMs);
      return true;
    } catch (error) {
      return refuseUnlessConflict(error);
    }
  }

  async #replace(lease: Fields, spec: Fields, deadlineMs: number): Promise<Fields> {
    const { body } = await this.#options.transport.request({
      method: 'PUT',
      path: `${this.#path()}/${this.#options.name}`,
      query: { fieldManager: FIELD_MANAGER },
      body: { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: lease['metadata'], spec },
      lane: 'watch',
      deadlineMs,
    });
    return fieldsOf(body);
  }

  #specAfter(spec: Fields): Fields {
    const { identity, leaseMs } = this.#options;
    const now = microTime(Date.now());
    const mine = spec['holderIdentity'] === identity;
    const first = spec['holderIdentity'] === undefined;
    return {
      ...spec,
      holderIdentity: identity,
      leaseDurationSeconds: Math.ceil(leaseMs / 1000),
      renewTime: now,
      acquireTime: mine ? (spec['acquireTime'] ?? now) : now,
      leaseTransitions: transitionsOf(spec) + (mine || first ? 0 : 1),
    };
  }

  #observe(lease: Fields): void {
    const { holderIdentity, renewTime, acquireTime, leaseTransitions } = fieldsOf(lease['spec']);
    const seen = JSON.stringify([holderIdentity, renewTime, acquireTime, leaseTransitions]);
    if (seen === this.#observed) return;
    this.#observed = seen;
    this.#observedAtMs = this.#options.now();
  }

  #isOthers(lease: Fields): boolean {
    const { holderIdentity, leaseDurationSeconds } = fieldsOf(lease['spec']);
    const holder = textOf(holderIdentity) ?? '';
    if (holder === '' || holder === this.#options.identity) return false;
    const lastsMs = typeof leaseDurationSeconds === 'number' ? leaseDurationSeconds * 1000 : this.#options.leaseMs;
    return this.#options.now() < this.#observedAtMs + lastsMs;
  }

  #path(): string {
    return `/apis/coordination.k8s.io/v1/namespaces/${encodeURIComponent(this.#options.namespace)}/leases`;
  }
}

function transitionsOf(spec: Fields): number {
  return typeof spec['leaseTransitions'] === 'number' ? spec['leaseTransitions'] : 0;
}

function refuseUnlessConflict(error: unknown): false {
  if (isGlidepathError(error, 'GLIDEPATH_E_CONFLICT')) return false;
  throw error;
}

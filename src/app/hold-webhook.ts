// Maintains the webhook that holds Deployments: every replica presents the stored certificate, the leader renews it and registers
// with the API server which Deployments the webhook is for. A new certificate is trusted before it is presented.

import { isGlidepathError, messageOf } from '../api/errors.ts';
import { buildRegistration, type WebhookEndpoint } from '../core/hold/registration.ts';
import type { HoldTarget } from '../core/hold/review.ts';
import type { Clock } from '../ports/clock.ts';
import type { CertificateMaker, CertificateStore, HoldRegistry, ServingCertificate } from '../ports/hold.ts';

export interface HoldWebhookOptions {
  readonly clock: Clock;
  readonly endpoint: WebhookEndpoint;
  readonly certificates: CertificateStore;
  readonly maker: CertificateMaker;
  readonly registry: HoldRegistry;
  /** Every release that names a Deployment. */
  readonly targets: () => readonly HoldTarget[];
  /** Uses a certificate for new connections. @throws when it is not valid */
  readonly serve: (certificate: ServingCertificate) => void;
  readonly onRenewed: () => void;
  /** Called once for each reason, until it works again. */
  readonly onFault: (error: unknown) => void;
}

/** How often the stored certificate is read, so that all replicas present a new one within this time. */
const PERIOD_MS = 60_000;
const RETRY_MS = 5_000;
/** The API server uses a new registration only after its own watch has shown it. */
const SETTLE_MS = 1_000;

export class HoldWebhook {
  readonly #options: HoldWebhookOptions;
  #leads = false;
  #stopped = false;
  #shown: ServingCertificate | undefined;
  #covered: ReadonlySet<string> = new Set();
  #fault: string | undefined;
  #tail: Promise<void> = Promise.resolve();
  #queued: Promise<void> | undefined;
  #cancel: () => void = () => undefined;

  constructor(options: HoldWebhookOptions) {
    this.#options = options;
  }

  /** True once there is a certificate to answer with. */
  get ready(): boolean {
    return this.#shown !== undefined;
  }

  /** Begins to present the stored certificate. */
  start(): void {
    void this.#ask();
  }

  /** This replica leads from now on. */
  lead(): void {
    this.#leads = true;
    void this.#ask();
  }

  /** A release changed, came (`old` undefined) or went. */
  changed(old: HoldTarget | undefined, now: HoldTarget | undefined): void {
    if (this.#leads && nameOf(old) !== nameOf(now)) void this.#ask();
  }

  /** Resolves when the webhook is registered for that Deployment, or the registration failed. Never throws. */
  async cover(namespace: string, deployment: string): Promise<void> {
    const name = `${namespace}/${deployment}`;
    if (this.#covered.has(name)) return;
    await this.#ask();
    const { clock } = this.#options;
    if (this.#covered.has(name) && !this.#stopped)
      await new Promise<void>((resolve) => void clock.schedule(clock.now() + SETTLE_MS, resolve));
  }

  /** Ends the current pass; the certificate stays in use. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancel();
    await this.#tail;
  }

  /** Passes never overlap; those that are requested during a pass are combined into one. */
  #ask(): Promise<void> {
    this.#queued ??= this.#tail.then(async () => {
      this.#queued = undefined;
      await this.#pass();
    });
    this.#tail = this.#queued;
    return this.#queued;
  }

  async #pass(): Promise<void> {
    if (this.#stopped) return;
    this.#cancel();
    const { clock } = this.#options;
    const worked = await this.#work().then(
      () => true,
      (thrown: unknown) => this.#complain(thrown),
    );
    if (worked) this.#fault = undefined;
    if (this.#stopped) return;
    const waitMs = worked && this.ready ? PERIOD_MS : RETRY_MS;
    this.#cancel = clock.schedule(clock.now() + waitMs, () => void this.#ask());
  }

  #complain(thrown: unknown): false {
    const message = messageOf(thrown);
    // Another leader wrote the Secret first: its certificate is read in the next pass.
    if (message !== this.#fault && !isGlidepathError(thrown, 'GLIDEPATH_E_CONFLICT')) this.#options.onFault(thrown);
    this.#fault = message;
    return false;
  }

  async #work(): Promise<void> {
    const kept = await this.#options.certificates.read();
    const current = await this.#renew(kept);
    if (current === undefined) return;
    this.#show(current);
    if (this.#leads) await this.#register(current);
  }

  async #renew(kept: ServingCertificate | undefined): Promise<ServingCertificate | undefined> {
    const { certificates, maker, clock, onRenewed } = this.#options;
    if (!this.#leads || certificates.write === undefined) return kept;
    const now = clock.now();
    if (kept !== undefined && maker.isGood(kept, now)) return kept;
    const next = maker.make(now, kept);
    await this.#register(next);
    await certificates.write(next);
    onRenewed();
    return next;
  }

  #show(current: ServingCertificate): void {
    if (current.cert === this.#shown?.cert && current.key === this.#shown.key) return;
    this.#options.serve(current);
    this.#shown = current;
  }

  async #register({ authorities }: ServingCertificate): Promise<void> {
    const { registry, endpoint, targets } = this.#options;
    const asked = targets();
    await registry.register(buildRegistration(asked, endpoint, authorities));
    this.#covered = new Set(asked.map(({ namespace, deployment }) => `${namespace}/${deployment}`));
  }
}

function nameOf(target: HoldTarget | undefined): string | undefined {
  return target === undefined ? undefined : `${target.namespace}/${target.deployment}`;
}

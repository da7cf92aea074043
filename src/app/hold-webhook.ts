// Keeps the webhook that holds Deployments: every replica shows the certificate that is kept for all, the leader renews it and
// tells the API server which Deployments to ask about. A new certificate is trusted before it is shown.

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
  /** Takes a certificate for new connections. @throws when it cannot be one */
  readonly serve: (certificate: ServingCertificate) => void;
  readonly onRenewed: () => void;
  /** Told once for each reason, until it works again. */
  readonly onFault: (error: unknown) => void;
}

/** What is kept by others is looked at this often, so a new certificate is shown by all replicas within this time. */
const PERIOD_MS = 60_000;
const RETRY_MS = 5_000;
/** The API server asks by a new registration only when its own watch has shown it. */
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

  /** Begins to show the kept certificate. */
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

  /** Resolves when the API server asks about that Deployment, or could not be told to. Never throws. */
  async cover(namespace: string, deployment: string): Promise<void> {
    const name = `${namespace}/${deployment}`;
    if (this.#covered.has(name)) return;
    await this.#ask();
    const { clock } = this.#options;
    if (this.#covered.has(name) && !this.#stopped)
      await new Promise<void>((resolve) => void clock.schedule(clock.now() + SETTLE_MS, resolve));
  }

  /** Ends what is under way; the certificate stays in use. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancel();
    await this.#tail;
  }

  /** Passes never overlap; of those that are asked for while one runs there is one. */
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

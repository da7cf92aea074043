// The webhook that holds Deployments, as the operator keeps it: its certificate and its registration with the API server.

import type { Json } from '../core/workload/objects.ts';

/** All PEM. */
export interface ServingCertificate {
  readonly cert: string;
  readonly key: string;
  /** What the API server must trust: the authority of the current certificate, and during a renewal both. */
  readonly authorities: string;
}

/** Where the certificate is kept, for all replicas. */
export interface CertificateStore {
  /** @returns undefined when there is none yet. */
  read(): Promise<ServingCertificate | undefined>;
  /** Keeps a new one. Absent where another tool renews, such as cert-manager. @throws when another one was stored meanwhile */
  readonly write?: (next: ServingCertificate) => Promise<void>;
}

/** Creates self-signed certificates. */
export interface CertificateMaker {
  /** @param previous stays trusted as long as it is valid: replicas may still present it */
  make(nowMs: number, previous?: ServingCertificate): ServingCertificate;
  /** True while it fits its key and our names, and is in the first two thirds of its life. */
  isGood(certificate: ServingCertificate, nowMs: number): boolean;
}

/** The webhook's entry at the API server. */
export interface HoldRegistry {
  /** Makes the entries so. @returns true when something had to be written */
  register(entries: readonly Json[]): Promise<boolean>;
}

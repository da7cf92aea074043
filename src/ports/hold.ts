// The webhook that holds Deployments, as the operator keeps it: its certificate and its registration with the API server.

import type { Json } from '../core/workload/objects.ts';

/** All PEM. */
export interface ServingCertificate {
  readonly cert: string;
  readonly key: string;
  /** Whom the API server shall trust: the present certificate's authority, and while one follows another both. */
  readonly authorities: string;
}

/** Where the certificate is kept, for all replicas. */
export interface CertificateStore {
  /** @returns undefined when there is none yet. */
  read(): Promise<ServingCertificate | undefined>;
  /** Keeps a new one. Absent where somebody else renews, such as cert-manager. @throws when another one came meanwhile */
  readonly write?: (next: ServingCertificate) => Promise<void>;
}

/** Makes certificates that are their own authority. */
export interface CertificateMaker {
  /** @param previous goes on being trusted, as long as it is valid: replicas may still show it */
  make(nowMs: number, previous?: ServingCertificate): ServingCertificate;
  /** True while it fits its key and our names, and is in the first two thirds of its life. */
  isGood(certificate: ServingCertificate, nowMs: number): boolean;
}

/** The webhook's entry at the API server. */
export interface HoldRegistry {
  /** Makes the entries so. @returns true when something had to be written */
  register(entries: readonly Json[]): Promise<boolean>;
}

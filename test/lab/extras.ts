// What a lab can have beside the cluster, its gateway and Prometheus. What was asked for once stays until the lab goes down.
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { STATE } from './settings.ts';

/** In the order in which they start. */
export const EXTRAS = ['dns', 'envoy-gateway', 'traefik', 'istio', 'argocd', 'flux'] as const;
/** A part that a lab has only when it was asked for. */
export type Extra = (typeof EXTRAS)[number];

/** Those that are gateways. */
export const GATEWAY_EXTRAS = ['envoy-gateway', 'traefik', 'istio'] as const satisfies readonly Extra[];

/** What an extra cannot do without. */
const NEEDS: Readonly<Record<Extra, readonly Extra[]>> = {
  dns: [],
  // The proxies' bootstrap names the control plane by its name in the cluster.
  'envoy-gateway': ['dns'],
  traefik: [],
  istio: [],
  argocd: [],
  flux: [],
};

const FOLDER = join(STATE, 'extras');

/** These and what they need, in the order in which they start. */
export function withNeeds(extras: readonly Extra[]): readonly Extra[] {
  const all = new Set(extras.flatMap((extra) => [extra, ...NEEDS[extra]]));
  return EXTRAS.filter((extra) => all.has(extra));
}

/** Whether this lab was brought up with it. */
export function isWanted(extra: Extra): boolean {
  return existsSync(join(FOLDER, extra));
}

/** The extras that this lab was brought up with. */
export function wantedExtras(): readonly Extra[] {
  return EXTRAS.filter(isWanted);
}

/** From now on this lab has these, until it goes down. */
export function want(extras: readonly Extra[]): void {
  mkdirSync(FOLDER, { recursive: true });
  for (const extra of extras) writeFileSync(join(FOLDER, extra), '');
}

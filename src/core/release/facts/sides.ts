// The two Services of a release by role: which serves, which is the canary, and the ports by which rules name them.

import type { CanaryReleaseSpec, ReleaseStatus } from '../../../api/release.ts';
import { nameCanary } from '../../workload/canary-names.ts';

/** The two Services by role. `adds`: the canary is ours, and so is its ref in the routes (Deployment mode). */
export interface Sides {
  readonly serving: string;
  readonly canary: string;
  readonly adds?: boolean;
  /** The ports of the spec: rules that name a Service by another one are none of the release. */
  readonly servingPort?: number;
  readonly canaryPort?: number;
}

/** The roles of a release that began. */
export function pairOf(release: Pick<ReleaseStatus, 'serving' | 'canary' | 'workload'>): Sides {
  const { serving, canary } = release;
  const pair = atPorts({ serving: serving.service, canary: canary.service }, serving.port, canary.port);
  return release.workload === undefined ? pair : { ...pair, adds: true };
}

/** The two Services by the ports that the spec has for them. */
export function sidesOf(spec: CanaryReleaseSpec, sides: Pick<Sides, 'serving' | 'canary' | 'adds'>): Sides {
  return atPorts(sides, portOf(spec, sides.serving), portOf(spec, sides.canary));
}

function atPorts(sides: Sides, servingPort: number | undefined, canaryPort: number | undefined): Sides {
  return { ...sides, ...(servingPort === undefined ? {} : { servingPort }), ...(canaryPort === undefined ? {} : { canaryPort }) };
}

/** The two Services as a release records them. */
export function backendsOf({ serving, canary, servingPort, canaryPort }: Sides): Pick<ReleaseStatus, 'serving' | 'canary'> {
  const backend = (service: string, port: number | undefined) => (port === undefined ? { service } : { service, port });
  return { serving: backend(serving, servingPort), canary: backend(canary, canaryPort) };
}

/** The port by which the spec wants a Service named; undefined for any. The canary that we make has the ports of what serves. */
export function portOf(spec: CanaryReleaseSpec, service: string): number | undefined {
  const own = spec.service;
  if (own !== undefined && (service === own.name || service === nameCanary(own.name))) return own.port;
  return spec.services?.find(({ name }) => name === service)?.port;
}

/** Services that a spec names. */
export function servicesOf(spec: CanaryReleaseSpec): readonly string[] {
  return (spec.services ?? (spec.service === undefined ? [] : [spec.service])).map((service) => service.name);
}

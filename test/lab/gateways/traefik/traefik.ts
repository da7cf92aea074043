// Traefik in the bare lab: a program of the lab's network that drives a Gateway of its own, and is scraped with the others.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { kubectl } from '../../apply.ts';
import { type Component, whyNotOk } from '../../component.ts';
import { ensurePinned, folderOf, type PinnedTool, versionOf } from '../../pinned-tool.ts';
import { STATE } from '../../settings.ts';
import { buildGo } from '../../tools.ts';
import { TRAEFIK_METRICS, TRAEFIK_PORT } from '../gateways.ts';

const PIN_FOLDER = join(import.meta.dirname, 'tool');
const MODULE = 'github.com/traefik/traefik/v3';

const TOOL: PinnedTool = {
  name: 'traefik',
  pinFolder: PIN_FOLDER,
  module: MODULE,
  usually: '8 min',
  make: (out, step) =>
    buildGo(PIN_FOLDER, `${MODULE}/cmd/traefik`, join(out, 'traefik'), step, [
      `${MODULE}/pkg/version.Version=${traefikVersion().slice(1)}`,
    ]),
};

/** Builds Traefik unless the cache has it. */
export const ensureTraefik = (): Promise<void> => ensurePinned(TOOL);

/** The version that go.mod pins. */
export const traefikVersion = (): string => versionOf(TOOL);

/** How it is called. Its buckets are those that its documentation shows for finer latencies. */
export const TRAEFIK_COMPONENT: Component = {
  argv: () => [
    join(folderOf(TOOL), 'traefik'),
    `--entryPoints.web.address=:${TRAEFIK_PORT}`,
    `--entryPoints.metrics.address=${TRAEFIK_METRICS}`,
    '--ping=true',
    '--ping.entryPoint=metrics',
    '--providers.kubernetesgateway=true',
    '--global.checkNewVersion=false',
    '--global.sendAnonymousUsage=false',
    '--metrics.prometheus=true',
    '--metrics.prometheus.entryPoint=metrics',
    '--metrics.prometheus.addServicesLabels=true',
    '--metrics.prometheus.buckets=0.005,0.01,0.025,0.05,0.1,0.25,0.5,1,2.5,5,10',
    '--log.level=INFO',
  ],
  whyNotReady: () => whyNotOk(`http://${TRAEFIK_METRICS}/ping`),
  // Prometheus reads every file of that folder, without a reload.
  prepare: async () => writeFileSync(join(STATE, 'targets/traefik.json'), JSON.stringify([{ targets: [TRAEFIK_METRICS] }])),
};

/** Its class, and the gateway `default/edge-traefik`, open to routes of all namespaces. */
export const TRAEFIK_OBJECTS: readonly object[] = [
  {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'GatewayClass',
    metadata: { name: 'traefik' },
    spec: { controllerName: 'traefik.io/gateway-controller' },
  },
  {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'Gateway',
    metadata: { name: 'edge-traefik', namespace: 'default' },
    spec: {
      gatewayClassName: 'traefik',
      listeners: [{ name: 'http', port: TRAEFIK_PORT, protocol: 'HTTP', allowedRoutes: { namespaces: { from: 'All' } } }],
    },
  },
];

/** Resolves when it has taken its Gateway. */
export async function waitForTraefik(): Promise<void> {
  await kubectl('wait', '--for=condition=Programmed', 'gateway/edge-traefik', '-n', 'default', '--timeout=60s');
}

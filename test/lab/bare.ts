// The lab without Docker: a one-node Kubernetes of plain processes in one network namespace.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { removeLeftovers } from './cleanup.ts';
import { applyDefinitionsOf, applyObjects, kubectl, tryKubectl } from './apply.ts';
import { ARGOCD_NAMES } from './argocd/components.ts';
import { argocdObjects } from './argocd/objects.ts';
import { argocdFolder, ensureArgocd } from './argocd/tool.ts';
import { ALL_NAMES, type ComponentName, wantedNames } from './components.ts';
import { type Extra, want, wantedExtras, withNeeds } from './extras.ts';
import { FLUX_NAMES } from './flux/components.ts';
import { prepareFlux } from './flux/start.ts';
import { ensureFlux } from './flux/tools.ts';
import { DNS_OBJECTS, ensureDns } from './gateways/dns/dns.ts';
import { startEnvoyGateway } from './gateways/envoy-gateway/start.ts';
import { ensureEnvoyGateway } from './gateways/envoy-gateway/tool.ts';
import { ensureIstio } from './gateways/istio/istio.ts';
import { prepareIstio, startIstioGateway } from './gateways/istio/start.ts';
import { ensureTraefik, TRAEFIK_OBJECTS, waitForTraefik } from './gateways/traefik/traefik.ts';
import { GATEWAY_OBJECTS, PROMETHEUS_OBJECTS, WAKE_ROUTE, writeConfiguration } from './configuration.ts';
import { startProgram, waitReady, waitUntil, whyNotHealthy } from './launch.ts';
import { createNetns, deleteNetns, ENTER_NETNS, foreignOwner, isInsideLab, netnsExists, outsideEnvironment } from './netns.ts';
import { ARGOCD_PACKAGES, ensurePackages, FLUX_PACKAGES, ensurePrerequisites } from './prerequisites.ts';
import { probe } from './probe.ts';
import { startedNames, stopProcess } from './processes.ts';
import { say, showStep } from './progress.ts';
import { CONTAINERD_SOCKET, GATEWAY_URL, LAB_FOLDER, LabError, NODE_NAME, STATE } from './settings.ts';
import { run } from './shell.ts';
import { ensureTools, toolPath, toolsFolder } from './tools.ts';

/** Says which tools the state was made with; other tools mean another lab. */
const TOOLS_FILE = join(STATE, 'tools');

/** Runs a command of main.ts in the lab's namespace; true when it ended well. */
export function runInside(...args: readonly string[]): Promise<boolean> {
  const [command = '', ...words] = [...ENTER_NETNS, process.execPath, join(LAB_FOLDER, 'main.ts'), ...args];
  // What is built on the way needs the machine's network.
  const child = spawn(command, words, { stdio: 'inherit', env: { ...process.env, ...outsideEnvironment() } });
  let interruptedBy = '';
  const interrupt = (signal: NodeJS.Signals): void => {
    interruptedBy = signal;
    child.kill(signal);
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, interrupt);
  return new Promise((resolve, reject) => {
    child.on('close', (code) => {
      for (const signal of signals) process.off(signal, interrupt);
      if (interruptedBy !== '') reject(new LabError(`Interrupted by ${interruptedBy}; what was started goes on, \`down\` ends it.`));
      else resolve(code === 0);
    });
  });
}

/** What is wrong with each program, undefined when it is fine. The caller is in the lab's namespace. */
export async function inspectBare(): Promise<ReadonlyMap<ComponentName, string | undefined>> {
  const names = wantedNames();
  const faults = await Promise.all(names.map((name) => whyNotHealthy(name)));
  return new Map(names.map((name, index) => [name, faults[index]]));
}

function stateBelongsToTools(): boolean {
  return existsSync(TOOLS_FILE) && readFileSync(TOOLS_FILE, 'utf8') === toolsFolder();
}

/** What an extra needs of the machine, and how it is brought up in a cluster that is ready. */
interface ExtraSteps {
  readonly title: string;
  readonly ensure: () => Promise<void>;
  readonly start: () => Promise<void>;
}

const EXTRA_STEPS: Readonly<Record<Extra, ExtraSteps>> = {
  dns: {
    title: 'Cluster DNS',
    ensure: ensureDns,
    start: async () => {
      await applyObjects(DNS_OBJECTS);
      await start('dns');
    },
  },
  'envoy-gateway': { title: 'Envoy Gateway (usually 20 s)', ensure: ensureEnvoyGateway, start: startEnvoyGateway },
  argocd: {
    title: 'Argo CD (usually 4 s)',
    ensure: async () => {
      await ensurePackages(ARGOCD_PACKAGES);
      await ensureArgocd();
    },
    start: startArgocd,
  },
  traefik: {
    title: 'Traefik (usually 2 s)',
    ensure: ensureTraefik,
    start: async () => {
      await applyObjects(TRAEFIK_OBJECTS);
      await start('traefik');
      await waitForTraefik();
    },
  },
  istio: {
    title: 'Istio (usually 10 s)',
    ensure: ensureIstio,
    start: async () => {
      await prepareIstio();
      await start('istiod');
      await startIstioGateway();
    },
  },
  flux: {
    title: 'Flux (usually 5 s)',
    ensure: async () => {
      await ensurePackages(FLUX_PACKAGES);
      await ensureFlux();
    },
    start: async () => {
      await prepareFlux();
      await start(...FLUX_NAMES);
    },
  },
};

/** Brings the bare lab up with these extras: builds what is missing, repairs what is half dead, starts anew what cannot be repaired. */
export async function upBare(asked: readonly Extra[]): Promise<void> {
  const extras = withNeeds(asked);
  const foreign = foreignOwner();
  if (foreign !== undefined)
    throw new LabError(
      `A lab with the state folder ${foreign} is up; end it first with GLIDEPATH_LAB_STATE=${foreign} npm run lab -- down`,
    );
  await ensurePrerequisites();
  await ensureTools();
  for (const extra of extras) await EXTRA_STEPS[extra].ensure();
  if (netnsExists() && stateBelongsToTools()) {
    want(extras);
    if (await runInside('start-inside')) return;
    say('The lab could not be repaired; starting it anew.');
  }
  await downBare();
  mkdirSync(STATE, { recursive: true });
  writeFileSync(TOOLS_FILE, toolsFolder());
  want(extras);
  await createNetns();
  if (!(await runInside('start-inside'))) {
    throw new LabError(`The lab did not come up; its logs are in ${STATE}/log, \`down\` removes it.`);
  }
}

/** Starts every program that does not run and waits until all is ready. The caller is in the lab's namespace. */
export async function startInside(): Promise<void> {
  if (!isInsideLab()) throw new LabError("start-inside is for the lab's own namespace; use up.");
  const broken = [...(await inspectBare())].filter(([, fault]) => fault !== undefined).map(([name]) => name);
  const complete = join(STATE, 'complete');
  const missing = existsSync(complete) ? wantedExtras().filter((extra) => !readFileSync(complete, 'utf8').split(' ').includes(extra)) : [];
  if (broken.length === 0 && missing.length === 0 && existsSync(complete)) return say('The lab is up already.');
  if (existsSync(complete))
    say(broken.length > 0 ? `Repairing the lab: ${broken.join(', ')}.` : `Adding to the lab: ${missing.join(', ')}.`);
  rmSync(complete, { force: true });
  await writeConfiguration();
  await showStep('Storage, containers, Prometheus', () => start('etcd', 'containerd', 'prometheus'));
  await showStep('API server (usually 4 s)', () => start('apiserver'));
  await showStep('Node and control plane', async () => {
    await Promise.all([importPause().then(() => start('controllers', 'scheduler', 'kubelet', 'proxy', 'discovery')), applyDefinitions()]);
  });
  await showStep('Gateway', () => start('contour', 'envoy'));
  await showStep('Node ready, gateway programmed (usually 3 s)', waitForCluster);
  for (const extra of wantedExtras()) await showStep(EXTRA_STEPS[extra].title, EXTRA_STEPS[extra].start);
  writeFileSync(complete, wantedExtras().join(' '));
}

async function start(...names: readonly ComponentName[]): Promise<void> {
  for (const name of names) await startProgram(name);
  await Promise.all(names.map((name) => waitReady(name)));
}

async function startArgocd(): Promise<void> {
  await kubectl('apply', '--server-side', '--force-conflicts', '-f', join(argocdFolder(), 'crds'));
  await waitUntil('The kinds of Argo CD are not served', whyNoProjects);
  const [namespace = {}, ...others] = argocdObjects();
  await applyObjects([namespace]);
  await applyObjects(others);
  await start(...ARGOCD_NAMES);
}

async function whyNoProjects(): Promise<string | undefined> {
  const { code, stderr } = await tryKubectl('get', 'appprojects,applications', '-A');
  return code === 0 ? undefined : stderr.trim();
}

async function importPause(): Promise<void> {
  await run('ctr', ['-a', CONTAINERD_SOCKET, '-n', 'k8s.io', 'images', 'import', toolPath('pause.tar')]);
}

async function applyDefinitions(): Promise<void> {
  await applyDefinitionsOf(join(toolsFolder(), 'crds'));
  await applyObjects(GATEWAY_OBJECTS);
  await applyObjects([...PROMETHEUS_OBJECTS, WAKE_ROUTE]);
}

async function waitForCluster(): Promise<void> {
  const patience = '--timeout=90s';
  await Promise.all([
    waitUntil('The node has not registered', whyNoNode).then(() => kubectl('wait', '--for=condition=Ready', `node/${NODE_NAME}`, patience)),
    kubectl('wait', '--for=condition=Programmed', 'gateway/edge', '-n', 'default', patience),
  ]);
  await waitUntil('The gateway does not answer', whyNoGateway);
}

async function whyNoGateway(): Promise<string | undefined> {
  const { status, body } = await probe(GATEWAY_URL);
  return status > 0 ? undefined : body;
}

async function whyNoNode(): Promise<string | undefined> {
  const { code, stderr } = await tryKubectl('get', 'node', NODE_NAME);
  return code === 0 ? undefined : stderr.trim();
}

/** Ends everything of the bare lab and removes its state; harmless when there is none. */
export async function downBare(): Promise<void> {
  const isForeign = !netnsExists() || foreignOwner() !== undefined;
  if (isForeign && startedNames().length === 0 && !existsSync(STATE)) return;
  await showStep('Ending the lab', async () => {
    const order = ALL_NAMES.toReversed();
    // Kubelet first, else it would start again what goes; etcd last.
    for (const name of ['kubelet' as const, ...order.filter((other) => other !== 'kubelet')]) await stopProcess(name, 2000);
    for (const name of startedNames()) await stopProcess(name);
    await removeLeftovers();
    await deleteNetns();
    rmSync(STATE, { recursive: true, force: true });
  });
}

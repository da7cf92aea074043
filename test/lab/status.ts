// Shows what of the bare lab runs, in which version, and what is wrong with the rest.
import { resolve } from 'node:path';
import { inspectBare } from './bare.ts';
import { type ArgocdProgram, argocdVersion } from './argocd/tool.ts';
import { type ComponentName, wantedNames } from './components.ts';
import { type FluxController, fluxVersion, isFluxController } from './flux/tools.ts';
import { dnsVersion } from './gateways/dns/dns.ts';
import { istioVersion } from './gateways/istio/istio.ts';
import { traefikVersion } from './gateways/traefik/traefik.ts';
import { livingPid } from './processes.ts';
import { STATE } from './settings.ts';
import { tryRun } from './shell.ts';
import { pinnedVersion, toolsFolder } from './tools.ts';

const VERSION_COMMANDS: Readonly<
  Record<Exclude<ComponentName, ArgocdProgram | FluxController | 'dns' | 'traefik' | 'istiod'>, readonly [tool: string, argument: string]>
> = {
  etcd: ['etcd', '--version'],
  containerd: ['', '--version'],
  prometheus: ['', '--version'],
  apiserver: ['kube-apiserver', '--version'],
  controllers: ['kube-controller-manager', '--version'],
  scheduler: ['kube-scheduler', '--version'],
  kubelet: ['kubelet', '--version'],
  proxy: ['kube-proxy', '--version'],
  discovery: [process.execPath, '--version'],
  contour: ['contour', 'version'],
  envoy: ['envoy', '--version'],
  'argocd-redis': ['', '--version'],
  'git-server': ['', '--version'],
};

function programOf(name: ComponentName): string {
  if (name === 'git-server') return 'git';
  return name === 'argocd-redis' ? 'redis-server' : name;
}

async function versionOf(name: ComponentName): Promise<string> {
  if (name === 'argocd-repo-server' || name === 'argocd-application-controller') return argocdVersion().slice(1);
  if (isFluxController(name)) return fluxVersion(name).slice(1);
  if (name === 'dns') return dnsVersion().slice(1);
  if (name === 'istiod') return istioVersion();
  if (name === 'traefik') return traefikVersion().slice(1);
  const [tool, argument] = VERSION_COMMANDS[name];
  const { stdout, stderr } = await tryRun(tool === '' ? programOf(name) : resolve(toolsFolder(), tool), [argument]);
  return (
    /\d+\.\d+\.\d+/.exec(stdout || stderr)?.[0] ?? (name === 'contour' ? pinnedVersion('contour', /projectcontour\/contour v(\S+)/) : '?')
  );
}

/** Prints one line per program; exit code 1 unless all are well. The caller is in the lab's namespace. */
export async function showStatus(): Promise<number> {
  const faults = await inspectBare();
  const names = wantedNames();
  const versions = await Promise.all(names.map(versionOf));
  const lines = names.map((name, index) => {
    const fault = faults.get(name);
    const pid = livingPid(name);
    return `${name.padEnd(30)} ${fault === undefined ? 'up  ' : 'DOWN'} ${(versions[index] ?? '').padEnd(9)} ${pid === undefined ? '' : `pid ${pid}`}${fault === undefined ? '' : `  ${fault}`}`;
  });
  process.stdout.write(`${lines.join('\n')}\nstate and logs in ${STATE}\n`);
  return [...faults.values()].every((fault) => fault === undefined) ? 0 : 1;
}

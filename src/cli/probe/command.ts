// `kubectl canary probe-gateway`: asks a Gateway of the cluster with real requests whether releases can work on it.

import { randomBytes } from 'node:crypto';
import { Option } from 'commander';
import { SYSTEM_NAMESPACE } from '../../api/names.ts';
import { GATEWAY_GROUP } from '../../api/routes.ts';
import { fieldsOf, listOf, textOf } from '../../adapters/kubernetes/client/fields.ts';
import { pathOf } from '../../adapters/kubernetes/informer/kinds.ts';
import { DEPLOYMENTS } from '../cluster/deployments.ts';
import { type ClusterLink, withCluster } from '../cluster/link.ts';
import { addClusterOptions, type ClusterOptions, namespaceOf } from '../cluster/options.ts';
import { readObject } from '../cluster/read.ts';
import type { CommandEntry } from '../entry.ts';
import { printFindings } from '../finding.ts';
import { EXIT, type CliIo, type ExitCode } from '../io.ts';
import { failure, usageError } from '../usage.ts';
import { readWhole } from '../values.ts';
import { examine } from './examine.ts';
import { chooseListener, type Listener, PROBE_LABEL } from './objects.ts';
import { ProbeSession } from './session.ts';

interface ProbeOptions extends ClusterOptions {
  readonly image?: string;
  readonly address?: string;
  readonly requests: number;
  readonly rps: number;
  readonly output: 'text' | 'json' | 'yaml';
}

const GATEWAYS = { group: GATEWAY_GROUP, version: 'v1', plural: 'gateways' };

const DETAILS = `
GATEWAY is NAME, or NAMESPACE/NAME. Two small pods, two Services and an HTTPRoute with a path of its own are created in the namespace (-n), the pods
send requests to the gateway for about a minute, and everything is removed. Routes, Services and pods of yours are not
changed. It needs the rights to create these objects and to get pods/proxy in the namespace.

Asked are: splits of 50, 10 and 1 percent, weight 0, how fast a change of weights takes effect, whether requests are lost when a route is
changed or when a canary loses its pods, a rule by header (cohorts), a mirror with a percentage, gRPC calls by a GRPCRoute, and the metrics source.

Exit codes: 0 nothing failed, 1 at least one line is FAIL, 2 the options are wrong.`;

/** The command. */
export const probeCommand: CommandEntry = {
  name: 'probe-gateway',
  add: (program, io, end) =>
    void addClusterOptions(
      program
        .command('probe-gateway')
        .argument('<gateway>', 'NAME or NAMESPACE/NAME')
        .description('Send real requests through a Gateway, and report what releases can do on it.'),
    )
      .option('--image <image>', "image with Node for the pods (default: the operator's)")
      .option('--address <host[:port]>', 'address of the Gateway for pods of the cluster (default: that of its status)')
      .option('--requests <number>', 'requests for each question', readWhole(100, 10_000), 1_000)
      .option('--rps <number>', 'requests a second', readWhole(10, 500), 100)
      .addOption(new Option('-o, --output <format>', 'what is printed').choices(['text', 'json', 'yaml']).default('text'))
      .addHelpText('after', DETAILS)
      .action(async (gateway: string, options: ProbeOptions) => end(await runProbe(gateway, options, io))),
};

function runProbe(gateway: string, options: ProbeOptions, io: CliIo): Promise<ExitCode> {
  return withCluster(options, io, async (link) => {
    const namespace = namespaceOf(options, link);
    const id = randomBytes(3).toString('hex');
    const listener = await findListener(link, gateway, namespace, id, options.address);
    const place = { id, key: randomBytes(16).toString('hex'), namespace, image: options.image ?? (await findImage(link)) };
    const session = new ProbeSession(link, { place, listener, rps: options.rps, now: io.now });
    const tell = (text: string) => io.err(`${text}\n`);
    tell(`probing Gateway ${listener.namespace}/${listener.gateway}, listener ${listener.section}, in namespace ${namespace}`);
    tell(`if this is interrupted: kubectl delete httproutes,grpcroutes,services,pods -n ${namespace} -l ${PROBE_LABEL}=${id}`);
    try {
      await session.open();
      const findings = await examine(session, link, { requests: options.requests, tell });
      io.out(printFindings(findings, options.output, io));
      return findings.some(({ level }) => level === 'FAIL') ? EXIT.failed : EXIT.ok;
    } finally {
      await session.close();
    }
  });
}

async function findListener(link: ClusterLink, text: string, fallback: string, id: string, address: string | undefined): Promise<Listener> {
  const [first = '', second] = text.split('/');
  const [namespace, name] = second === undefined ? [fallback, first] : [first, second];
  const read = await readObject(link, pathOf(GATEWAYS, namespace, name));
  if (read.kind === 'missing')
    throw failure(`Gateway ${namespace}/${name} not found; write NAMESPACE/NAME, as kubectl get gateways -A lists it`);
  if (read.kind === 'forbidden')
    throw failure(`you may not get Gateway ${namespace}/${name}; ask for the right to get gateways in namespace ${namespace}`);
  const listener = chooseListener(read.object, id, address);
  if (listener === undefined)
    throw failure(`Gateway ${namespace}/${name} has no listener of protocol HTTP or HTTPS; choose another Gateway`);
  if (listener.address === undefined)
    throw failure(`Gateway ${namespace}/${name} has no address in its status; see whether it is programmed, or set --address`);
  return { ...listener, address: listener.address };
}

/** The operator's own image: it is there, and it has Node. */
async function findImage(link: ClusterLink): Promise<string> {
  const read = await readObject(link, pathOf(DEPLOYMENTS, SYSTEM_NAMESPACE, 'glidepath'));
  const template = read.kind === 'read' ? fieldsOf(fieldsOf(fieldsOf(read.object)['spec'])['template']) : {};
  const image = textOf(fieldsOf(listOf(fieldsOf(template['spec'])['containers'])[0])['image']);
  if (image === undefined)
    throw usageError(`no operator found in namespace ${SYSTEM_NAMESPACE}; set --image to an image with Node, such as that of the operator`);
  return image;
}

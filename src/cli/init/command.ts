// `kubectl canary init deploy/X` and `init services A B`: a commented manifest from what the cluster shows. Changes nothing.

import type { Command } from 'commander';
import { withCluster } from '../cluster/link.ts';
import { addClusterOptions, type ClusterOptions, namespaceOf } from '../cluster/options.ts';
import { readDeploymentName } from '../cluster/deployments.ts';
import { seeDeployment } from './deployment.ts';
import { findDeploymentWarnings, writeDeploymentManifest } from './deployment-manifest.ts';
import { findWarnings, writeManifest } from './manifest.ts';
import { seeServices } from './services.ts';
import { EXIT, type CliIo, type ExitCode } from '../io.ts';
import { failure, usageError } from '../usage.ts';
import type { CommandEntry } from '../entry.ts';

interface InitOptions extends ClusterOptions {
  readonly route?: readonly string[];
}

interface DeploymentOptions extends InitOptions {
  readonly service?: string;
}

const DETAILS = `
deploy/NAME: you keep the Deployment, and the operator runs a canary of each change beside it (spec.targetRef).
services A B: you run both versions, and the operator shifts the traffic between them (spec.services).

Examples:
  kubectl canary init deploy/store-api -n shop > release.yaml
  kubectl canary init services store-api-v1 store-api-v2 -n shop > release.yaml`;

const EXAMPLE = `
Example:
  kubectl canary init services store-api-v1 store-api-v2 -n shop > release.yaml`;

/** The command. */
export const initCommand: CommandEntry = {
  name: 'init',
  add: (program, io, end) => {
    const init = addClusterOptions(
      program
        .command('init')
        .argument('[deploy/name]', 'the Deployment')
        .description('Print a commented manifest from what the cluster shows; changes nothing.'),
    )
      .option('--service <name>', 'the Service that the routes name (default: the one that selects the pods)')
      .option('--route <name...>', 'only these routes (default: all that name the Service)')
      .addHelpText('after', DETAILS)
      .action(async (target: string | undefined, options: DeploymentOptions) => end(await runDeployment(target, options, io)));
    addClusterOptions(
      init
        .command('services')
        .argument('<first>', 'one of the two Services')
        .argument('<second>', 'the other one')
        .description('For two Services that you run behind one or more routes.'),
    )
      .option('--route <name...>', 'only these routes (default: all that name one of the Services)')
      .addHelpText('after', EXAMPLE)
      .action(async (first: string, second: string, _options: InitOptions, command: Command) =>
        end(await runInit([first, second], command.optsWithGlobals<InitOptions>(), io)),
      );
  },
};

async function runDeployment(target: string | undefined, options: DeploymentOptions, io: CliIo): Promise<ExitCode> {
  if (target === undefined) throw usageError('init needs a target: write deploy/NAME, or services A B');
  const name = readDeploymentName(target, 'the target of the manifest');
  return withCluster(options, io, async (link) => {
    const namespace = namespaceOf(options, link);
    const { service, route: routes = [] } = options;
    const seen = await seeDeployment(link, namespace, name, { service, routes });
    io.out(writeDeploymentManifest(seen, namespace, routes));
    for (const warning of findDeploymentWarnings(seen)) io.err(`warning: ${warning}\n`);
    return EXIT.ok;
  });
}

function runInit(names: readonly [string, string], options: InitOptions, io: CliIo): Promise<ExitCode> {
  if (names[0] === names[1]) throw usageError(`Service ${names[0]} is named twice; name two different Services`);
  return withCluster(options, io, async (link) => {
    const namespace = namespaceOf(options, link);
    const { route: only = [] } = options;
    const all = await seeServices(link, namespace, names);
    const seen = only.length === 0 ? all : { ...all, rules: all.rules.filter(({ route }) => only.includes(route)) };
    const missing = only.filter((name) => !seen.rules.some(({ route }) => route === name));
    if (missing.length > 0) {
      const known = [...new Set(all.rules.map(({ route }) => route))].join(', ');
      throw failure(
        `no rule of route ${namespace}/${missing[0]} names ${names.join(' or ')}; those that do: ${known === '' ? 'none' : known}`,
      );
    }
    io.out(writeManifest(seen, namespace, only));
    for (const warning of findWarnings(seen, namespace)) io.err(`warning: ${warning}\n`);
    return EXIT.ok;
  });
}

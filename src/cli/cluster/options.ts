// The options that every command with a cluster shares, and what they mean together.

import type { Command } from 'commander';
import { usageError } from '../usage.ts';
import type { ClusterChoice, ClusterLink } from './link.ts';

/** Which cluster and which namespace. */
export interface ClusterOptions extends ClusterChoice {
  readonly namespace?: string;
}

/** Which releases of it. */
export interface ListOptions extends ClusterOptions {
  readonly allNamespaces?: boolean;
  readonly selector?: string;
}

/** `-n --context --kubeconfig`. */
export function addClusterOptions(command: Command): Command {
  return command
    .option('-n, --namespace <name>', 'namespace (default: that of the context)')
    .option('--context <name>', 'context of the kubeconfig')
    .option('--kubeconfig <file>', 'kubeconfig file (default: KUBECONFIG, else ~/.kube/config)');
}

/** `-A -l` besides. */
export function addListOptions(command: Command): Command {
  return addClusterOptions(command)
    .option('-A, --all-namespaces', 'releases of all namespaces')
    .option('-l, --selector <labels>', 'only releases with these labels, such as team=shop');
}

/** The namespace that is meant. */
export function namespaceOf(options: ClusterOptions, link: ClusterLink): string {
  return options.namespace ?? link.namespace;
}

/** The namespace that is listed; undefined: all. */
export function scopeOf(options: ListOptions, link: ClusterLink): string | undefined {
  return options.allNamespaces === true ? undefined : namespaceOf(options, link);
}

/** True where `-A` or `-l` choose. @throws GlidepathError where a name does as well */
export function isListing(name: string | undefined, { allNamespaces, selector }: ListOptions): boolean {
  const option = allNamespaces === true ? '-A' : selector === undefined ? undefined : '-l';
  if (option !== undefined && name !== undefined)
    throw usageError(`${option} selects several releases and ${name} is one; use only one of the two`);
  return option !== undefined;
}

/** ` -n shop` and the like: what a command to paste needs to reach the same release. */
export function targetFlags(options: ClusterChoice, namespace: string): string {
  const context = options.context === undefined ? '' : ` --context ${options.context}`;
  const kubeconfig = options.kubeconfig === undefined ? '' : ` --kubeconfig ${options.kubeconfig}`;
  return ` -n ${namespace}${context}${kubeconfig}`;
}

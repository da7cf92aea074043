// The operator's settings, read from its Deployment: flags win over the environment, as in the operator itself.

import { fieldsOf, type Fields, listOf, textOf } from '../../adapters/kubernetes/client/fields.ts';

const URL_OPTION = ['--prometheus-url', 'GLIDEPATH_PROMETHEUS_URL'] as const;
const NAMESPACE_OPTION = ['--namespace', 'GLIDEPATH_NAMESPACE'] as const;
const TOKEN_OPTION = ['--prometheus-token-file', 'GLIDEPATH_PROMETHEUS_TOKEN_FILE'] as const;

/** The address of the operator's Prometheus; if it comes from a Secret or ConfigMap, a text that says so. */
export function findPrometheusUrl(deployment: unknown): string | undefined {
  return findSetting(deployment, URL_OPTION);
}

/** Whether the operator sends Prometheus a token that we do not have. */
export function hasPrometheusToken(deployment: unknown): boolean {
  return findSetting(deployment, TOKEN_OPTION) !== undefined;
}

/** Namespaces that the operator is confined to; empty: all. */
export function listWatched(deployment: unknown): readonly string[] {
  const found = containersOf(deployment).flatMap((container) => {
    const flags = [...listOf(container['command']), ...listOf(container['args'])].flatMap((word, index, words) => {
      if (typeof word === 'string' && word.startsWith(`${NAMESPACE_OPTION[0]}=`)) return word.slice(NAMESPACE_OPTION[0].length + 1);
      return word === NAMESPACE_OPTION[0] ? (textOf(words[index + 1]) ?? []) : [];
    });
    return flags.length > 0 ? flags : (readVariable(container, NAMESPACE_OPTION[1]) ?? []);
  });
  return found.flatMap((text) => text.split(',')).filter((name) => name !== '');
}

function findSetting(deployment: unknown, [flag, variable]: readonly [string, string]): string | undefined {
  for (const container of containersOf(deployment)) {
    const found = readFlag(container, flag) ?? readVariable(container, variable);
    if (found !== undefined) return found;
  }
  return undefined;
}

function containersOf(deployment: unknown): readonly Fields[] {
  const pod = fieldsOf(fieldsOf(fieldsOf(fieldsOf(deployment)['spec'])['template'])['spec']);
  return listOf(pod['containers']).map(fieldsOf);
}

function readFlag(container: Fields, flag: string): string | undefined {
  const words = [...listOf(container['command']), ...listOf(container['args'])];
  for (const [index, word] of words.entries()) {
    if (typeof word !== 'string') continue;
    if (word.startsWith(`${flag}=`)) return word.slice(flag.length + 1);
    if (word === flag) return textOf(words[index + 1]);
  }
  return undefined;
}

function readVariable(container: Fields, name: string): string | undefined {
  const entry = listOf(container['env'])
    .map(fieldsOf)
    .find((one) => one['name'] === name);
  if (entry === undefined) return undefined;
  return textOf(entry['value']) ?? 'an address from a Secret or ConfigMap';
}

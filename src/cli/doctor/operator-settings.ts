// The operator's settings, read from its Deployment: flags win over the environment, as in the operator itself.

import { type Matchers, parseMatcher } from '../../api/matchers.ts';
import { fieldsOf, type Fields, listOf, textOf } from '../../adapters/kubernetes/client/fields.ts';

const URL_OPTION = ['--prometheus-url', 'GLIDEPATH_PROMETHEUS_URL'] as const;
const NAMESPACE_OPTION = ['--namespace', 'GLIDEPATH_NAMESPACE'] as const;
const MATCHERS_OPTION = ['--prometheus-matchers', 'GLIDEPATH_PROMETHEUS_MATCHERS'] as const;
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
  return listValues(deployment, NAMESPACE_OPTION);
}

/** Labels that the operator asks for in every built-in query; what is no label with a value is left out, as it does not start with it. */
export function listMatchers(deployment: unknown): Matchers {
  const matchers = listValues(deployment, MATCHERS_OPTION).map(parseMatcher);
  return Object.fromEntries(matchers.filter((one) => one !== undefined));
}

/** The values of an option that may be given several times, or once with commas. */
function listValues(deployment: unknown, [flag, variable]: readonly [string, string]): readonly string[] {
  const found = containersOf(deployment).flatMap((container) => {
    const flags = [...listOf(container['command']), ...listOf(container['args'])].flatMap((word, index, words) => {
      if (typeof word === 'string' && word.startsWith(`${flag}=`)) return word.slice(flag.length + 1);
      return word === flag ? (textOf(words[index + 1]) ?? []) : [];
    });
    return flags.length > 0 ? flags : (readVariable(container, variable) ?? []);
  });
  return found.flatMap((text) => text.split(',').map((part) => part.trim())).filter((value) => value !== '');
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

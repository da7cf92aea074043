// A first manifest with the reasons beside it, from what the cluster shows. Every line of it may be taken out but the two
// Services: the rest is what holds without it.

import { API_VERSION, KIND, type RouteKind } from '../../api/names.ts';
import { AUTO, chooseSource } from '../../sources/catalogue.ts';
import type { SeenRule, SeenServices } from './services.ts';

/** @param only the routes that were chosen by name; empty: all */
export function writeManifest(seen: SeenServices, namespace: string, only: readonly string[]): string {
  const { names, ports, rules } = seen;
  const chosen = [...new Map(rules.map((rule) => [`${rule.kind} ${rule.route}`, rule])).values()];
  const lines = [
    `# Glidepath moves traffic between these two Services, stage by stage. What the routes of namespace ${namespace} say now:`,
    ...describeRules(seen),
    ...findWarnings(seen).map((warning) => `# WARNING: ${warning}`),
    `apiVersion: ${API_VERSION}`,
    `kind: ${KIND}`,
    'metadata:',
    `  name: ${nameFor(names)}`,
    `  namespace: ${namespace}`,
    'spec:',
    '  # The one that has the traffic when a release begins is serving, the other one is the canary; they swap with each promotion.',
    '  services:',
    ...names.map((name, index) => `  - name: ${name}${ports[index] === undefined ? '' : `\n    port: ${ports[index]}`}`),
    '  # A change of this text starts a release; without it, a new pod template behind the canary does.',
    '  # revision: "1.0.0"',
    only.length === 0 ? '  # Without routeRefs: every route of the namespace that names the serving Service.' : '  # Only these routes.',
    ...(chosen.length === 0 ? [] : ['  routeRefs:', ...chosen.map(({ kind, route }) => `  - {kind: ${kind}, name: ${route}}`)]),
    '  # Weights of the canary in percent, each for so long at least, and raised only with proof.',
    '  stages:',
    '  - {weight: 5, duration: 2m}',
    '  - {weight: 25, duration: 5m}',
    '  - {weight: 50, duration: 10m}   # approval: Required asks a person',
    '  analysis:',
    '    metrics:',
    `      ${describeSource(rules)}`,
    '    # Absolute limits, beside the comparison with what serves.',
    '    checks:',
    '    - {name: errors, metric: ErrorRatio, max: "1%"}',
    '    # - {name: p99, metric: Latency, quantile: "0.99", max: 500ms}',
  ];
  return `${lines.join('\n')}\n`;
}

function describeRules({ names, rules }: SeenServices): readonly string[] {
  const say = (weight: number | undefined): string => (weight === undefined ? 'not named' : `weight ${weight}`);
  return rules.map(
    ({ kind, route, rule, weights }) => `#   ${kind} ${route}, ${rule}: ${names[0]} ${say(weights[0])}, ${names[1]} ${say(weights[1])}`,
  );
}

/** What would block the first release. */
export function findWarnings({ names, rules }: SeenServices): readonly string[] {
  if (rules.length === 0) return [`no route names ${names[0]} or ${names[1]}; add both as backendRefs, the canary with weight 0`];
  return rules.flatMap(({ kind, route, rule, weights: [first, second] }) => {
    const where = `${kind} ${route}, ${rule}`;
    if (first === undefined || second === undefined)
      return [`${where} does not name ${first === undefined ? names[0] : names[1]}; add it as a backendRef with weight 0`];
    if (first > 0 && second > 0) return [`${where} gives traffic to both; set the weight of the canary to 0 before the first release`];
    return first === 0 && second === 0 ? [`${where} gives traffic to neither; give the serving Service weight 1`] : [];
  });
}

function describeSource(rules: readonly SeenRule[]): string {
  const controllerNames = [...new Set(rules.flatMap(({ controllers }) => controllers))];
  const kinds = [...new Set(rules.map(({ kind }): RouteKind => kind))];
  const choice = chooseSource({ wanted: AUTO, kinds, controllerNames });
  return choice.ok ? `source: Auto   # ${choice.source.name}, by the routes' controller` : `source: Auto   # ${choice.message}`;
}

/** `store-api` for store-api-v1 and store-api-v2; else the first name. */
export function nameFor([first, second]: readonly [string, string]): string {
  let length = 0;
  while (length < first.length && first[length] === second[length]) length += 1;
  const common = first
    .slice(0, length)
    .replace(/-?v?\d*$/, '')
    .replace(/-+$/, '');
  return common === '' ? first : common;
}

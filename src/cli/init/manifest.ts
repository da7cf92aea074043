// A first manifest for two Services, with what the cluster shows beside each line. Every line but the two Services may be removed:
// the rest are the defaults.

import { API_VERSION, KIND } from '../../api/names.ts';
import { AUTO } from '../../sources/catalogue.ts';
import { chooseSources, nameSources } from '../../sources/choice.ts';
import type { SeenRule, SeenServices } from './services.ts';

/** @param only the routes that were chosen by name; empty: all */
export function writeManifest(seen: SeenServices, namespace: string, only: readonly string[]): string {
  const { names, ports, rules } = seen;
  const chosen = [...new Map(rules.map((rule) => [`${rule.kind} ${rule.route}`, rule])).values()];
  const lines = [
    `# Glidepath shifts traffic between these two Services, stage by stage. The routes of namespace ${namespace} now:`,
    ...describeRules(seen),
    ...findWarnings(seen, namespace).map((warning) => `# WARNING: ${warning}`),
    `apiVersion: ${API_VERSION}`,
    `kind: ${KIND}`,
    'metadata:',
    `  name: ${nameFor(names)}`,
    `  namespace: ${namespace}`,
    'spec:',
    '  # The Service that has the traffic when a release begins is the serving one, the other is the canary. A promotion swaps them.',
    '  services:',
    ...names.map((name, index) => `  - name: ${name}${ports[index] === undefined ? '' : `\n    port: ${ports[index]}`}`),
    '  # A change of this text starts a release; without it, a new pod template behind the canary does.',
    '  # revision: "1.0.0"',
    only.length === 0 ? '  # Without routeRefs: every route of the namespace that names the serving Service.' : '  # Only these routes.',
    ...(chosen.length === 0 ? [] : ['  routeRefs:', ...chosen.map(({ kind, route }) => `  - {kind: ${kind}, name: ${route}}`)]),
    '  # Weights of the canary in percent, each for at least this long. The weight rises only after the analysis has passed.',
    '  stages:',
    '  - {weight: 5, duration: 2m}',
    '  - {weight: 25, duration: 5m}',
    '  - {weight: 50, duration: 10m}   # approval: Required waits for a person',
    '  analysis:',
    '    metrics:',
    `      ${describeSource(rules)}`,
    '    # Absolute limits, besides the comparison with the serving version.',
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
export function findWarnings({ names, rules }: SeenServices, namespace: string): readonly string[] {
  if (rules.length === 0) return [`no route names Service ${names[0]} or ${names[1]}; add both as backendRefs, the canary with weight 0`];
  return rules.flatMap(({ kind, route, rule, weights: [first, second], places }) => {
    const where = `${kind} ${route}, ${rule}`;
    if (first === undefined || second === undefined)
      return [`${where} does not name Service ${first === undefined ? names[0] : names[1]}; add it as a backendRef with weight 0`];
    if (first > 0 && second > 0) {
      const canary = second <= first ? 1 : 0;
      const patch = JSON.stringify([{ op: 'replace', path: places[canary], value: 0 }]);
      const command = `kubectl patch ${kind.toLowerCase()} ${route} -n ${namespace} --type json -p '${patch}'`;
      if (first === second)
        return [`${where} gives both Services the same weight, so neither serves; if ${names[canary]} is the new one: ${command}`];
      return [
        `${where} gives both Services weight; continue from there with spec.adopt: true, or set the weight of ${names[canary]} to 0: ${command}`,
      ];
    }
    return first === 0 && second === 0 ? [`${where} gives neither Service weight; set the weight of the serving Service to 1`] : [];
  });
}

function describeSource(rules: readonly SeenRule[]): string {
  const choice = chooseSources(
    AUTO,
    rules.map(({ kind, route, controllers }) => ({ kind, name: route, controllers })),
  );
  return choice.ok ? `source: Auto   # ${nameSources(choice.chosen)}, by the routes' controller` : `source: Auto   # ${choice.message}`;
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

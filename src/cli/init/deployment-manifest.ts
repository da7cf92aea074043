// A first manifest for a Deployment, with what the cluster shows beside each line. Every line but targetRef and service may be
// removed: the rest are the defaults.

import { API_VERSION, KIND } from '../../api/names.ts';
import { nameCanary } from '../../core/workload/canary-names.ts';
import { AUTO } from '../../sources/catalogue.ts';
import { chooseSources, nameSources } from '../../sources/choice.ts';
import { APPLY_HOLD } from '../cluster/hold.ts';
import type { SeenDeployment } from './deployment.ts';

/** @param only the routes that were chosen by name; empty: all */
export function writeDeploymentManifest(seen: SeenDeployment, namespace: string, only: readonly string[]): string {
  const { name, service, port, rules } = seen;
  const chosen = [...new Map(rules.map((rule) => [`${rule.kind} ${rule.route}`, rule])).values()];
  const lines = [
    `# Deployment ${name} in namespace ${namespace} stays yours. A change of its pod template is held, runs beside it as Deployment`,
    `# ${nameCanary(name)}, gets traffic stage by stage, and rolls out when it has passed. What the cluster shows:`,
    ...describeSeen(seen),
    ...findDeploymentWarnings(seen).map((warning) => `# WARNING: ${warning}`),
    `apiVersion: ${API_VERSION}`,
    `kind: ${KIND}`,
    'metadata:',
    `  name: ${name}`,
    `  namespace: ${namespace}`,
    'spec:',
    `  targetRef: {kind: Deployment, name: ${name}}`,
    `  service: {name: ${service}${port === undefined ? '' : `, port: ${port}`}}`,
    '  # canary: {minReplicas: 2, labels: {track: canary}}   # smallest number of canary pods, and their own labels',
    only.length === 0 ? '  # Without routeRefs: every route of the namespace that names the Service.' : '  # Only these routes.',
    ...(chosen.length === 0 ? [] : ['  routeRefs:', ...chosen.map(({ kind, route }) => `  - {kind: ${kind}, name: ${route}}`)]),
    '  # Weights of the canary in percent, each for at least this long. The weight rises only after the analysis has passed.',
    '  stages:',
    '  - {weight: 5, duration: 2m}',
    '  - {weight: 25, duration: 5m}',
    '  - {weight: 50, duration: 10m}   # approval: Required waits for a person',
    ...(seen.strategy === 'Recreate'
      ? [
          '  # Strategy Recreate: the Deployment has no pods while it rolls out, so the canary takes all traffic first.',
          '  - {weight: 100, duration: 10m}',
        ]
      : []),
    '  analysis:',
    '    metrics:',
    `      ${describeSource(seen)}`,
    ...describePrometheus(seen),
    '    # Absolute limits, besides the comparison with the serving version.',
    '    checks:',
    '    - {name: errors, metric: ErrorRatio, max: "1%"}',
    '    # - {name: p99, metric: Latency, quantile: "0.99", max: 500ms}',
  ];
  return `${lines.join('\n')}\n`;
}

function describeSeen({ service, others, rules, scaler, sharedLabel, apart }: SeenDeployment): readonly string[] {
  const keys = apart.kind === 'labels' ? Object.entries(apart.changed).map(([key, value]) => `${key}=${value}`) : [];
  return [
    `#   Service ${service} selects its pods${others.length === 0 ? '' : `; so do ${others.join(', ')}, which no route names`}`,
    ...rules.map(({ kind, route, rule, weight }) => `#   ${kind} ${route}, ${rule}: ${service} weight ${weight}`),
    ...(sharedLabel === undefined
      ? []
      : [`#   the canary's pods have label ${keys.join(', ')} instead: policies that select by this label do not cover them`]),
    ...(scaler === undefined ? [] : [`#   ${scaler} scales it and continues to do so; the canary gets the same replicas x weight`]),
  ];
}

/** What would block the first release, or is easily missed. */
export function findDeploymentWarnings(seen: SeenDeployment): readonly string[] {
  const { name, service, rules, strategy, hold, takenBy, apart, sharedLabel } = seen;
  const changed = apart.kind === 'labels' ? Object.keys(apart.changed).join(' and ') : '';
  return [
    ...(rules.length === 0 ? [`no route of the namespace names Service ${service}; add it as a backendRef of an HTTPRoute`] : []),
    ...(sharedLabel === undefined
      ? [
          `the selectors of Deployment ${name} and Service ${service} share no label, so the canary's pods have other values of both ${changed}; policies that select by one of them do not cover the canary`,
        ]
      : []),
    ...(strategy === 'Recreate'
      ? [`Deployment ${name} has strategy Recreate: a release needs a last stage of weight 100, as below, or strategy RollingUpdate`]
      : []),
    ...(rules.some(({ weight }) => weight === 0) && rules.every(({ weight }) => weight === 0)
      ? [`Service ${service} has weight 0 in the routes; set it to 1`]
      : []),
    ...describeHold(hold.kind),
    ...(takenBy === undefined ? [] : [`CanaryRelease ${takenBy} already has targetRef to this Deployment; only one may`]),
  ];
}

function describeHold(kind: SeenDeployment['hold']['kind']): readonly string[] {
  if (kind === 'none')
    return [`no admission policy or webhook holds template changes of the Deployment; install the policy (Kubernetes 1.36): ${APPLY_HOLD}`];
  return kind === 'unbound' ? [`ValidatingAdmissionPolicy glidepath-hold has no binding; install it: ${APPLY_HOLD}`] : [];
}

function describeSource({ controllers, rules }: SeenDeployment): string {
  const choice = chooseSources(
    AUTO,
    rules.map(({ kind, route }) => ({ kind, name: route, controllers })),
  );
  return choice.ok ? `source: Auto   # ${nameSources(choice.chosen)}, by the routes' controller` : `source: Auto   # ${choice.message}`;
}

function describePrometheus({ prometheus }: SeenDeployment): readonly string[] {
  if (prometheus === undefined)
    return ['      # prometheus: {url: http://prometheus.monitoring.svc:9090}   # the operator has none of its own'];
  if (prometheus.kind === 'operator') return [`      # prometheus: {url: ...}   # default: the operator's, ${prometheus.url}`];
  return [
    `      # prometheus: {url: ${prometheus.url}}   # found; to use it for all releases start the operator with --prometheus-url ${prometheus.url}`,
  ];
}

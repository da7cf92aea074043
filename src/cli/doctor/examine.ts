// All checks of `doctor`, in the order in which they are read: what is installed, what it may do, what surrounds it, and the releases.

import { isGlidepathError } from '../../api/errors.ts';
import type { ClusterLink } from '../cluster/link.ts';
import type { SeenRelease } from '../cluster/releases.ts';
import { checkRights } from './caller-rights.ts';
import { doubt, type Finding } from '../finding.ts';
import { checkGateways, type Judged } from './gateways.ts';
import { checkGitOps } from './gitops.ts';
import { checkCrd, checkOperator } from './installation.ts';
import { checkLayouts } from './layout.ts';
import { checkLeftovers } from './leftovers.ts';
import { checkMetrics } from './metrics.ts';
import { checkOperatorRights } from './operator-rights.ts';
import { findPrometheusUrl, hasPrometheusToken } from './operator-settings.ts';
import { checkCommandPolicies, checkHold, checkSidePolicies } from './policies.ts';
import { type Asker, reachPrometheus } from './prometheus.ts';
import { lookAround, nameOf, nameSome, type Surroundings } from './seen.ts';
import { findStanding, type Standing } from './standing.ts';
import { checkGatewayApi, checkReleases, checkServer } from './surroundings.ts';

/** What is examined. */
export interface Examination {
  /** Undefined: all. */
  readonly namespace: string | undefined;
  /** The namespace whose rights are checked where all namespaces are selected. */
  readonly fallback: string;
  /** An address to query instead of the operator's. */
  readonly prometheus: string | undefined;
  readonly now: () => number;
}

export async function examine(link: ClusterLink, examination: Examination): Promise<readonly Finding[]> {
  const { namespace, fallback } = examination;
  const server = await checkServer(link);
  const [crd, rights, seen] = await Promise.all([
    checkCrd(link),
    checkRights(link, namespace ?? fallback, await findCommandPolicy(link)),
    lookAround(link, namespace, fallback),
  ]);
  const [commands, sides, operatorRights, gatewayApi, gateways, leftovers, gitOps] = await Promise.all([
    attempt('command policies', checkCommandPolicies(link, seen)),
    attempt('other policies', checkSidePolicies(link, seen)),
    attempt("operator's rights", checkOperatorRights(link, seen)),
    checkGatewayApi(link),
    checkGateways(link, seen),
    attempt('leftovers', checkLeftovers(link, seen)),
    attempt('GitOps', checkGitOps(link, seen)),
  ]);
  const metrics = await attempt('Prometheus', checkJudge(link, seen, gateways.judged, examination));
  // What cannot be read was reported by the checks before.
  const readable = crd.level !== 'FAIL' && rights.every(({ level }) => level !== 'FAIL');
  return [
    server,
    crd,
    ...checkOperator(seen.operator, seen.releases),
    ...checkHold(seen),
    ...commands,
    ...sides,
    ...rights,
    ...operatorRights,
    gatewayApi,
    ...gateways.findings,
    ...metrics,
    ...gitOps,
    ...leftovers,
    ...(readable ? checkReleases(seen.releases) : []),
  ];
}

/** Whether the API server requires the verb of each command. */
async function findCommandPolicy(link: ClusterLink): Promise<Standing> {
  try {
    return await findStanding(link, 'validating', 'glidepath-commands');
  } catch (thrown) {
    // Reported by the check of the policies.
    if (isGlidepathError(thrown)) return 'forbidden';
    throw thrown;
  }
}

/** A check that cannot be done is reported; the other checks are run as before. */
async function attempt(check: string, findings: Promise<readonly Finding[]>): Promise<readonly Finding[]> {
  try {
    return await findings;
  } catch (thrown) {
    if (isGlidepathError(thrown)) return [doubt(check, `could not be checked: ${thrown.message}`)];
    throw thrown;
  }
}

/** Every Prometheus that judges one of the releases, and what it knows of them. */
async function checkJudge(
  link: ClusterLink,
  { operator, releases }: Surroundings,
  judged: readonly Judged[],
  { prometheus, now }: Examination,
): Promise<readonly Finding[]> {
  const own = operator.kind === 'read' ? findPrometheusUrl(operator.object) : undefined;
  const urlOf = ({ spec }: Pick<SeenRelease, 'spec'>) => prometheus ?? spec?.analysis.metrics.prometheus.url ?? own;
  const secret = releases.filter(({ spec }) => prometheus === undefined && spec?.analysis.metrics.prometheus.secretRef !== undefined);
  const withToken = prometheus === undefined && operator.kind === 'read' && hasPrometheusToken(operator.object);
  const urls = new Set(
    [prometheus ?? own, ...releases.filter((release) => !secret.includes(release)).map(urlOf)].flatMap((url) => url ?? []),
  );
  if (withToken && own !== undefined) urls.delete(own);
  const askers = new Map<string, Asker>();
  const findings: Finding[] = [];
  try {
    for (const url of urls) {
      const { finding, asker } = await reachPrometheus(link, url, now);
      findings.push(finding);
      if (asker !== undefined) askers.set(url, asker);
    }
    const askerOf = ({ release }: Judged) => (secret.includes(release) ? undefined : askers.get(urlOf(release) ?? ''));
    const layouts = await checkLayouts(judged, askerOf);
    const metrics = await checkMetrics(layouts.judged, askerOf);
    return [...findings, ...describeUnasked(withToken ? own : undefined, secret), ...layouts.findings, ...metrics];
  } finally {
    for (const asker of askers.values()) asker.close();
  }
}

function describeUnasked(own: string | undefined, secret: readonly SeenRelease[]): readonly Finding[] {
  const fix = 'kubectl canary doctor --prometheus http://127.0.0.1:9090   # behind a port-forward that needs no credentials';
  return [
    ...(own === undefined
      ? []
      : [doubt('Prometheus', `${own} requires the operator's token, so it was not queried from this machine`, fix)]),
    ...(secret.length === 0
      ? []
      : [
          doubt(
            'Prometheus',
            `of ${nameSome(secret.map(nameOf))} requires a Secret of the release, so it was not queried from this machine`,
            fix,
          ),
        ]),
  ];
}

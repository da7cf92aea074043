// Whether Glidepath is installed, runs, and has a Prometheus.

import { SCHEMA_ANNOTATION, SCHEMA_NUMBER, SYSTEM_NAMESPACE } from '../../api/names.ts';
import { isRunning, parseState } from '../../core/release/state.ts';
import { fieldsOf, listOf, textOf } from '../../adapters/kubernetes/client/fields.ts';
import { CRD_PATH } from '../cluster/installed.ts';
import type { ClusterLink } from '../cluster/link.ts';
import { type Read, readObject } from '../cluster/read.ts';
import type { SeenRelease } from '../cluster/releases.ts';
import { findPrometheusUrl } from './operator-settings.ts';
import { doubt, fail, fine, type Finding } from '../finding.ts';

const APPLY_CRD = 'kubectl apply --server-side -k config/crd';
const APPLY_OPERATOR = 'kubectl apply --server-side -k config/default';

/** The CRD and the number of its schema. */
export async function checkCrd(link: ClusterLink): Promise<Finding> {
  const crd = await readObject(link, CRD_PATH);
  if (crd.kind === 'missing') return fail('CRD', 'the cluster does not serve CanaryReleases', APPLY_CRD);
  if (crd.kind === 'forbidden') return doubt('CRD', 'you may not read CustomResourceDefinitions, so its schema was not checked');
  const annotations = fieldsOf(fieldsOf(fieldsOf(crd.object)['metadata'])['annotations']);
  const level = Number(textOf(annotations[SCHEMA_ANNOTATION]) ?? Number.NaN);
  if (Number.isNaN(level))
    return fail('CRD', `annotation ${SCHEMA_ANNOTATION} not found, so the operator only rolls releases back`, APPLY_CRD);
  if (level < SCHEMA_NUMBER) return fail('CRD', `its schema ${level} is older than the ${SCHEMA_NUMBER} of this version`, APPLY_CRD);
  if (level > SCHEMA_NUMBER)
    return doubt('CRD', `its schema ${level} is newer than schema ${SCHEMA_NUMBER} of this command; update kubectl canary`);
  return fine('CRD', `schema ${level}`);
}

/** The operator's Deployment, and its Prometheus settings. */
export function checkOperator(found: Read, releases: readonly SeenRelease[]): readonly Finding[] {
  if (found.kind === 'forbidden')
    return [
      doubt('operator', `you may not read Deployments of ${SYSTEM_NAMESPACE}, so it was not checked; ask an administrator to run this`),
    ];
  if (found.kind === 'missing')
    return [
      fail(
        'operator',
        `Deployment glidepath not found in namespace ${SYSTEM_NAMESPACE}; no traffic is shifted or rolled back${describeStanding(releases)}`,
        APPLY_OPERATOR,
      ),
    ];
  return [describeReadiness(found.object), checkPrometheus(found.object, releases)];
}

/** Releases that an operator left unfinished: both versions continue to serve. */
function describeStanding(releases: readonly SeenRelease[]): string {
  const standing = releases.flatMap(({ namespace, name, status: { state, weight = 0, release } }) =>
    release !== undefined && isRunning(parseState(state) ?? 'blocked')
      ? [`${namespace}/${name} stays at ${weight}% for Service ${release.canary.service}`]
      : [],
  );
  return standing.length === 0 ? '' : `: ${standing.join(', ')}`;
}

function describeReadiness(deployment: unknown): Finding {
  const { spec, status } = fieldsOf(deployment);
  const ready = Number(fieldsOf(status)['readyReplicas'] ?? 0);
  const wanted = Number(fieldsOf(spec)['replicas'] ?? 1);
  if (wanted === 0) return fail('operator', 'it is scaled to 0', `kubectl -n ${SYSTEM_NAMESPACE} scale deploy/glidepath --replicas=1`);
  if (ready > 0) return fine('operator', `${ready} of ${wanted} ready`);
  const why = listOf(fieldsOf(status)['conditions'])
    .map(fieldsOf)
    .find((condition) => condition['status'] === 'False' && textOf(condition['message']) !== undefined);
  const said = why === undefined ? '' : `: ${textOf(why['message'])}`;
  return fail('operator', `0 of ${wanted} ready${said}`, `kubectl -n ${SYSTEM_NAMESPACE} logs deploy/glidepath --tail=20`);
}

function checkPrometheus(deployment: unknown, releases: readonly SeenRelease[]): Finding {
  const url = findPrometheusUrl(deployment);
  if (url !== undefined) return fine('Prometheus', `the operator queries ${url}`);
  const without = releases.filter(
    ({ spec }) => spec !== undefined && spec.analysis.mode !== 'Off' && spec.analysis.metrics.prometheus.url === undefined,
  );
  const fix = `kubectl -n ${SYSTEM_NAMESPACE} set env deploy/glidepath GLIDEPATH_PROMETHEUS_URL=http://prometheus.monitoring:9090`;
  if (without.length === 0) return doubt('Prometheus', 'the operator has none; releases must set spec.analysis.metrics.prometheus', fix);
  const names = without.map(({ namespace, name }) => `${namespace}/${name}`).join(', ');
  return fail('Prometheus', `the operator has none, and ${names} cannot be analyzed without`, fix);
}

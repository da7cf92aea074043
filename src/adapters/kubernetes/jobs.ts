// Jobs of gates: created, read by name and deleted; never listed and never watched, so that the rights for it can be few.

import { FIELD_MANAGER } from '../../api/names.ts';
import { isGlidepathError, messageOf } from '../../api/errors.ts';
import type { Json } from '../../core/workload/objects.ts';
import type { JobStore, JobTrial } from '../../ports/gates.ts';
import { fieldsOf, textOf } from './client/fields.ts';
import type { Transport } from './client/transport.ts';

const OWN = { fieldManager: FIELD_MANAGER };
const LOG_LINES = 10;
const LOG_BYTES = 4_096;

export class KubernetesJobs implements JobStore {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  async tryCreate(namespace: string, manifest: Json): Promise<JobTrial> {
    try {
      const query = { ...OWN, dryRun: 'All' };
      await this.#transport.request({ method: 'POST', path: pathOf(namespace), query, body: within(namespace, manifest) });
      return { kind: 'ready' };
    } catch (thrown) {
      const message = messageOf(thrown);
      if (isGlidepathError(thrown, 'GLIDEPATH_E_CONFLICT')) return { kind: 'ready' };
      if (isGlidepathError(thrown, 'GLIDEPATH_E_INVALID')) return { kind: 'refused', message };
      if (!isGlidepathError(thrown, 'GLIDEPATH_E_FORBIDDEN')) return { kind: 'unknown', message };
      // A quota and pod security refuse with 403, too.
      return { kind: await this.#whyForbidden(namespace), message };
    }
  }

  async create(namespace: string, manifest: Json): Promise<Json | undefined> {
    try {
      const { body } = await this.#transport.request({
        method: 'POST',
        path: pathOf(namespace),
        query: OWN,
        body: within(namespace, manifest),
      });
      return fieldsOf(body);
    } catch (thrown) {
      if (isGlidepathError(thrown, 'GLIDEPATH_E_CONFLICT')) return undefined;
      throw thrown;
    }
  }

  async read(namespace: string, name: string): Promise<Json | undefined> {
    try {
      const { body } = await this.#transport.request({ method: 'GET', path: pathOf(namespace, name) });
      return fieldsOf(body);
    } catch (thrown) {
      if (isGlidepathError(thrown, 'GLIDEPATH_E_NOT_FOUND')) return undefined;
      throw thrown;
    }
  }

  async readLog(namespace: string, name: string): Promise<string> {
    try {
      const pod = await this.#newestPod(namespace, name);
      if (pod === undefined) return '';
      const query = { container: pod.container, tailLines: LOG_LINES, limitBytes: LOG_BYTES };
      const path = `${podsOf(namespace)}/${encodeURIComponent(pod.name)}/log`;
      const { body } = await this.#transport.request({ method: 'GET', path, query, accept: '*/*', plain: true });
      return clean(String(body));
    } catch (thrown) {
      const why = isGlidepathError(thrown, 'GLIDEPATH_E_FORBIDDEN')
        ? 'the operator has no right to pods/log (config/gates)'
        : messageOf(thrown);
      return `logs not readable: ${why}`;
    }
  }

  async delete(namespace: string, name: string): Promise<void> {
    const body = { apiVersion: 'v1', kind: 'DeleteOptions', propagationPolicy: 'Background' };
    try {
      await this.#transport.request({ method: 'DELETE', path: pathOf(namespace, name), body });
    } catch (thrown) {
      if (!isGlidepathError(thrown, 'GLIDEPATH_E_NOT_FOUND')) throw thrown;
    }
  }

  async #whyForbidden(namespace: string): Promise<'refused' | 'forbidden' | 'unknown'> {
    const body = {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SelfSubjectAccessReview',
      spec: { resourceAttributes: { namespace, verb: 'create', group: 'batch', resource: 'jobs' } },
    };
    try {
      const answer = await this.#transport.request({
        method: 'POST',
        path: '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
        body,
      });
      return fieldsOf(fieldsOf(answer.body)['status'])['allowed'] === true ? 'refused' : 'forbidden';
    } catch {
      return 'unknown';
    }
  }

  /** Of its containers the one that failed, else the first. */
  async #newestPod(namespace: string, job: string): Promise<{ readonly name: string; readonly container: string } | undefined> {
    const query = { labelSelector: `batch.kubernetes.io/job-name=${job}`, limit: 20 };
    const { body } = await this.#transport.request({ method: 'GET', path: podsOf(namespace), query });
    const { items } = fieldsOf(body);
    const pods = (Array.isArray(items) ? items : []).map(fieldsOf);
    const bornAt = (pod: Json) => textOf(fieldsOf(pod['metadata'])['creationTimestamp']) ?? '';
    const newest = [...pods].sort((a, b) => bornAt(b).localeCompare(bornAt(a)))[0];
    const name = textOf(fieldsOf(newest?.['metadata'])['name']);
    const container = newest === undefined ? undefined : containerOf(newest);
    return name === undefined || container === undefined ? undefined : { name, container };
  }
}

function containerOf(pod: Json): string | undefined {
  const { initContainerStatuses, containerStatuses } = fieldsOf(pod['status']);
  const seen = [initContainerStatuses, containerStatuses].flatMap((list) => (Array.isArray(list) ? list.map(fieldsOf) : []));
  const exitOf = (one: Json) => fieldsOf(fieldsOf(one['state'])['terminated'])['exitCode'];
  const failed = seen.find((one) => typeof exitOf(one) === 'number' && exitOf(one) !== 0);
  const { containers } = fieldsOf(pod['spec']);
  const [first] = Array.isArray(containers) ? containers.map(fieldsOf) : [];
  return textOf(failed?.['name']) ?? textOf(first?.['name']);
}

/** A log may hold anything: colours and other control characters do not reach a terminal by way of the status. */
function clean(log: string): string {
  return log
    .split('\n')
    .map((line) =>
      line
        .replaceAll(/\p{Cc}\[[0-9;]*[A-Za-z]/gu, '')
        .replaceAll(/[\p{Cc}\p{Cf}]/gu, ' ')
        .trimEnd(),
    )
    .filter((line) => line !== '')
    .join('\n');
}

function within(namespace: string, manifest: Json): Json {
  return { ...manifest, metadata: { ...fieldsOf(manifest['metadata']), namespace } };
}

function podsOf(namespace: string): string {
  return `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods`;
}

function pathOf(namespace: string, name?: string): string {
  const all = `/apis/batch/v1/namespaces/${encodeURIComponent(namespace)}/jobs`;
  return name === undefined ? all : `${all}/${encodeURIComponent(name)}`;
}

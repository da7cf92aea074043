// Which pod templates are the same is asked of the API server itself: a Deployment keeps its generation when its new spec means what
// the old one meant. So for PodSpecs of every kind, and with each of their fields removed, zero, empty, changed or added.

import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { PodTemplate } from '../../src/core/workload/objects.ts';
import { hashTemplate } from '../../src/core/workload/template.ts';
import { removeAbandoned } from '../fixtures/cluster/abandoned.ts';
import { Cluster, pathOfList } from '../fixtures/cluster/cluster.ts';
import { POD_SPECS, templateWith } from '../fixtures/pod-specs.ts';
import { listAdditions, listEdits, type Schemas, type TemplateEdit } from '../fixtures/template-edits.ts';
import { DIFFERENT_TEMPLATES, SAME_TEMPLATES } from '../fixtures/template-pairs.ts';
import { sampleNamespace } from '../lab/sample.ts';

interface Stored {
  readonly metadata: { readonly generation: number };
  readonly spec: { readonly template: PodTemplate };
}

const NAME = 'store';
/** Fields of features that are off in Kubernetes 1.36: the API server takes them out before it compares. */
const SWITCHED_OFF = [
  'spec.schedulingGroup',
  'spec.containers.lifecycle.stopSignal',
  'spec.initContainers.lifecycle.stopSignal',
  'spec.volumes.projected.sources.clusterTrustBundle',
  'spec.volumes.projected.sources.podCertificate',
];

const namespace = `gp-sameness-${randomBytes(2).toString('hex')}`;
/** Fields that were added to one of the templates. */
const added = new Set(SWITCHED_OFF);
let cluster: Cluster;
let schemas: Schemas;

beforeAll(async () => {
  cluster = await Cluster.connect();
  await removeAbandoned(cluster);
  await cluster.create(sampleNamespace(namespace));
  const document = await cluster.api.must({ method: 'GET', path: '/openapi/v3/apis/apps/v1' });
  schemas = (document as { components: { schemas: Schemas } }).components.schemas;
});

afterAll(async () => {
  await cluster?.remove({ kind: 'Namespace', name: namespace });
  await cluster?.close();
});

interface Opinion {
  readonly template: PodTemplate;
  readonly same: boolean;
}

/** What the API server makes of another template in the place of the stored one; nothing is stored. Undefined: it refuses it. */
async function ask(stored: Stored, template: PodTemplate): Promise<Opinion | undefined> {
  const path = `${pathOfList('Deployment', namespace)}/${NAME}`;
  const body = [{ op: 'replace', path: '/spec/template', value: template }];
  const contentType = 'application/json-patch+json';
  const answer = await cluster.api.send({ method: 'PATCH', path, query: { dryRun: 'All' }, body, contentType });
  if (answer.code !== 200) return undefined;
  const now = answer.body as Stored;
  return { template: now.spec.template, same: now.metadata.generation === stored.metadata.generation };
}

/** Stores a Deployment that starts nothing. */
async function store(template: PodTemplate): Promise<Stored> {
  await cluster.remove({ kind: 'Deployment', namespace, name: NAME });
  const spec = { replicas: 0, paused: true, selector: { matchLabels: { app: 'store' } }, template };
  return await cluster.create<Stored>({ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { namespace, name: NAME }, spec });
}

/** Where hashes and the API server disagree about what an edit means; edits that it refuses say nothing. */
async function findDisagreements(stored: Stored, edits: readonly TemplateEdit[]): Promise<readonly string[]> {
  const { template } = stored.spec;
  const meanings = new Map([[hashTemplate(template), JSON.stringify(template)]]);
  const wrong: string[] = [];
  const opinions = await Promise.all(edits.map((one) => ask(stored, one.template)));
  for (const [index, { name, template: edited }] of edits.entries()) {
    const opinion = opinions[index];
    if (opinion === undefined) continue;
    const [hash, meaning] = [hashTemplate(edited), JSON.stringify(opinion.template)];
    if ((hash === hashTemplate(template)) !== opinion.same)
      wrong.push(`${name}: ${opinion.same ? 'the same' : 'another'} for the API server`);
    if (hashTemplate(opinion.template) !== hash) wrong.push(`${name}: has another hash once it is stored`);
    if ((meanings.get(hash) ?? meaning) !== meaning) wrong.push(`${name}: has the hash of another template`);
    meanings.set(hash, meaning);
  }
  return wrong;
}

describe('what the API server takes for the same has the same hash, and nothing else', () => {
  test.each(Object.entries(POD_SPECS))('the API server agrees about the same templates in %s', async (_name, spec) => {
    const written = templateWith(spec);
    const stored = await store(written);
    const { template } = stored.spec;
    expect(hashTemplate(written)).toBe(hashTemplate(template));
    const additions = listAdditions(template, schemas, added);
    expect(await findDisagreements(stored, [...listEdits(template), ...additions])).toEqual([]);
  });

  test('more than three hundred fields that a template had not are among the edits', () => {
    expect(added.size).toBeGreaterThan(300);
  });
});

describe('the API server takes for the same', () => {
  test.each(SAME_TEMPLATES)('the API server takes for the same: $name', async ({ one, other }) => {
    expect((await ask(await store(one), other))?.same).toBe(true);
    expect(hashTemplate(one)).toBe(hashTemplate(other));
  });
});

describe('the API server takes for another', () => {
  test.each(DIFFERENT_TEMPLATES)('the API server takes for another: $name', async ({ one, other }) => {
    expect((await ask(await store(one), other))?.same).toBe(false);
    expect(hashTemplate(one)).not.toBe(hashTemplate(other));
  });
});

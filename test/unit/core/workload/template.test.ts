import { describe, expect, test } from 'vitest';
import type { PodTemplate } from '../../../../src/core/workload/objects.ts';
import { CONTAINER } from '../../../../src/core/workload/sameness/container-fields.ts';
import { formerHashOf } from '../../../../src/core/workload/sameness/former-template.ts';
import { TEMPLATE_RULES } from '../../../../src/core/workload/sameness/template-fields.ts';
import { hashTemplate, isSameTemplate, nameTemplate } from '../../../../src/core/workload/template.ts';
import { RECORDED_HASH, STORED_TEMPLATE } from '../../../fixtures/stored-template.ts';
import { DIFFERENT_TEMPLATES, SAME_TEMPLATES } from '../../../fixtures/template-pairs.ts';

const written: PodTemplate = {
  metadata: { labels: { app: 'store' } },
  spec: {
    serviceAccountName: 'store',
    containers: [
      {
        name: 'app',
        image: 'registry.example:5000/shop/store:1.8.1',
        ports: [{ containerPort: 8080 }],
        env: [{ name: 'POD', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }],
        readinessProbe: { httpGet: { path: '/', port: 8080 } },
        resources: { limits: { memory: '160Mi' } },
      },
    ],
    volumes: [{ name: 'files', configMap: { name: 'files' } }],
  },
};

const stored: PodTemplate = {
  metadata: { creationTimestamp: null, labels: { app: 'store', 'pod-template-hash': 'abc', 'glidepath.dev/role': 'canary' } } as never,
  spec: {
    serviceAccountName: 'store',
    serviceAccount: 'store',
    restartPolicy: 'Always',
    dnsPolicy: 'ClusterFirst',
    schedulerName: 'default-scheduler',
    securityContext: {},
    terminationGracePeriodSeconds: 30,
    containers: [
      {
        image: 'registry.example:5000/shop/store:1.8.1',
        imagePullPolicy: 'IfNotPresent',
        name: 'app',
        ports: [{ containerPort: 8080, protocol: 'TCP' }],
        env: [{ name: 'POD', valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.name' } } }],
        readinessProbe: {
          httpGet: { path: '/', port: 8080, scheme: 'HTTP' },
          timeoutSeconds: 1,
          periodSeconds: 10,
          successThreshold: 1,
          failureThreshold: 3,
        },
        resources: { limits: { memory: '160Mi' } },
        terminationMessagePath: '/dev/termination-log',
        terminationMessagePolicy: 'File',
      },
    ],
    volumes: [{ name: 'files', configMap: { name: 'files', defaultMode: 420 } }],
  },
};

const withImage = (image: string, more: object = {}): PodTemplate => ({ spec: { containers: [{ name: 'app', image, ...more }] } });

describe('a template is the same', () => {
  test('whether the API server filled in its defaults or not, and whatever the controllers and we label', () => {
    expect(isSameTemplate(written, stored)).toBe(true);
  });

  test('a template is the same with the pull policy that its image has by default', () => {
    expect(isSameTemplate(withImage('store'), withImage('store', { imagePullPolicy: 'Always' }))).toBe(true);
    expect(isSameTemplate(withImage('store:latest'), withImage('store:latest', { imagePullPolicy: 'Always' }))).toBe(true);
    expect(isSameTemplate(withImage('a/store@sha256:1'), withImage('a/store@sha256:1', { imagePullPolicy: 'IfNotPresent' }))).toBe(true);
  });

  test.each(SAME_TEMPLATES)('a template is the same in both spellings: $name', ({ one, other }) => {
    expect(isSameTemplate(one, other)).toBe(true);
  });

  test('a template is the same whatever its ephemeral containers have by default', () => {
    const debug = { name: 'debug', image: 'debug:1' };
    const spelled = { ...debug, terminationMessagePolicy: 'File', targetContainerName: '', imagePullPolicy: 'IfNotPresent' };
    expect(isSameTemplate({ spec: { ephemeralContainers: [debug] } }, { spec: { ephemeralContainers: [spelled] } })).toBe(true);
  });

  test('a template is the same without metadata or spec as with empty ones', () => {
    expect(isSameTemplate({}, { metadata: {}, spec: {} })).toBe(true);
  });
});

describe('a template is another', () => {
  test('a template is another when an init container becomes a native sidecar', () => {
    const containers = [{ name: 'app', image: 'store:1' }];
    const withInit = (more: object): PodTemplate => ({ spec: { containers, initContainers: [{ name: 'p', image: 'p:1', ...more }] } });
    expect(hashTemplate(withInit({ restartPolicy: 'Always' }))).not.toBe(hashTemplate(withInit({})));
  });

  test.each(DIFFERENT_TEMPLATES)('a template is another though it looks alike: $name', ({ one, other }) => {
    expect(isSameTemplate(one, other)).toBe(false);
  });

  test.each<[string, PodTemplate]>([
    ['image', withImage('store:2')],
    ['value that is no default', withImage('store:1', { terminationMessagePolicy: 'FallbackToLogsOnError' })],
    ['pull policy', withImage('store:1', { imagePullPolicy: 'Always' })],
    ['annotation', { ...withImage('store:1'), metadata: { annotations: { 'kubectl.kubernetes.io/restartedAt': 'now' } } }],
    ['label', { ...withImage('store:1'), metadata: { labels: { protocol: 'TCP' } } }],
    ['selector that is empty', { spec: { ...withImage('store:1').spec, affinity: { labelSelector: {} } } }],
  ])('a template is another with another %s', (_what, template) => {
    expect(isSameTemplate(withImage('store:1'), template)).toBe(false);
  });
});

describe('the table of fields', () => {
  test('the table of fields has the rules of a container for all three lists of them, and none for their restartPolicy', () => {
    for (const list of ['containers', 'initContainers', 'ephemeralContainers']) {
      const rules = Object.keys(TEMPLATE_RULES).filter((path) => path.startsWith(`spec.${list}[].`));
      expect(rules).toEqual(expect.arrayContaining(Object.keys(CONTAINER).map((path) => `spec.${list}[].${path}`)));
      expect(rules).not.toContain(`spec.${list}[].restartPolicy`);
    }
    expect(TEMPLATE_RULES).toHaveProperty(['spec.restartPolicy']);
  });
});

describe('a template that the API server stored has the hash that version 0.1.0 recorded', () => {
  test('a stored template has the hash that version 0.1.0 recorded where its fields mean what they say', () => {
    expect(hashTemplate(stored)).toBe('b206ce047b6b081fc352e7b4c8ee95dc');
    expect(hashTemplate(STORED_TEMPLATE)).toBe(RECORDED_HASH);
    expect([stored, STORED_TEMPLATE].map(formerHashOf)).toEqual([stored, STORED_TEMPLATE].map(hashTemplate));
  });

  test('a stored template does not have the hash that version 0.1.0 recorded where that hash was also the hash of another template', () => {
    for (const { one, other } of DIFFERENT_TEMPLATES.filter((pair) => formerHashOf(pair.one) === formerHashOf(pair.other)))
      expect([hashTemplate(one), hashTemplate(other)].filter((hash) => hash === formerHashOf(one)).length).toBeLessThan(2);
  });
});

test('a hash is 32 hex digits and the same for every copy', () => {
  expect(hashTemplate(written)).toMatch(/^[0-9a-f]{32}$/);
  expect(hashTemplate(structuredClone(written))).toBe(hashTemplate(written));
});

test('people see the tag of the image and the beginning of the hash', () => {
  expect(nameTemplate(written)).toBe(`1.8.1-${hashTemplate(written).slice(0, 7)}`);
  expect(nameTemplate(withImage('store'))).toMatch(/^[0-9a-f]{7}$/);
  expect(nameTemplate({})).toMatch(/^[0-9a-f]{7}$/);
});

import { describe, expect, test } from 'vitest';
import { HELD_ANNOTATION } from '../../../../../src/api/names.ts';
import { defaultSpec } from '../../../../../src/api/release.ts';
import { gatherFacts } from '../../../../fixtures/facts.ts';
import { desireRest, keepsPaused, restsPaused } from '../../../../../src/core/release/desired/rest.ts';
import type { WorkloadFacts } from '../../../../../src/core/release/facts/workload-facts.ts';
import type { DeploymentObject } from '../../../../../src/core/workload/objects.ts';
import type { ObservedWorkload } from '../../../../../src/core/workload/observed.ts';
import { hashTemplate } from '../../../../../src/core/workload/template.ts';
import { after, anObservation, aRelease } from '../../../../fixtures/builders.ts';

const template = { metadata: { labels: { app: 'store' } }, spec: { containers: [{ name: 'app', image: 'store:1' }] } };
const rolledOut: DeploymentObject = {
  metadata: { name: 'store', namespace: 'shop', uid: 'uid-store', generation: 3 },
  spec: { replicas: 2, selector: { matchLabels: { app: 'store' } }, template },
  status: { observedGeneration: 3, replicas: 2, updatedReplicas: 2, availableReplicas: 2 },
};
const resting: DeploymentObject = {
  ...rolledOut,
  metadata: { ...rolledOut.metadata, annotations: { [HELD_ANNOTATION]: 'web' } },
  spec: { ...rolledOut.spec, paused: true },
};

function factsOf(change: Partial<ObservedWorkload>, hold: 'Admission' | 'PausedAtRest' = 'PausedAtRest', deletionTimestamp?: string) {
  const spec = defaultSpec({ targetRef: { name: 'store', hold }, service: { name: 'store' } });
  const release = aRelease({ spec });
  const metadata = { ...release.metadata, ...(deletionTimestamp === undefined ? {} : { deletionTimestamp }) };
  const workload: ObservedWorkload = { known: true, deployment: rolledOut, replicaSets: [], hold: { kind: 'awaited' }, ...change };
  const serving = { service: 'store', template: hashTemplate(template) };
  const status = { observedGeneration: 1, serving };
  return gatherFacts(spec, status, 'idle', anObservation({ release: { ...release, metadata }, workload }), after(0));
}

function workloadOf(facts: ReturnType<typeof factsOf>): WorkloadFacts {
  if (facts.workload === undefined) throw new Error('no workload');
  return facts.workload;
}

const restOf = (facts: ReturnType<typeof factsOf>, state: Parameters<typeof desireRest>[0] = 'idle') =>
  desireRest(state, facts, workloadOf(facts));

describe('what serves is paused', () => {
  test('what serves is paused once it has rolled out, between releases', () => {
    const facts = factsOf({});
    expect(restsPaused({}, facts, workloadOf(facts))).toBe(true);
    expect(restOf(facts)).toEqual([{ kind: 'rest', name: 'store', template, release: 'web', annotated: false }]);
    expect(restOf(facts, 'stage.analyzing')).toEqual([]);
  });

  test('what serves is not paused while it rolls, and not twice', () => {
    expect(restOf(factsOf({ deployment: { ...rolledOut, status: { ...rolledOut.status, updatedReplicas: 1 } } }))).toEqual([]);
    expect(restOf(factsOf({ deployment: resting }))).toEqual([]);
  });

  test('what serves is not paused where no one asks for it, nor when the release goes, nor when something else serves', () => {
    for (const facts of [
      factsOf({}, 'Admission'),
      factsOf({}, 'PausedAtRest', '2030-01-01T00:00:00Z'),
      factsOf({ deployment: { ...rolledOut, spec: { ...rolledOut.spec, template: { ...template, spec: { hostname: 'a' } } } } }),
    ])
      expect(restsPaused({}, facts, workloadOf(facts))).toBe(false);
  });
});

describe('the finalizer stays', () => {
  const gone = '2030-01-01T00:00:00Z';
  const unpause = { kind: 'unpause', name: 'store', template, held: true } as const;

  test('the finalizer stays while the Deployment is paused for us, or is about to be', () => {
    expect(keepsPaused(factsOf({ deployment: resting }), [])).toBe(true);
    expect(keepsPaused(factsOf({}), restOf(factsOf({})))).toBe(true);
    expect(keepsPaused(factsOf({}), [])).toBe(false);
    expect(keepsPaused(factsOf({ deployment: resting }, 'Admission'), [])).toBe(false);
  });

  test('the finalizer of a release that goes stays until the pause is taken back', () => {
    expect(keepsPaused(factsOf({ deployment: resting }, 'PausedAtRest', gone), [unpause])).toBe(true);
    expect(keepsPaused(factsOf({}, 'PausedAtRest', gone), [])).toBe(false);
  });

  test('the finalizer stays until the Deployment is seen, but not for one that cannot be watched', () => {
    expect(keepsPaused(factsOf({ known: false }, 'PausedAtRest', gone), [])).toBe(true);
    expect(keepsPaused(factsOf({ known: false, problem: 'forbidden' }, 'PausedAtRest', gone), [])).toBe(false);
  });
});

import { describe, expect, test } from 'vitest';
import type { CanaryReleaseStatus } from '../../../../../src/api/release.ts';
import {
  type CandidateKey,
  chooseSides,
  describeRevision,
  findCandidate,
  isSameRevision,
  keyOf,
  nameRelease,
} from '../../../../../src/core/release/facts/revision.ts';
import { aBackend, anObservation, aRoute, aRule, aSpec, aStatus, SIDES, timeAfter } from '../../../../fixtures/builders.ts';

const FRESH: CanaryReleaseStatus = { observedGeneration: 1 };
const SWAPPED = { serving: 'v2', canary: 'v1' };

function key(change: Partial<CandidateKey> = {}): CandidateKey {
  return { service: 'v2', templateHashes: ['a'], ...change };
}

describe('the roles', () => {
  const choose = (rules: readonly Readonly<Record<string, number>>[], status = FRESH) =>
    chooseSides(
      aSpec(),
      status,
      rules.map((weights, index) => aRoute({ metadata: { name: `route-${index}` }, rules: [aRule(weights)] })),
    );
  const servedBy = (service: string) => aStatus({ serving: { service } });

  test('the roles carry the ports of the spec, the canary of a Deployment that of its Service', () => {
    const services = aSpec({ services: [{ name: 'v1', port: 80 }, { name: 'v2' }] });
    expect(chooseSides(services, servedBy('v2'), [])).toEqual({ serving: 'v2', canary: 'v1', canaryPort: 80 });
    const { services: _services, ...rest } = services;
    const own = chooseSides({ ...rest, service: { name: 'store', port: 9090 } }, FRESH, []);
    expect(own).toEqual({ serving: 'store', canary: 'store-canary', adds: true, servingPort: 9090, canaryPort: 9090 });
  });

  test('the roles at first contact follow the larger weight', () => {
    expect(choose([{ v1: 90, v2: 10 }])).toEqual(SIDES);
    expect(choose([{ v1: 0, v2: 1 }])).toEqual(SWAPPED);
    expect(
      choose([
        { v1: 1, v2: 0 },
        { v1: 0, v2: 5 },
      ]),
    ).toEqual(SWAPPED);
  });

  test('the roles are undecided where neither has more', () => {
    expect(choose([{ v1: 1, v2: 1 }])).toBeUndefined();
    expect(choose([])).toBeUndefined();
  });

  test('belong to the one that alone is named, where no rule gives weight to both', () => {
    expect(choose([{ v2: 1 }])).toEqual(SWAPPED);
    expect(choose([{ v1: 1 }])).toEqual(SIDES);
    expect(choose([{ v1: 0, v2: 0 }])).toEqual(SIDES);
  });

  test('the roles do not depend on the order of the routes', () => {
    expect(choose([{ v1: 1, v2: 0 }, { v2: 1 }])).toEqual(SIDES);
    expect(choose([{ v2: 1 }, { v1: 1, v2: 0 }])).toEqual(SIDES);
  });

  test('the roles do not depend on routes and rules that are none of this release', () => {
    const preview = aRoute({ metadata: { name: 'preview' }, rules: [aRule({ v1: 0, v2: 9 })] });
    const store = aRoute({ rules: [aRule({ v1: 0, v2: 9 }, { name: 'beta' }), aRule({ v1: 1, v2: 0 }, { name: 'api' })] });
    const spec = aSpec({ routeRefs: [{ name: 'store', rules: ['api'] }] });
    expect(chooseSides(spec, FRESH, [preview, store])).toEqual(SIDES);
  });

  test('the roles are kept: the Service that served last serves, also while the weights are split', () => {
    expect(choose([{ v1: 40, v2: 60 }], servedBy('v1'))).toEqual(SIDES);
    expect(choose([{ v1: 60, v2: 40 }], servedBy('v2'))).toEqual(SWAPPED);
    expect(choose([], servedBy('v2'))).toEqual(SWAPPED);
  });

  test('turn where people or Git gave everything to the other one', () => {
    expect(choose([{ v1: 0, v2: 1 }], servedBy('v1'))).toEqual(SWAPPED);
    expect(choose([{ v1: 1, v2: 0 }], servedBy('v2'))).toEqual(SIDES);
  });

  test('the roles are found again where the one that served is listed no longer', () => {
    expect(choose([{ v1: 0, v2: 1 }], servedBy('v0'))).toEqual(SWAPPED);
  });

  test('no roles are there in Deployment mode', () => {
    const { services: _services, ...spec } = aSpec();
    expect(chooseSides(spec, FRESH, [aRoute()])).toBeUndefined();
  });
});

describe('a revision is the same', () => {
  test('a revision is the same with the same Service, name and templates', () => {
    expect(isSameRevision(key(), key())).toBe(true);
    expect(isSameRevision(key(), key({ service: 'v1' }))).toBe(false);
    expect(isSameRevision(key({ specRevision: '2' }), key())).toBe(false);
    expect(isSameRevision(key({ templateHashes: ['b'] }), key())).toBe(false);
  });

  test('a revision is the same when pods went away, and another one when pods of a new template came', () => {
    expect(isSameRevision(key({ templateHashes: [] }), key())).toBe(true);
    expect(isSameRevision(key({ templateHashes: ['a'] }), key({ templateHashes: ['a', 'b'] }))).toBe(true);
    expect(isSameRevision(key({ templateHashes: ['a', 'b'] }), key())).toBe(false);
  });
});

describe('the candidate', () => {
  const find = (status: CanaryReleaseStatus, change: Parameters<typeof aBackend>[1] = {}, revision?: string) =>
    findCandidate(
      aSpec(revision === undefined ? {} : { revision }),
      status,
      anObservation({ backends: { v2: aBackend('v2', change) } }),
      SIDES,
    );
  const settled = { service: 'v2', templateHashes: ['v2-1'] };
  const rejected = { revision: 'v2-1', reason: 'ErrorRatio', at: timeAfter(0), ...settled };

  test('the candidate is what stands behind the canary Service', () => {
    expect(find(FRESH)).toEqual({ service: 'v2', templateHashes: ['v2-1'] });
    expect(find(FRESH, {}, '1.8.1')).toEqual({ service: 'v2', specRevision: '1.8.1', templateHashes: ['v2-1'] });
  });

  test('the candidate is unknown until the endpoints and the pods are known', () => {
    expect(find(FRESH, { known: false })).toBeUndefined();
    expect(find(FRESH, { templatesKnown: false })).toBeUndefined();
    expect(findCandidate(aSpec(), FRESH, anObservation({ backends: {} }), SIDES)).toBeUndefined();
  });

  test('the candidate is none when it was released, and one again when its pods or its name are others', () => {
    expect(find({ ...FRESH, settled })).toBeUndefined();
    expect(find({ ...FRESH, settled }, { templateHashes: [] })).toBeUndefined();
    expect(find({ ...FRESH, settled }, { templateHashes: ['v2-2'] })).toBeDefined();
    expect(find({ ...FRESH, settled }, {}, '2')).toBeDefined();
  });

  test('the candidate in a rolling update is the template that is new alone', () => {
    const both = { templateHashes: ['v2-1', 'v2-2'] };
    expect(find({ ...FRESH, settled }, { ...both, rolling: true })?.templateHashes).toEqual(['v2-2']);
    expect(find({ ...FRESH, settled }, both)?.templateHashes).toEqual(['v2-1', 'v2-2']);
    expect(find(FRESH, { ...both, rolling: true })?.templateHashes).toEqual(['v2-1', 'v2-2']);
    const other = { ...settled, service: 'v1' };
    expect(find({ ...FRESH, settled: other }, { ...both, rolling: true })?.templateHashes).toEqual(['v2-1', 'v2-2']);
    expect(find({ ...FRESH, settled: { ...settled, ...both } }, { ...both, rolling: true }, '2')?.templateHashes).toEqual(['v2-1', 'v2-2']);
  });

  test('the candidate is none when it was rejected: it is not tried again automatically', () => {
    expect(find({ ...FRESH, rejected: [rejected] })).toBeUndefined();
    expect(find({ ...FRESH, rejected: [{ ...rejected, specRevision: '2' }] }, {}, '2')).toBeUndefined();
    expect(find({ ...FRESH, rejected: [rejected] }, {}, '2')).toBeDefined();
    expect(find({ ...FRESH, rejected: [{ ...rejected, service: 'v1' }] })).toBeDefined();
  });

  test('a candidate that was rejected without known templates is one again when pods come', () => {
    const { templateHashes: _hashes, ...bare } = rejected;
    expect(find({ ...FRESH, rejected: [bare] })).toBeDefined();
  });
});

describe('names', () => {
  test('the name of a revision is what the spec says, else the templates, else the Service', () => {
    expect(describeRevision(key({ specRevision: '1.8.1' }))).toBe('1.8.1');
    expect(describeRevision(key({ templateHashes: ['a', 'b'] }))).toBe('a+b');
    expect(describeRevision(key({ templateHashes: [] }))).toBe('v2');
    expect(describeRevision(key({ templateHashes: Array.from({ length: 16 }, () => 'x'.repeat(20)) }))).toHaveLength(128);
  });

  test('the id of a release has 10 hex digits, with a number from the second attempt on, and another one for another release', () => {
    const first = nameRelease('uid', key(), timeAfter(0), 1);
    expect(first).toMatch(/^[0-9a-f]{10}$/);
    expect(nameRelease('uid', key(), timeAfter(0), 1)).toBe(first);
    expect(nameRelease('uid', key(), timeAfter(0), 2)).toBe(`${first}-2`);
    const others = [
      nameRelease('other', key(), timeAfter(0), 1),
      nameRelease('uid', key({ specRevision: '2' }), timeAfter(0), 1),
      nameRelease('uid', key(), timeAfter(1), 1),
    ];
    expect(new Set([first, ...others]).size).toBe(4);
  });

  test('a key has no templates where the backend is not there', () => {
    expect(keyOf('v2', undefined, undefined)).toEqual({ service: 'v2', templateHashes: [] });
  });
});

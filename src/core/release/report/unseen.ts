// What Glidepath cannot see of a release, as conditions: failures that the metrics source does not count, and versions whose pods look alike.

import type { Condition } from '../../../api/release.ts';
import type { Facts } from '../assess.ts';
import { servicesOf } from '../facts/sides.ts';
import type { ObservedBackend } from '../observation.ts';

type Word = Pick<Condition, 'status' | 'reason' | 'message'>;

const MOST_MESSAGE = 1_024;

/** Undefined where nothing is analyzed, and where the source counts all that the routes carry. */
export function describeHazards({ judging, observation: { metrics } }: Facts): Word | undefined {
  if (!judging || metrics.kind !== 'ready' || metrics.hazards === undefined) return undefined;
  const reason = metrics.hazards.some(({ blind }) => blind === true) ? 'FailuresUnseen' : 'KnownGaps';
  const told = metrics.hazards.map(({ code, message }) => `${message} (${code})`).join('; ');
  return { status: 'True', reason, message: `metrics source ${metrics.source}: ${told}`.slice(0, MOST_MESSAGE) };
}

/** Services mode: without a hash of their template new pods look like the ones before. Undefined where a new version would be seen. */
export function describeRevision({ spec, observation: { backends } }: Facts): Word | undefined {
  if (spec.services === undefined || spec.revision !== undefined) return undefined;
  const unmarked = servicesOf(spec).filter((service) => hasUnmarkedPods(backends[service]));
  if (unmarked.length === 0) return undefined;
  return {
    status: 'False',
    reason: 'NoTemplateHash',
    message: `the pods behind Service ${unmarked.join(' and Service ')} have no label pod-template-hash (a StatefulSet?), so a new version of them starts no release; set spec.revision and change it with every version`,
  };
}

function hasUnmarkedPods(backend: ObservedBackend | undefined): boolean {
  return backend?.known === true && backend.templatesKnown && backend.readyEndpoints > 0 && backend.templateHashes.length === 0;
}

// What Glidepath cannot see of a release, as conditions: failures that the metrics source does not count, and versions whose pods look alike.

import type { Condition } from '../../../api/release.ts';
import type { Facts } from '../assess.ts';
import { servicesOf } from '../facts/sides.ts';
import type { ObservedBackend } from '../observation.ts';

type Word = Pick<Condition, 'status' | 'reason' | 'message'>;

const MOST_MESSAGE = 1_024;
const ROOM_FOR_MORE = 40;

/** Undefined where nothing is analyzed, and where the source counts all that the routes carry. What is not counted at all comes first. */
export function describeHazards({ judging, observation: { metrics } }: Facts): Word | undefined {
  if (!judging || metrics.kind !== 'ready' || metrics.hazards === undefined) return undefined;
  const blind = metrics.hazards.filter((hazard) => hazard.blind === true);
  const gaps = metrics.hazards.filter((hazard) => hazard.blind !== true);
  const reason = blind.length > 0 ? 'FailuresUnseen' : 'KnownGaps';
  const told = [...blind, ...gaps].map(({ code, message }) => `${message} (${code})`);
  return { status: 'True', reason, message: joinWhole(`metrics source ${metrics.source}: `, told) };
}

/** Whole parts only, and how many more there are. */
function joinWhole(begin: string, parts: readonly string[]): string {
  const all = `${begin}${parts.join('; ')}`;
  if (all.length <= MOST_MESSAGE) return all;
  let message = begin;
  let taken = 0;
  for (const part of parts) {
    if (message.length + part.length + ROOM_FOR_MORE > MOST_MESSAGE) break;
    message += `${part}; `;
    taken += 1;
  }
  return `${message}${parts.length - taken} more: kubectl canary doctor`;
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

/** Deployment mode; in Services mode such a rule blocks. Undefined where no rule of the release keeps sessions. */
export function describeSessions({ spec, sessions }: Facts): Word | undefined {
  if (spec.targetRef === undefined || sessions.length === 0) return undefined;
  const keepers = sessions.map(({ who, field }) => `${who} (${field})`);
  return {
    status: 'True',
    reason: 'RulesPersist',
    message: joinWhole(
      'users stay on the version that answered them first: the canary may get another share than its weight, which is not taken for a mismatch, and a rollback ends its pods without waiting for their requests as soon as the serving version can answer: ',
      keepers,
    ),
  };
}

function hasUnmarkedPods(backend: ObservedBackend | undefined): boolean {
  return backend?.known === true && backend.templatesKnown && backend.readyEndpoints > 0 && backend.templateHashes.length === 0;
}

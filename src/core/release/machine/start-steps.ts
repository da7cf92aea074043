// How a release begins: what is on the routes now is recorded, and nothing is written yet.

import { hash } from 'node:crypto';
import { parseDuration } from '../../../api/duration.ts';
import type { CanaryReleaseStatus, ReleaseStatus } from '../../../api/release.ts';
import { toTime } from '../../../api/times.ts';
import type { Facts } from '../assess.ts';
import { type CandidateKey, describeRevision, keyOf, nameRelease } from '../facts/revision.ts';
import { recordOwnRules } from '../facts/own-rules.ts';
import { recordRoutes } from '../facts/scope.ts';
import { backendsOf } from '../facts/sides.ts';
import { recordWorkload } from './rolled.ts';
import { hashPlan } from './spec-edits.ts';
import { takeOver } from './take-over.ts';

type Status = CanaryReleaseStatus;
/** Number of an attempt, and how many were begun by Glidepath up to it. */
export type Attempt = Required<Pick<ReleaseStatus, 'attempt'>> & Pick<ReleaseStatus, 'retries'>;

/** Begins a release: what is on the routes now is recorded, and nothing was written yet. */
export function startRelease(status: Status, facts: Facts, key: CandidateKey, attempt: Attempt): Status {
  const { sides, spec, now, observation } = facts;
  if (sides === undefined) return status;
  const startedAt = toTime(now);
  const uid = observation.release.metadata.uid ?? '';
  const id = nameRelease(uid, key, startedAt, attempt.attempt);
  const trace = hash('sha256', `${uid}/${id}`);
  // `spec.revision` names the candidate, never the version that serves at first contact.
  const servingKey = keyOf(sides.serving, undefined, observation.backends[sides.serving]);
  const known = status.serving?.service === sides.serving ? status.serving : undefined;
  const { verdict: _verdict, ...rest } = status;
  const routes = recordRoutes(spec, observation.routes, sides, status.internal?.weightLimits);
  const adopted = takeOver(spec, routes);
  const ownRules = recordOwnRules(observation.routes, routes, sides);
  return {
    ...rest,
    weight: adopted.maxWeight,
    checks: [],
    serving: known ?? { service: sides.serving, revision: describeRevision(servingKey) },
    release: {
      id,
      ...attempt,
      revision: describeRevision(key),
      ...(key.specRevision === undefined ? {} : { specRevision: key.specRevision }),
      templateHashes: [...key.templateHashes],
      ...backendsOf(sides),
      ...recordWorkload(status, facts),
      startedAt,
      plan: hashPlan(spec),
      ...adopted,
      deadlineAt: toTime(now + parseDuration(spec.deadline.after)),
      traceparent: `00-${trace.slice(0, 32)}-${trace.slice(32, 48)}-01`,
      routes: [...routes],
      ...(ownRules.length === 0 ? {} : { ownRules: [...ownRules] }),
    },
  };
}

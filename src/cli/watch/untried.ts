// Deployment mode: whether the serving template has passed a release. One that bypassed the hold has not, and no pipeline may take
// that for a promotion.

import type { CanaryReleaseStatus } from '../../api/release.ts';
import { isProvenTemplate } from '../../core/release/facts/workload-facts.ts';
import { type SeenRelease, targetOf } from '../cluster/releases.ts';

/**
 * Why the serving template counts as not released; undefined where it was promoted, or where nothing says that it was not.
 * @param before what served when the watch began
 */
export function findUntried(release: SeenRelease, template: string, before: string | undefined): string | undefined {
  const { status } = release;
  const rejected = (status.rejected ?? []).find(({ templateHashes }) => templateHashes?.includes(template) === true);
  if (rejected !== undefined) return `was rolled back at ${rejected.at} (${rejected.reason})and then bypassed the hold (HoldBypassed)`;
  if (isProvenTemplate(status, template)) return undefined;
  if (!isFirstContact(release, template, before)) return 'did not pass a release: it bypassed the hold (HoldBypassed)';
  return sayUnheld(status);
}

/** What served before the first release counts as promoted. */
function isFirstContact(seen: SeenRelease, template: string, before: string | undefined): boolean {
  const { release, proven } = seen.status;
  // Until the first release of this Deployment nothing else distinguishes the adopted template from one that bypassed the hold later.
  if (release?.workload?.name !== targetOf(seen)) return before === undefined || before === template;
  const isPromoted = (proven ?? []).some(({ templateHashes }) => templateHashes !== undefined);
  return !isPromoted && release?.workload?.servingTemplate === template;
}

function sayUnheld({ conditions, release }: CanaryReleaseStatus): string | undefined {
  if (release !== undefined) return undefined;
  const hold = (conditions ?? []).find(({ type, reason }) => type === 'TemplateHeld' && reason === 'HoldUnavailable');
  return hold === undefined ? undefined : `did not pass a release: ${hold.message}`;
}

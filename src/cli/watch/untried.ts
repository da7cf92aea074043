// Deployment mode: was what serves ever proven? A template that went past the hold serves untried, and no pipeline may take
// that for a promotion.

import type { CanaryReleaseStatus } from '../../api/release.ts';
import { isProvenTemplate } from '../../core/release/facts/workload-facts.ts';
import { type SeenRelease, targetOf } from '../cluster/releases.ts';

/**
 * Why the template that serves counts for unproven; undefined where it is proven, or where nothing speaks against it.
 * @param before what served when the watch began
 */
export function findUntried(release: SeenRelease, template: string, before: string | undefined): string | undefined {
  const { status } = release;
  const rejected = (status.rejected ?? []).find(({ templateHashes }) => templateHashes?.includes(template) === true);
  if (rejected !== undefined)
    return `was rolled back at ${rejected.at} (${rejected.reason}), and rolled past the hold since (HoldBypassed)`;
  if (isProvenTemplate(status, template)) return undefined;
  if (!isFirstContact(release, template, before)) return 'was never proven: it rolled past the hold (HoldBypassed)';
  return sayUnheld(status);
}

/** What served before the first release stands in production, and counts for as good as proven. */
function isFirstContact(seen: SeenRelease, template: string, before: string | undefined): boolean {
  const { release, proven } = seen.status;
  // Until the first release of this Deployment nothing else tells what was adopted from what went past the hold later.
  if (release?.workload?.name !== targetOf(seen)) return before === undefined || before === template;
  const isPromoted = (proven ?? []).some(({ templateHashes }) => templateHashes !== undefined);
  return !isPromoted && release?.workload?.servingTemplate === template;
}

function sayUnheld({ conditions, release }: CanaryReleaseStatus): string | undefined {
  if (release !== undefined) return undefined;
  const hold = (conditions ?? []).find(({ type, reason }) => type === 'TemplateHeld' && reason === 'HoldUnavailable');
  return hold === undefined ? undefined : `was never proven: ${hold.message}`;
}

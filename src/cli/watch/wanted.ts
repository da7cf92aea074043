// Which release a watch follows, and what is known of a revision for which no release will come: it serves already, it was promoted
// before, or it was rejected.

import type { CanaryReleaseStatus, ReleaseStatus } from '../../api/release.ts';
import { isSettledOrRejected } from '../../core/release/facts/revision.ts';
import { isRunning, parseState } from '../../core/release/state.ts';
import { isProvenTemplate } from '../../core/release/facts/workload-facts.ts';
import { nameCanary } from '../../core/workload/canary-names.ts';
import type { TemplateReadings } from '../cluster/template-readings.ts';
import type { SeenRelease } from '../cluster/releases.ts';
import { type ExitCode, WATCH_EXIT } from '../io.ts';
import { findUntried } from './untried.ts';

/** What is waited for. */
export type Wanted =
  /** The one that runs, or else the next. */
  { readonly kind: 'any' } | { readonly kind: 'revision'; readonly revision: string } | WantedTemplate;

/** The template that a Deployment had when the watch began. */
interface WantedTemplate {
  readonly kind: 'template';
  readonly deployment: string;
  readonly template: string;
  readonly revision: string;
  readonly readings: Pick<TemplateReadings, 'latest' | 'again'>;
}

/** How a watch ended. */
export interface Ending {
  readonly code: ExitCode;
  readonly says: string;
}

/** Is this the release of what is wanted? Never true of `any`. */
export function isReleaseOf({ revision, specRevision, templateHashes, workload }: ReleaseStatus, wanted: Wanted): boolean {
  switch (wanted.kind) {
    case 'any':
      return false;
    case 'revision':
      return revision === wanted.revision || specRevision === wanted.revision || (templateHashes ?? []).includes(wanted.revision);
    case 'template':
      return workload?.template === wanted.template && workload.name === wanted.deployment;
  }
}

/**
 * How the wanted revision ended without a release, or before the one that the status shows. Templates are compared as the operator
 * compares them.
 * @param before the template that served when the watch began
 */
export function findSettled(release: SeenRelease, wanted: Wanted, before: string | undefined): Ending | undefined {
  switch (wanted.kind) {
    case 'any':
      return undefined;
    case 'revision':
      return findServed(release, wanted.revision, before) ?? findRejected(release, wanted.revision);
    case 'template':
      return findTried(release, wanted, before);
  }
}

function findTried(release: SeenRelease, { template, revision }: WantedTemplate, before: string | undefined): Ending | undefined {
  const { status, spec } = release;
  if (status.serving?.template === template) return sayServes(release, revision, before);
  if (isProvenTemplate(status, template)) return sayProven(revision);
  const key = { service: nameCanary(spec?.service?.name ?? ''), templateHashes: [template] };
  return isOver(status) && isSettledOrRejected(status, key) ? sayRejected(release, revision, template) : undefined;
}

/** No release is under way, as far as this version can read the state. */
function isOver({ state }: CanaryReleaseStatus): boolean {
  const parsed = parseState(state);
  return parsed !== undefined && !isRunning(parsed);
}

/** Deployment mode: a revision that was promoted before rolls out without a release. */
function findServed(release: SeenRelease, revision: string, before: string | undefined): Ending | undefined {
  if (release.spec?.targetRef === undefined) return undefined;
  const { serving, proven, rejected } = release.status;
  if (serving?.revision === revision) return sayServes(release, revision, before);
  const isIt = (entry: { readonly revision: string }) => entry.revision === revision;
  return (proven ?? []).some(isIt) && !(rejected ?? []).some(isIt) ? sayProven(revision) : undefined;
}

function sayServes(release: SeenRelease, revision: string, before: string | undefined): Ending {
  const untried = findUntried(release, release.status.serving?.template ?? '', before);
  if (untried === undefined) return { code: WATCH_EXIT.promoted, says: `revision ${revision} already serves` };
  const says = `revision ${revision} serves, but ${untried}; revert it if it must not serve, and check the hold: kubectl canary doctor -n ${release.namespace}`;
  return { code: WATCH_EXIT.needsPerson, says };
}

/** The release of a template was rolled back, and yet the template serves: this must not count as rolled back. */
export function findPastRollback(release: SeenRelease, wanted: Wanted, before: string | undefined): Ending | undefined {
  const { serving } = release.status;
  if (wanted.kind !== 'template' || serving?.template !== wanted.template) return undefined;
  const served = sayServes(release, wanted.revision, before);
  return served.code === WATCH_EXIT.needsPerson ? served : undefined;
}

function sayProven(revision: string): Ending {
  return { code: WATCH_EXIT.promoted, says: `revision ${revision} was promoted before and rolls out at once, without a canary` };
}

/** A rejected revision is not released again without the command `retry`. */
function findRejected(release: SeenRelease, revision: string): Ending | undefined {
  if (!isOver(release.status)) return undefined;
  const isIt = (entry: { readonly revision: string; readonly specRevision?: string }) =>
    entry.revision === revision || entry.specRevision === revision;
  return (release.status.rejected ?? []).some(isIt) ? sayRejected(release, revision, undefined) : undefined;
}

function sayRejected({ name, status }: SeenRelease, revision: string, template: string | undefined): Ending {
  const found = (status.rejected ?? []).find(
    (entry) =>
      (template !== undefined && entry.templateHashes?.includes(template) === true) ||
      entry.revision === revision ||
      entry.specRevision === revision,
  );
  const when = found === undefined ? '' : ` at ${found.at} (${found.reason})`;
  const says = `revision ${revision} was rolled back${when} and is not retried automatically; to retry it: kubectl canary retry ${name}`;
  return { code: WATCH_EXIT.rolledBack, says };
}

// What a route's annotation says of a release whose traffic went back. A reason that does not reject the revision stands in it:
// an operator that is killed before it stores the reason would else reject what was not to blame (rules 1 and 5).

import { HOME_MARK } from '../../../api/names.ts';
import { fateOf, isRollbackReason, type RevisionFate, type RollbackReasonName } from '../../../api/reasons.ts';

const IS_WRITTEN: Readonly<Record<RevisionFate, boolean>> = {
  rejected: false,
  retried: true,
  unjudged: true,
  completed: true,
  open: false,
};

/** `web/7c1f0e22ab/home`, or `web/7c1f0e22ab/home/CanaryEmpty`. @param mark of the release, `<name>/<id>` */
export function buildHomeMark(mark: string, reason: string | undefined): string {
  const plain = `${mark}/${HOME_MARK}`;
  return reason !== undefined && IS_WRITTEN[fateOf(reason)] ? `${plain}/${reason}` : plain;
}

/** Does a route say that this release went home, for whatever reason? */
export function isHomeMark(found: string | undefined, mark: string): boolean {
  const plain = `${mark}/${HOME_MARK}`;
  return found === plain || found?.startsWith(`${plain}/`) === true;
}

/** The reason that a route remembers; undefined where it has none, or one that this version does not write. */
export function readHomeReason(found: string | undefined, mark: string): RollbackReasonName | undefined {
  if (!isHomeMark(found, mark)) return undefined;
  const reason = found?.slice(`${mark}/${HOME_MARK}/`.length);
  return isRollbackReason(reason) && IS_WRITTEN[fateOf(reason)] ? reason : undefined;
}

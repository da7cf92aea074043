// What `kubectl canary undo` says before it asks, and when asking once is not enough: a revision that its author marked
// irreversible (a migration that drops a column) may be worse taken back than left.

import { parseState } from '../../core/release/state.ts';
import type { SeenRelease } from '../cluster/releases.ts';
import type { CliIo } from '../io.ts';
import { usageError } from '../usage.ts';

/** What happens, in a line. */
export function describeUndo({ status }: SeenRelease): string {
  const { release } = status;
  if (release === undefined) return '';
  const { workload, revision, serving } = release;
  const isOver = parseState(status.state) === 'promoted';
  if (workload === undefined) return `All traffic goes back to Service ${serving.service}.\n`;
  return isOver
    ? `Deployment ${workload.name} rolls what was proven before ${revision}, without a canary. Revert it in Git as well: a tool that puts ${revision} back finds it held.\n`
    : `All traffic goes home in one weight write, and Deployment ${workload.name} stays held at ${revision}: revert it in Git as well.\n`;
}

/** Why the revision should not be taken back; undefined where its author says nothing. */
function findMark({ status }: SeenRelease): string | undefined {
  return status.release?.workload?.irreversible;
}

/**
 * Asks once more, also after `--yes`, where a terminal is.
 * @param allowed `--irreversible` was given
 * @throws a usage error where nobody can be asked
 */
export async function isUndoAllowed(release: SeenRelease, allowed: boolean, io: CliIo): Promise<boolean> {
  const mark = findMark(release);
  if (mark === undefined || allowed) return true;
  const { revision = '' } = release.status.release ?? {};
  if (io.ask === undefined)
    throw usageError(`revision ${revision} is marked irreversible (${mark}); if undo is right all the same, give --irreversible`);
  const answer = await io.ask(`Revision ${revision} is marked irreversible (${mark}). Undo it all the same? [y/N] `);
  return /^\s*y(es)?\s*$/i.test(answer);
}

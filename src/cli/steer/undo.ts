// What `kubectl canary undo` prints before it asks for confirmation, and the second question for a revision that its author marked
// irreversible: after a migration that drops a column, the previous version may not run any more.

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
    ? `Deployment ${workload.name} rolls out the version that was promoted before ${revision}, without a canary. Revert ${revision} in Git as well; a tool that applies it again finds it held.\n`
    : `All traffic goes back in one write of the weights, and Deployment ${workload.name} stays held at ${revision}. Revert ${revision} in Git as well.\n`;
}

/** Why the revision should not be undone; undefined where its author gave no reason. */
function findMark({ status }: SeenRelease): string | undefined {
  return status.release?.workload?.irreversible;
}

/**
 * Asks a second time, also after `--yes`, where there is a terminal.
 * @param allowed `--irreversible` was given
 * @throws a usage error where there is no terminal
 */
export async function isUndoAllowed(release: SeenRelease, allowed: boolean, io: CliIo): Promise<boolean> {
  const mark = findMark(release);
  if (mark === undefined || allowed) return true;
  const { revision = '' } = release.status.release ?? {};
  if (io.ask === undefined) throw usageError(`revision ${revision} is marked irreversible (${mark}); to undo it anyway add --irreversible`);
  const answer = await io.ask(`Revision ${revision} is marked irreversible (${mark}). Undo it anyway? [y/N] `);
  return /^\s*y(es)?\s*$/i.test(answer);
}

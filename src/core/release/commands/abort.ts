// An abort that cannot be obeyed: for a release that is over, or for none. The annotation stays on the object, so what was dealt with is
// remembered by its text, and everything else is refused in words once.

import { parseAbort } from '../../../api/command.ts';
import { ABORT_ANNOTATION } from '../../../api/names.ts';
import type { CanaryRelease, CanaryReleaseStatus } from '../../../api/release.ts';
import type { StateName } from '../state.ts';

/** An abort that was not seen before. */
export interface FreshAbort {
  readonly text: string;
  /** Why it does nothing; undefined where it is obeyed, or what it asked for is so already. */
  readonly refusal: string | undefined;
}

const MOST_TEXT = 128;

/** Undefined where there is none, or none that is new. */
export function readAbort(release: CanaryRelease, status: CanaryReleaseStatus, state: StateName): FreshAbort | undefined {
  const text = (release.metadata.annotations?.[ABORT_ANNOTATION] ?? '').trim().slice(0, MOST_TEXT);
  if (text === '' || text === status.internal?.abort) return undefined;
  return { text, refusal: refuse(text, status, state) };
}

function refuse(text: string, { release, history }: CanaryReleaseStatus, state: StateName): string | undefined {
  const id = parseAbort(text);
  if (id === undefined) return `"${text.slice(0, 40)}" is no release id`;
  if (release === undefined) return `it is for release ${id}, and there is no release yet`;
  if (id === release.id) return state === 'promoted' ? `release ${id} is promoted; the command undo takes it back` : undefined;
  const wasAborted = (history ?? []).some((entry) => entry.id === id && entry.reason === 'Aborted');
  return wasAborted ? undefined : `it is for release ${id}, and the present one is ${release.id}`;
}

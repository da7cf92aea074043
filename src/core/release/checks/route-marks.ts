// A route in the hands of a release that carries the mark of another one: written by hand, or by a tool that restores an old copy.

import { FIELD_MANAGER, RELEASE_ANNOTATION } from '../../../api/names.ts';
import { lastForeignManager } from '../../routing/standing.ts';
import type { Known } from '../facts/known.ts';
import { isHomeMark } from '../facts/home-mark.ts';
import { isJudged, isPreparing } from '../state.ts';
import type { CanaryReleaseStatus } from '../../../api/release.ts';
import type { Blocker } from './types.ts';

const MOST_MARK = 80;

/** No raise is written to it, and without a word the release would wait for its deadline. Home is written all the same. */
export function aRouteHasAnotherMark({ standings, mark, state, deleting }: Known, { release }: CanaryReleaseStatus): Blocker | undefined {
  if (!isJudged(state) || isPreparing(state, release) || deleting) return undefined;
  const found = standings.find((one) => one.mark !== undefined && one.mark !== mark && !isHomeMark(one.mark, mark));
  if (found?.route === undefined || found.mark === undefined) return undefined;
  const { kind, metadata } = found.route;
  const what = `${kind} ${metadata.name}`;
  const who = lastForeignManager(found.route, FIELD_MANAGER);
  const said = `${what} has the mark of another release, ${RELEASE_ANNOTATION}: ${found.mark.slice(0, MOST_MARK)}`;
  const by = who === undefined ? '' : `, last edited by field manager ${who}`;
  const remove = `kubectl annotate ${kind.toLowerCase()} ${metadata.name} -n ${metadata.namespace} ${RELEASE_ANNOTATION}-`;
  return { reason: 'AnotherRelease', about: what, message: `${said}${by}; if no such release is running, remove it: ${remove}` };
}

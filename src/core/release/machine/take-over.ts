// How a release takes over a split that was there before it (`spec.adopt`), and follows it until its first stage.

import type { CanaryReleaseSpec, CanaryReleaseStatus, RecordedRoute } from '../../../api/release.ts';
import { shareOf } from '../../routing/canary-share.ts';
import type { Facts } from '../assess.ts';
import { findAdoptedWeight, toWeight } from '../facts/adoption.ts';
import { isPreparing } from '../state.ts';
import { edit } from './change.ts';
import { chooseStage } from './spec-edits.ts';

/** The split that is there, with the stage of its weight; else a release begins at 0. */
export function takeOver(spec: CanaryReleaseSpec, routes: readonly RecordedRoute[]) {
  const adopted = spec.adopt ? findAdoptedWeight(routes) : undefined;
  if (adopted === undefined) return { stageIndex: 0, maxWeight: 0 };
  return { stageIndex: chooseStage(spec, adopted, 0), adoptedWeight: adopted, maxWeight: adopted };
}

/** What somebody lowers before the first stage is not raised again without a Pass: the release takes over what is left (rule 2). */
export function followSplit(status: CanaryReleaseStatus, { state, spec, standings }: Facts): CanaryReleaseStatus {
  const { release, weight = 0 } = status;
  if (release?.adoptedWeight === undefined || !isPreparing(state, release)) return status;
  const shares = standings.flatMap(({ rules }) => rules.map(shareOf)).filter((share) => share !== undefined);
  const present = shares.length === 0 ? weight : toWeight(Math.min(...shares));
  if (present >= weight) return status;
  return { ...edit(status, { adoptedWeight: present, stageIndex: chooseStage(spec, present, 0) }), weight: present };
}

// The shares of foreign backends in a rule: what each of them had before the first write of a release, and what others made of it since.

import type { RecordedRule } from '../../api/release.ts';
import { sumWeights, type RefPosition } from './refs.ts';
import type { ManagedRule } from './rules.ts';
import { fitWeight, wholeOf } from './weights.ts';

/**
 * What a foreign ref said before our first write. One that is found at neither that nor its multiple was edited since: then
 * the share that it has now is what its editor wants, and is reckoned back to the scale of the originals. Taking the number
 * itself would multiply it again at every write.
 */
export function originalOf(recorded: RecordedRule, now: ManagedRule, ref: RefPosition, index: number): number {
  const known = recordOf(recorded, now, ref, index);
  switch (standOfShare(recorded, now, ref, known)) {
    case 'recorded':
      return known?.weight ?? 0;
    case 'followed':
      return reckonBack(recorded, known?.edited);
    case 'edited':
      return reckonBack(recorded, writtenShare(recorded, now, ref));
  }
}

/** The same name may be listed twice, with other ports or namespaces: the order distinguishes them. */
function recordOf({ others = [] }: RecordedRule, now: ManagedRule, ref: RefPosition, index: number): RecordedRef | undefined {
  const earlier = now.others.slice(0, index).filter((other) => other.name === ref.name).length;
  return others.filter((other) => other.name === ref.name)[earlier];
}

type RecordedRef = NonNullable<RecordedRule['others']>[number];

/** A foreign weight beside what our refs have together: its share, on whatever scale. */
type WrittenShare = NonNullable<RecordedRef['edited']>;

function writtenShare(recorded: RecordedRule, now: ManagedRule, { weight }: RefPosition): WrittenShare {
  const ours = oursOf(now);
  return { weight, of: ours === 0 ? wholeOf(recorded) * recorded.factor : ours };
}

function reckonBack(recorded: RecordedRule, share: WrittenShare | undefined): number {
  return share === undefined ? 0 : (share.weight * wholeOf(recorded)) / share.of;
}

/** Is a foreign weight what was there before our first write, on any of our scales, or an edit of it that is known already, or a new one? */
function standOfShare(recorded: RecordedRule, now: ManagedRule, { weight }: RefPosition, known: RecordedRef | undefined) {
  const { factor, formerFactor = factor } = recorded;
  const scales = [1, factor, formerFactor];
  const ours = scales.find((scale) => oursOf(now) === wholeOf(recorded) * scale);
  const edited = reckonBack(recorded, known?.edited);
  const isEdit = (scale: number) => weight === (scale === 1 ? edited : fitWeight(edited * scale));
  // By chance an edited weight on one scale may be the recorded one on another: our own refs say which it is.
  if (known?.edited !== undefined && (ours === undefined ? scales : [ours]).some(isEdit)) return 'followed';
  return known !== undefined && scales.some((scale) => weight === known.weight * scale) ? 'recorded' : 'edited';
}

/**
 * The record of a rule with what others made of its foreign weights since: somebody who then edits our refs as well changes nothing of
 * that, although the share beside them is another one.
 */
export function followShares(recorded: RecordedRule, now: ManagedRule): RecordedRule {
  const others = (recorded.others ?? []).map((known) => {
    const at = now.others.findIndex((ref, index) => recordOf(recorded, now, ref, index) === known);
    const ref = now.others[at];
    return ref === undefined ? known : followShare(recorded, now, ref, known);
  });
  return others.every((one, index) => one === recorded.others?.[index]) ? recorded : { ...recorded, others };
}

function followShare(recorded: RecordedRule, now: ManagedRule, ref: RefPosition, known: RecordedRef): RecordedRef {
  const { name, weight } = known;
  switch (standOfShare(recorded, now, ref, known)) {
    case 'followed':
      return known;
    case 'recorded':
      return known.edited === undefined ? known : { name, weight };
    case 'edited':
      return { name, weight, edited: writtenShare(recorded, now, ref) };
  }
}

/** What our refs have together. */
export function oursOf({ serving, canary, extras }: ManagedRule): number {
  return sumWeights([serving, canary, ...extras]);
}

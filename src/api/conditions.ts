// Conditions as the Kubernetes API conventions define them, and the three of kstatus: Ready, Reconciling, Stalled.
import * as z from 'zod';
import { type Exact, textField } from './fields.ts';

/** The schema of one condition, metav1.Condition. */
export const conditionSchema = z.object({
  type: textField(316),
  status: z.enum(['True', 'False', 'Unknown']),
  observedGeneration: z.int().min(0).optional().meta({ format: 'int64' }),
  lastTransitionTime: z.string().max(35).meta({ format: 'date-time' }),
  reason: textField(1_024),
  message: textField(32_768, 0),
});

/** One condition. */
export type Condition = Exact<z.output<typeof conditionSchema>>;

/** A condition before it has a time. */
export interface NewCondition {
  /** One of `CONDITION_TYPES`. */
  readonly type: string;
  readonly status: Condition['status'];
  /** One UpperCamelCase word, mostly of `CONDITION_REASONS`. */
  readonly reason: string;
  readonly message: string;
  readonly observedGeneration?: number;
}

/** Longest message that is kept. */
const MESSAGE_MAX_LENGTH = 32_768;

/**
 * The list with the condition in it. The time of the last transition moves only when the status changes; a list whose
 * condition already says all of this is returned as it is.
 * @param now RFC 3339
 */
export function setCondition(list: readonly Condition[], condition: NewCondition, now: string): readonly Condition[] {
  const before = findCondition(list, condition.type);
  if (before === undefined) return [...list, start(condition, now)];
  if (saysTheSame(before, condition, condition.observedGeneration)) return list;
  return list.map((entry) => (entry === before ? follow(before, condition, now) : entry));
}

/** What a condition says. */
export type ConditionWord = Pick<Condition, 'status' | 'reason' | 'message'>;

/**
 * The list with all these conditions as `setCondition` sets each, in one go: those of other types stay as they are, new ones follow
 * behind. @param words by type; undefined takes a condition away
 * @param now RFC 3339
 */
export function setConditions(
  list: readonly Condition[],
  words: Readonly<Record<string, ConditionWord | undefined>>,
  observedGeneration: number,
  now: string,
): readonly Condition[] {
  const written = list.flatMap((before) => {
    if (!Object.hasOwn(words, before.type)) return [before];
    const word = words[before.type];
    if (word === undefined) return [];
    return [
      saysTheSame(before, word, observedGeneration) ? before : follow(before, { type: before.type, ...word, observedGeneration }, now),
    ];
  });
  for (const [type, word] of Object.entries(words))
    if (word !== undefined && findCondition(list, type) === undefined) written.push(start({ type, ...word, observedGeneration }, now));
  return written;
}

function start(condition: NewCondition, now: string): Condition {
  return { ...condition, message: condition.message.slice(0, MESSAGE_MAX_LENGTH), lastTransitionTime: now };
}

function follow(before: Condition, condition: NewCondition, now: string): Condition {
  return start(condition, before.status === condition.status ? before.lastTransitionTime : now);
}

/** The list without conditions of this type. */
export function removeCondition(list: readonly Condition[], type: string): readonly Condition[] {
  return list.some((entry) => entry.type === type) ? list.filter((entry) => entry.type !== type) : list;
}

/** The condition of this type, if it exists. */
export function findCondition(list: readonly Condition[], type: string): Condition | undefined {
  return list.find((entry) => entry.type === type);
}

/** True when the condition exists with status True, for this generation if one is given. */
export function isTrue(list: readonly Condition[], type: string, generation?: number): boolean {
  const found = findCondition(list, type);
  if (found?.status !== 'True') return false;
  return generation === undefined || found.observedGeneration === generation;
}

/** The three states that kstatus, Flux and Argo CD distinguish. */
export type Standing =
  /** Done: Ready=True. */
  | 'Ready'
  /** Under way or waiting for a person: Ready=False, Reconciling=True. */
  | 'Progressing'
  /** A person has to act before anything continues: Ready=False, Stalled=True. */
  | 'Stalled';

/** What the three conditions say. */
export interface StandingWords {
  readonly reason: string;
  readonly message: string;
  readonly observedGeneration?: number;
}

/** Sets Ready, Reconciling and Stalled; of the last two the one that does not hold is absent, as kstatus wants it. */
export function setStanding(list: readonly Condition[], standing: Standing, words: StandingWords, now: string): readonly Condition[] {
  const ready = setCondition(list, { type: 'Ready', status: standing === 'Ready' ? 'True' : 'False', ...words }, now);
  const reconciling = setWhen(ready, standing === 'Progressing', 'Reconciling', words, now);
  return setWhen(reconciling, standing === 'Stalled', 'Stalled', words, now);
}

function setWhen(list: readonly Condition[], holds: boolean, type: string, words: StandingWords, now: string): readonly Condition[] {
  return holds ? setCondition(list, { type, status: 'True', ...words }, now) : removeCondition(list, type);
}

function saysTheSame(before: Condition, { status, reason, message }: ConditionWord, observedGeneration: number | undefined): boolean {
  return (
    before.status === status &&
    before.reason === reason &&
    before.message === message.slice(0, MESSAGE_MAX_LENGTH) &&
    before.observedGeneration === observedGeneration
  );
}

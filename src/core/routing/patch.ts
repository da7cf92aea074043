// JSON Patches for routes. Raising patches test our annotation and every weight they replace; lowering patches test names
// only, of the rule and of its refs, so that nothing but another rule or backend in their place can stop traffic from coming home
// (rules 2 and 3 of the design).

import { RELEASE_ANNOTATION } from '../../api/names.ts';
import type { Route, RouteBackendRef, RouteRule } from '../../api/routes.ts';
import type { RefWeight } from './foreign-rules.ts';
import { type AnnotationChange, holdFlux, releaseFlux } from './gitops.ts';
import type { OurRule, WantedRule } from './our-rules.ts';
import type { RefPosition } from './refs.ts';
import type { ManagedRule, SeenRule } from './rules.ts';
import type { RuleWeights } from './weights.ts';

/** One operation of RFC 6902. */
export type JsonPatchOperation =
  | { readonly op: 'test' | 'add' | 'replace'; readonly path: string; readonly value: unknown }
  | { readonly op: 'remove'; readonly path: string };

const APPEND_RULE = '/spec/rules/-';
const ANNOTATIONS_PATH = '/metadata/annotations';
const ANNOTATION_PATH = pathOfAnnotation(RELEASE_ANNOTATION);

function pathOfAnnotation(name: string): string {
  return `${ANNOTATIONS_PATH}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;
}

/** What the rule's weights are to become. */
export interface RuleChange {
  readonly rule: ManagedRule;
  readonly weights: RuleWeights;
  /** The canary's ref is ours, and goes with the release. */
  readonly removes?: boolean;
}

/** Weights of single refs of a rule that are written only as long as it says what was seen, such as those of a rule that the release does not drive. */
export interface RuleDrain {
  readonly rule: Pick<SeenRule, 'index' | 'name' | 'matches' | 'refs' | 'canaries'>;
  readonly weights: readonly RefWeight[];
  /** The canary's refs are removed instead of emptied. */
  readonly removes?: boolean;
}

/**
 * The patch of a raise: guarded by our annotation and by all weights of the rule, those that stay as they are among them: a foreign one that
 * somebody changed a moment ago means another share beside the new ones.
 * @param mark the annotation's value that must be there, `<name>/<id>`
 * @returns no operations when nothing would change
 */
export function buildRaise(
  changes: readonly RuleChange[],
  mark: string,
  ours: readonly JsonPatchOperation[] = [],
): readonly JsonPatchOperation[] {
  const edits = [...changes.flatMap((change) => weightEdits(change, 'whole')), ...ours];
  return edits.length === 0 ? [] : [{ op: 'test', path: ANNOTATION_PATH, value: mark }, ...edits];
}

/**
 * Rules of ours that are added behind all others, in place of those that are wanted no more. They hold copies of other rules, so that
 * the whole spec has to be as it was read: its generation says so.
 */
export function replaceOurs(
  { metadata }: Route,
  surplus: readonly OurRule[],
  missing: readonly WantedRule[],
): readonly JsonPatchOperation[] {
  if (missing.length === 0) return removeOurs(surplus);
  return [
    { op: 'test', path: '/metadata/generation', value: metadata.generation ?? 0 },
    ...removeOurs(surplus),
    ...missing.map(({ rule }): JsonPatchOperation => ({ op: 'add', path: APPEND_RULE, value: rule })),
  ];
}

/**
 * Would a field that the API server does not know, and so drops, widen what is asked for? An older CRD of the Gateway API has no percentage
 * of a mirror, and without it every request is copied.
 */
export function needsEveryField(operations: readonly JsonPatchOperation[]): boolean {
  return operations.some(
    (operation) => operation.op === 'add' && operation.path === APPEND_RULE && mirrorsPart(operation.value as RouteRule),
  );
}

function mirrorsPart({ filters = [] }: RouteRule): boolean {
  return filters.some(({ requestMirror }) => requestMirror?.percent !== undefined);
}

/** Rules of ours go, guarded by what they are known by. Behind all other operations of a patch, because places shift. */
export function removeOurs(ours: readonly OurRule[]): readonly JsonPatchOperation[] {
  const lastFirst = ours.toSorted((a, b) => b.index - a.index);
  return lastFirst.flatMap(({ index, rule: { name, matches, backendRefs = [] } }): JsonPatchOperation[] => {
    const path = `/spec/rules/${index}`;
    const known = testRule({ index, ...(name === undefined ? {} : { name }), ...(matches === undefined ? {} : { matches }) });
    const backend: JsonPatchOperation = { op: 'test', path: `${path}/backendRefs/0/name`, value: backendRefs[0]?.name ?? null };
    return [...known, ...(name === undefined ? [backend] : []), { op: 'remove', path }];
  });
}

/**
 * The patch that claims a route: it sets our mark and tests everything that was recorded of the route, so that what "restored"
 * will mean is what was there when we came, however late the watch is. It tests the mark that is replaced as well. Where the
 * canary's ref is ours, it is added here with weight 0.
 * @param recorded the weights that were recorded of each rule
 */
export function buildClaim(recorded: readonly RuleChange[], route: Route, mark: string): readonly JsonPatchOperation[] {
  const tests = recorded.flatMap(({ rule, weights }) => [
    ...testRule(rule),
    // The whole list, because a ref that somebody adds in this very moment is in none of the weights.
    ...testRefs(route, rule.index),
    ...listTargets({ rule, weights }).flatMap(({ ref, weight }): JsonPatchOperation[] => {
      if (ref.missing !== undefined) return [addRef(rule, ref.missing, weight)];
      return [{ op: 'test', path: `/spec/rules/${rule.index}/backendRefs/${ref.index}/weight`, value: weight }];
    }),
  ]);
  const { annotations } = route.metadata;
  const held = holdFlux(route);
  if (annotations === undefined) return [...tests, ...addMark(mark, 'absent', held)];
  const former: JsonPatchOperation = { op: 'test', path: ANNOTATION_PATH, value: annotations[RELEASE_ANNOTATION] ?? null };
  return [...tests, former, ...addMark(mark, 'present'), ...held.flatMap(changeAnnotation)];
}

function testRefs({ spec }: Route, index: number): readonly JsonPatchOperation[] {
  const refs = spec.rules?.[index]?.backendRefs;
  return refs === undefined ? [] : [{ op: 'test', path: `/spec/rules/${index}/backendRefs`, value: refs }];
}

/** An annotation of somebody else changes only from what it was seen to be. */
function changeAnnotation({ name, from, to }: AnnotationChange): readonly JsonPatchOperation[] {
  const path = pathOfAnnotation(name);
  const test: JsonPatchOperation = { op: 'test', path, value: from ?? null };
  return [test, to === undefined ? { op: 'remove', path } : { op: 'add', path, value: to }];
}

/**
 * The patch that takes a route home: weights down and the mark to `…/home`, one request. Guarded by names only, and by the
 * absence of annotations where the map itself has to be added.
 * Every managed weight is written even if the cache says that it is right already: the cache may be late. The mark is written
 * also where no rule is left to change, because without it the route would never count as home.
 */
export function buildHome(
  changes: readonly RuleChange[],
  homeMark: string,
  annotations: 'present' | 'absent',
  drains: readonly RuleDrain[] = [],
): readonly JsonPatchOperation[] {
  return [...buildLower(changes, drains), ...addMark(homeMark, annotations)];
}

/**
 * Our annotation. Where there are no annotations the whole map has to be added, which would take away one that somebody added a
 * moment before: so it is tested that there is still none (to the API server a path that is not there equals null).
 */
function addMark(mark: string, annotations: 'present' | 'absent', more: readonly AnnotationChange[] = []): readonly JsonPatchOperation[] {
  if (annotations === 'present') return [{ op: 'add', path: ANNOTATION_PATH, value: mark }];
  return [
    { op: 'test', path: ANNOTATIONS_PATH, value: null },
    {
      op: 'add',
      path: ANNOTATIONS_PATH,
      value: { [RELEASE_ANNOTATION]: mark, ...Object.fromEntries(more.map(({ name, to }) => [name, to])) },
    },
  ];
}

/**
 * A lowering patch that leaves the mark as it is: an edit that raised our weight is put back down.
 * @param guard `names`: nothing can stop it; `guarded`: only from the weights that were seen, where it leaves the canary some
 */
export function buildLower(
  changes: readonly RuleChange[],
  drains: readonly RuleDrain[] = [],
  guard: 'guarded' | 'names' = 'names',
): readonly JsonPatchOperation[] {
  return [...changes.flatMap((change) => weightEdits(change, guard)), ...drains.flatMap(drainEdits)];
}

/** The write that ends a release on a route: the final weights, our annotation away, Flux as it was. Empty when all is so already. */
export function buildRestore(
  changes: readonly RuleChange[],
  route: Route,
  drains: readonly RuleDrain[] = [],
): readonly JsonPatchOperation[] {
  const weights = changes.flatMap((change) => weightEdits(change, 'whole'));
  const edits = [...weights, ...drains.flatMap(drainEdits), ...releaseFlux(route).flatMap(changeAnnotation)];
  const mark = route.metadata.annotations?.[RELEASE_ANNOTATION];
  if (mark === undefined) return edits;
  return [...edits, { op: 'test', path: ANNOTATION_PATH, value: mark }, { op: 'remove', path: ANNOTATION_PATH }];
}

/**
 * The very last write: drops our managedFields entries, so that a later server-side apply meets no conflict with us.
 * Alone in its request: together with a change of a field the server would write a new entry for us.
 * @param route as freshly read, with whole managedFields
 */
export function buildForget(route: Route, manager: string): readonly JsonPatchOperation[] {
  const entries = route.metadata.managedFields ?? [];
  const kept = entries.filter((entry) => entry.manager !== manager);
  if (kept.length === entries.length || kept.length === 0) return [];
  return [
    { op: 'test', path: '/metadata/resourceVersion', value: route.metadata.resourceVersion ?? '' },
    { op: 'replace', path: '/metadata/managedFields', value: kept },
  ];
}

/** `whole`: weights that are right already are tested as well, because beside others on another scale they would be wrong. */
type Guard = 'guarded' | 'names' | 'whole';

function weightEdits(change: RuleChange, guard: Guard): readonly JsonPatchOperation[] {
  const edits = listTargets(change).flatMap((target) => editRef(change, target, guard));
  return edits.some(({ op }) => op !== 'test') ? [...testRule(change.rule), ...edits] : [];
}

function editRef({ rule, removes }: RuleChange, { ref, weight }: RefWeight, guard: Guard): readonly JsonPatchOperation[] {
  if (ref === rule.canary && removes === true) return ref.missing === undefined ? removeRef(rule.index, refsOf(rule), ref) : [];
  // Somebody took our ref away: it is added again where it is to have weight, and only there.
  if (ref.missing !== undefined) return weight === 0 ? [] : [addRef(rule, ref.missing, weight)];
  const isRight = ref.weight === weight && (guard !== 'names' || rule.others.includes(ref));
  if (!isRight) return writeWeight(rule.index, refsOf(rule), { ref, weight }, guard === 'names' ? 'names' : 'guarded');
  return guard === 'whole' ? testWeight(rule.index, refsOf(rule), ref) : [];
}

function testWeight(index: number, refs: readonly RefPosition[], ref: RefPosition): readonly JsonPatchOperation[] {
  const path = `/spec/rules/${index}/backendRefs/${ref.index}`;
  return [...testRef(refs, ref, path), { op: 'test', path: `${path}/weight`, value: ref.weight }];
}

/** Of a rule that is not ours the weights are tested, too: its serving ref gets what its canary had, and both are somebody else's. */
function drainEdits({ rule, weights, removes }: RuleDrain): readonly JsonPatchOperation[] {
  const edits = weights.flatMap(({ ref, weight }) =>
    removes === true && rule.canaries.includes(ref) ? [] : writeWeight(rule.index, rule.refs, { ref, weight }, 'guarded'),
  );
  // Those behind first: the places of the others hold until then.
  const removed = removes === true ? rule.canaries.toReversed().flatMap((ref) => removeRef(rule.index, rule.refs, ref)) : [];
  return [...testRule(rule), ...edits, ...removed];
}

/** It is still the same rule: its name, or the requests that it takes. What is not there equals null. */
function testRule({ index, name, matches }: Pick<SeenRule, 'index' | 'name' | 'matches'>): readonly JsonPatchOperation[] {
  const path = `/spec/rules/${index}`;
  return name === undefined
    ? [{ op: 'test', path: `${path}/matches`, value: matches ?? null }]
    : [{ op: 'test', path: `${path}/name`, value: name }];
}

function writeWeight(
  index: number,
  refs: readonly RefPosition[],
  { ref, weight }: RefWeight,
  guard: 'guarded' | 'names',
): readonly JsonPatchOperation[] {
  const path = `/spec/rules/${index}/backendRefs/${ref.index}`;
  const name = testRef(refs, ref, path);
  const write: JsonPatchOperation = { op: 'replace', path: `${path}/weight`, value: weight };
  if (guard === 'names') return [...name, write];
  return [...name, { op: 'test', path: `${path}/weight`, value: ref.weight }, write];
}

/** All refs of a rule, also one that is still to be added. */
export function refsOf({ serving, canary, extras, others }: ManagedRule): readonly RefPosition[] {
  return [serving, canary, ...extras, ...others];
}

function addRef(rule: ManagedRule, ref: RouteBackendRef, weight: number): JsonPatchOperation {
  return { op: 'add', path: `/spec/rules/${rule.index}/backendRefs/-`, value: { ...ref, weight } };
}

function removeRef(index: number, refs: readonly RefPosition[], ref: RefPosition): readonly JsonPatchOperation[] {
  const path = `/spec/rules/${index}/backendRefs/${ref.index}`;
  return [...testRef(refs, ref, path), { op: 'remove', path }];
}

/** The name of the ref that is written; its port, too, where the rule lists that name more than once. */
function testRef(refs: readonly RefPosition[], ref: RefPosition, path: string): readonly JsonPatchOperation[] {
  const isShared = refs.some((one) => one !== ref && one.missing === undefined && one.listedName === ref.listedName);
  const port: JsonPatchOperation = { op: 'test', path: `${path}/port`, value: ref.port };
  return [{ op: 'test', path: `${path}/name`, value: ref.listedName }, ...(isShared && ref.port !== undefined ? [port] : [])];
}

/** A ref that is removed comes last: the places of the others hold until then. */
function listTargets({ rule, weights, removes }: RuleChange): readonly RefWeight[] {
  const canary = { ref: rule.canary, weight: weights.canary };
  return [
    { ref: rule.serving, weight: weights.serving },
    ...(removes === true ? [] : [canary]),
    ...rule.extras.map((ref) => ({ ref, weight: 0 })),
    ...rule.others.map((ref, index) => ({ ref, weight: weights.others[index] ?? ref.weight })),
    ...(removes === true ? [canary] : []),
  ];
}

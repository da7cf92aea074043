// Are the canary's pods and its Service under the same policies as the serving ones? A pure comparison: objects and labels in, a
// list of findings out, those that matter for security first.

import { isJson } from './objects.ts';
import { compareNetworkPolicies } from './network-policies.ts';
import { toFlow } from './flow.ts';
import { type Aim, POLICY_KINDS, type PolicyKind, type PolicyObject } from './policy-kinds.ts';
import { adviseSelector, COVER_BOTH, type Finding, movesOf, nameCanaryPods, type PolicySides, type PolicySubject } from './policy-sides.ts';
import { canonical, type Labels, type LabelSelector, moveSelectors, readSelector, selects } from './selectors.ts';

type SelectorAim = Extract<Aim, { by: 'selector' }>;

/** Compares what the objects of a namespace mean for both sides. Kinds that are none of `POLICY_KINDS` are left out. */
export function comparePolicies(objects: readonly PolicyObject[], sides: PolicySides): readonly Finding[] {
  const found = POLICY_KINDS.flatMap((kind) => {
    const ofKind = objects.filter((object) => object.kind === kind.kind);
    return kind.aim.by === 'network' ? compareNetworkPolicies(ofKind, sides) : compareKind(kind, ofKind, sides);
  });
  const order = (finding: Finding) => `${finding.security ? 0 : 1} ${finding.kind}/${finding.name}`;
  return found.toSorted((a, b) => (order(a) < order(b) ? -1 : order(a) > order(b) ? 1 : 0));
}

/** One object, and which sides it means. */
interface Covering {
  readonly object: PolicyObject;
  readonly serving: boolean;
  readonly canary: boolean;
  /** What it says, but for whom: canonical, and the same as it reads for the canary. */
  readonly rest: string;
  readonly moved: string;
}

function compareKind(kind: PolicyKind, objects: readonly PolicyObject[], sides: PolicySides): readonly Finding[] {
  const all = objects.map((object) => cover(kind, object, sides));
  return all.flatMap((one): readonly Finding[] => {
    if (one.serving === one.canary || isMadeUpFor(kind, one, all)) return [];
    const { name } = one.object;
    const words = one.serving ? describeLack(kind, one.object, sides) : describeExcess(one.object, sides);
    return [{ kind: kind.kind, name, security: kind.security, ...words }];
  });
}

function cover({ aim }: PolicyKind, { kind, name, spec }: PolicyObject, sides: PolicySides): Covering {
  const field = aim.by === 'selector' ? aim.field : undefined;
  const { targetRef: _one, targetRefs: _all, ...others } = spec;
  const said = Object.fromEntries(Object.entries(others).filter(([key]) => key !== field));
  const { serving, canary, namespace } = sides;
  const targets = targetsOf(spec);
  const byTarget = targets.length > 0;
  const sections = targetsOn(targets, serving.service);
  return {
    object: { kind, name, spec },
    serving: byTarget ? sections.length > 0 : isSelected(aim, spec, serving, namespace),
    canary: byTarget ? isTargeted(targetsOn(targets, canary.service), sections) : isSelected(aim, spec, canary, namespace),
    rest: canonical(said),
    moved: canonical(moveSelectors(said, movesOf(sides))),
  };
}

function isSelected(aim: Aim, spec: PolicyObject['spec'], subject: PolicySubject, namespace: string): boolean {
  if (aim.by !== 'selector' || !isOfNamespace(spec, namespace)) return false;
  const selector = selectorOf(aim, spec);
  if (selector === undefined) return aim.absent === 'all';
  return selects(selector, aim.of === 'pods' ? subject.podLabels : subject.serviceLabels);
}

/** PodMonitors and ServiceMonitors may look at other namespaces only. */
function isOfNamespace(spec: PolicyObject['spec'], namespace: string): boolean {
  const chosen = spec['namespaceSelector'];
  const names = isJson(chosen) ? chosen['matchNames'] : undefined;
  return !Array.isArray(names) || names.length === 0 || names.includes(namespace);
}

/** Cilium writes where a label comes from in front of its key. */
const LABEL_SOURCES = ['k8s', 'any'].flatMap((source) => [`${source}:`, `${source}.`]);

function selectorOf({ field }: SelectorAim, spec: PolicyObject['spec']): LabelSelector | undefined {
  const selector = readSelector(spec[field]);
  if (selector === undefined) return undefined;
  const { matchLabels, matchExpressions } = selector;
  const plain = (key: string) => key.slice(LABEL_SOURCES.find((source) => key.startsWith(source))?.length ?? 0);
  return {
    ...(matchLabels === undefined
      ? {}
      : { matchLabels: Object.fromEntries(Object.entries(matchLabels).map(([key, value]) => [plain(key), value])) }),
    ...(matchExpressions === undefined ? {} : { matchExpressions: matchExpressions.map((one) => ({ ...one, key: plain(one.key) })) }),
  };
}

interface Target {
  readonly group: string;
  readonly kind: string;
  readonly name: string;
  readonly section: string | undefined;
}

function targetsOf(spec: PolicyObject['spec']): readonly Target[] {
  const refs = [...(Array.isArray(spec['targetRefs']) ? spec['targetRefs'] : []), spec['targetRef']];
  return refs.filter(isJson).map(({ group, kind, name, sectionName }) => ({
    group: typeof group === 'string' ? group : '',
    kind: typeof kind === 'string' ? kind : '',
    name: typeof name === 'string' ? name : '',
    section: typeof sectionName === 'string' ? sectionName : undefined,
  }));
}

function targetsOn(targets: readonly Target[], service: string): readonly Target[] {
  return targets.filter(({ group, kind, name }) => (group === '' || group === 'core') && kind === 'Service' && name === service);
}

/** By targets of its own, and for each port of the serving Service that is named. */
function isTargeted(own: readonly Target[], serving: readonly Target[]): boolean {
  const isNamed = ({ section }: Target) => own.some((target) => target.section === undefined || target.section === section);
  return own.length > 0 && serving.every(isNamed);
}

/** Another object does the same for the other side; of kinds that are only reported, any other does. */
function isMadeUpFor({ security }: PolicyKind, one: Covering, all: readonly Covering[]): boolean {
  if (!security) return one.canary || all.some((other) => other.canary);
  return all.some((other) => {
    if (one.serving ? !other.canary : !other.serving) return false;
    return other.rest === one.rest || (one.serving ? other.rest === one.moved : other.moved === one.rest);
  });
}

type Words = Pick<Finding, 'missing' | 'add'>;

function describeLack({ kind, aim }: PolicyKind, { spec }: PolicyObject, sides: PolicySides): Words {
  if (aim.by !== 'selector' || targetsOf(spec).length > 0) return describeTarget(kind, spec, sides);
  const selector = selectorOf(aim, spec) ?? {};
  return aim.of === 'pods' ? describePods(kind, aim, selector, sides) : describeServices(kind, aim, sides);
}

function describePods(kind: string, aim: SelectorAim, selector: LabelSelector, sides: PolicySides): Words {
  return {
    missing: `selects the serving pods and not ${nameCanaryPods(sides)}`,
    add: adviseSelector(kind, aim.field, selector, aim.remedy, sides),
  };
}

function describeServices(kind: string, aim: SelectorAim, { serving, canary }: PolicySides): Words {
  const own = Object.entries(canary.serviceLabels).slice(0, 1);
  return {
    missing: `selects Service ${serving.service} and not Service ${canary.service}, which has labels of its own`,
    add: `add another ${kind} like it with spec.${aim.field} ${toFlow({ matchLabels: Object.fromEntries(own) })}`,
  };
}

function describeTarget(kind: string, spec: PolicyObject['spec'], { serving, canary }: PolicySides): Words {
  const [named] = targetsOn(targetsOf(spec), serving.service);
  const section = named?.section === undefined ? {} : { sectionName: named.section };
  const ref = toFlow({ group: '', kind: 'Service', name: canary.service, ...section });
  return {
    missing: `targets Service ${serving.service} and not Service ${canary.service}`,
    add: Array.isArray(spec['targetRefs']) ? `add to its spec.targetRefs ${ref}` : `add another ${kind} like it with spec.targetRef ${ref}`,
  };
}

/** The other way round: what holds for the canary alone is no proof for what is to serve. */
function describeExcess({ spec }: PolicyObject, sides: PolicySides): Words {
  const byTarget = targetsOf(spec).length > 0;
  return {
    missing: byTarget
      ? `targets Service ${sides.canary.service} and not Service ${sides.serving.service}`
      : `selects ${nameCanaryPods(sides)} and not the serving ones`,
    add: COVER_BOTH,
  };
}

/** Labels that could distinguish the canary instead: both selectors have them, and they are not changed yet. */
export function findAlternatives(deploymentSelector: Labels, serviceSelector: Labels, canary: Labels): readonly string[] {
  return Object.keys(deploymentSelector).filter((key) => serviceSelector[key] !== undefined && canary[key] === deploymentSelector[key]);
}

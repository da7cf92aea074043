// NetworkPolicies are additive: what counts for a pod is the union of all that select it, and whether any does. Compared are
// what holds for the serving pods and for the canary's, and whom the rules of all policies of the namespace let in and out.

import { toFlow } from './flow.ts';
import { isJson } from './objects.ts';
import type { PolicyObject } from './policy-kinds.ts';
import {
  adviseLabels,
  adviseSelector,
  COVER_BOTH,
  type Finding,
  movesOf,
  nameCanaryPods,
  type PolicySides,
  selectCanary,
} from './policy-sides.ts';
import { canonical, isMet, type Labels, type LabelSelector, moveSelectors, readSelector, requirementsOf, selects } from './selectors.ts';

type Direction = 'ingress' | 'egress';
const PEERS_OF = { ingress: 'from', egress: 'to' } as const;
const WAYS = { ingress: `lets in traffic ${PEERS_OF.ingress}`, egress: `lets out traffic ${PEERS_OF.egress}` } as const;

interface Peer {
  /** Absent: all pods of the namespaces, or addresses. */
  readonly pods: LabelSelector | undefined;
  readonly namespaces: LabelSelector | undefined;
  readonly addresses: boolean;
}

interface Rule {
  /** Undefined: everyone. */
  readonly peers: readonly Peer[] | undefined;
  /** Canonical texts; empty: all ports. */
  readonly ports: readonly string[];
  readonly text: string;
  /** The same rule as it reads for the canary. */
  readonly moved: string;
}

/** What an empty selector selects. */
const EVERY_POD = '';

interface NetworkPolicy {
  readonly name: string;
  readonly selector: LabelSelector;
  /** The selector as a text that is the same for the same. */
  readonly selected: string;
  /** Undefined where the policy says nothing of that direction; an empty list lets no one through. */
  readonly rules: Readonly<Record<Direction, readonly Rule[] | undefined>>;
}

/** Findings of one namespace. @param objects all its NetworkPolicies */
export function compareNetworkPolicies(objects: readonly PolicyObject[], sides: PolicySides): readonly Finding[] {
  const policies = objects.map((object) => readPolicy(object, sides));
  return [
    ...policies.flatMap((one) => compareCover(one, policies, sides)),
    ...policies.flatMap((one) => comparePeers(one, policies, sides)),
  ];
}

function readPolicy({ name, spec }: PolicyObject, sides: PolicySides): NetworkPolicy {
  const selector = readSelector(spec['podSelector']) ?? {};
  const types = Array.isArray(spec['policyTypes']) ? spec['policyTypes'] : undefined;
  const [ingress, egress] = [listOf(spec['ingress']), listOf(spec['egress'])];
  const read = (rules: readonly unknown[], direction: Direction) => rules.map((rule) => readRule(rule, direction, sides));
  return {
    name,
    selector,
    selected: requirementsOf(selector).length === 0 ? EVERY_POD : canonical(selector),
    rules: {
      ingress: (types?.includes('Ingress') ?? true) ? read(ingress, 'ingress') : undefined,
      egress: (types?.includes('Egress') ?? egress.length > 0) ? read(egress, 'egress') : undefined,
    },
  };
}

function readRule(raw: unknown, direction: Direction, sides: PolicySides): Rule {
  const rule = isJson(raw) ? raw : {};
  const peers = listOf(rule[PEERS_OF[direction]]);
  const ports = listOf(rule['ports']);
  const said = { peers, ports };
  return {
    peers: peers.length === 0 ? undefined : peers.map(readPeer),
    ports: ports.map(canonical),
    text: canonical(said),
    moved: canonical(moveSelectors(said, movesOf(sides))),
  };
}

function readPeer(raw: unknown): Peer {
  const peer = isJson(raw) ? raw : {};
  return {
    pods: readSelector(peer['podSelector']),
    namespaces: readSelector(peer['namespaceSelector']),
    addresses: peer['ipBlock'] !== undefined,
  };
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** Does the policy hold for one side only, and is there nothing that does the same for the other? */
function compareCover(policy: NetworkPolicy, all: readonly NetworkPolicy[], sides: PolicySides): readonly Finding[] {
  const [serving, canary] = [sides.serving.podLabels, sides.canary.podLabels];
  const onServing = selects(policy.selector, serving);
  if (onServing === selects(policy.selector, canary)) return [];
  const others = all.filter(({ selector }) => selects(selector, onServing ? canary : serving));
  if (isMadeUpFor(policy, others, onServing)) return [];
  return [
    {
      kind: 'NetworkPolicy',
      name: policy.name,
      security: true,
      missing: onServing
        ? `selects the serving pods and not ${nameCanaryPods(sides)}`
        : `selects ${nameCanaryPods(sides)} and not the serving ones`,
      add: onServing ? adviseSelector('NetworkPolicy', 'podSelector', policy.selector, 'widen', sides) : COVER_BOTH,
    },
  ];
}

/** The other side is isolated in the same directions, and each of the rules holds for it. */
function isMadeUpFor({ rules }: NetworkPolicy, others: readonly NetworkPolicy[], forCanary: boolean): boolean {
  const isSame = (ours: Rule, theirs: Rule) =>
    theirs.text === ours.text || (forCanary ? theirs.text === ours.moved : theirs.moved === ours.text);
  return (['ingress', 'egress'] as const).every((direction) => {
    const ours = rules[direction];
    if (ours === undefined) return true;
    const theirs = others.flatMap((other) => (other.rules[direction] === undefined ? [] : [other.rules[direction]]));
    return theirs.length > 0 && ours.every((rule) => theirs.flat().some((other) => isSame(rule, other)));
  });
}

function comparePeers(policy: NetworkPolicy, all: readonly NetworkPolicy[], sides: PolicySides): readonly Finding[] {
  return (['ingress', 'egress'] as const).flatMap((direction) =>
    (policy.rules[direction] ?? []).flatMap((rule, index) => comparePeersOf(rule, index, direction, policy, all, sides)),
  );
}

/** Lets the rule the serving pods through and not the canary's, and does no other rule for the same pods and ports? */
function comparePeersOf(
  rule: Rule,
  index: number,
  direction: Direction,
  policy: NetworkPolicy,
  all: readonly NetworkPolicy[],
  sides: PolicySides,
): readonly Finding[] {
  const { canary, serving, namespace } = sides;
  const lets = (rules: readonly Rule[], labels: Labels, peer: Peer) => {
    const condition = conditionOf(peer, serving.podLabels, namespace);
    return condition === undefined || rules.some((one) => admits(one, labels, condition, namespace));
  };
  const lacking = (rule.peers ?? []).filter((peer) => !lets([rule], canary.podLabels, peer));
  // A namespace may have hundreds of policies, and few rules name one side alone.
  if (lacking.length === 0) return [];
  const siblings = all.filter(({ selected }) => selected === EVERY_POD || selected === policy.selected);
  const rules = siblings.flatMap(({ rules: one }) => one[direction] ?? []).filter((other) => coversPorts(other, rule));
  const peer = lacking.find((one) => !lets(rules, canary.podLabels, one));
  if (peer?.pods === undefined) return [];
  const added = {
    podSelector: selectCanary(peer.pods, sides),
    ...(peer.namespaces === undefined ? {} : { namespaceSelector: peer.namespaces }),
  };
  const path = `spec.${direction}[${index}].${PEERS_OF[direction]}`;
  return [
    {
      kind: 'NetworkPolicy',
      name: policy.name,
      security: true,
      missing: `${WAYS[direction]} the serving pods and not ${PEERS_OF[direction]} ${nameCanaryPods(sides)}`,
      add: `add to its ${path} ${toFlow(added)}${adviseLabels(sides, (labels) => lets(rules, labels, peer))}`,
    },
  ];
}

/** The condition of what is in this namespace for certain. */
const HERE = 'here';
/** The label that every namespace has, with its own name. */
const NAMESPACE_LABEL = 'kubernetes.io/metadata.name';

/** Under which condition on our namespace a peer means these pods; undefined when it never does. */
function conditionOf({ pods, namespaces, addresses }: Peer, labels: Labels, namespace: string): string | undefined {
  if (addresses || (pods !== undefined && !selects(pods, labels))) return undefined;
  if (namespaces === undefined) return HERE;
  const ownLabels = { [NAMESPACE_LABEL]: namespace };
  const asked = requirementsOf(namespaces);
  if (asked.some((one) => one.key === NAMESPACE_LABEL && !isMet(one, ownLabels))) return undefined;
  // Other labels of the namespace are not read: what asks for them means the pods perhaps.
  return asked.every(({ key }) => key === NAMESPACE_LABEL) ? HERE : canonical(namespaces);
}

function admits({ peers }: Rule, labels: Labels, condition: string, namespace: string): boolean {
  if (peers === undefined) return true;
  return peers.some((peer) => [HERE, condition].includes(conditionOf(peer, labels, namespace) ?? ''));
}

/** Does `one` let through at least what `other` does, by port? */
function coversPorts(one: Rule, other: Rule): boolean {
  return one.ports.length === 0 || (other.ports.length > 0 && other.ports.every((port) => one.ports.includes(port)));
}

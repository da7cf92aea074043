// The edges of the release machine by name, which of them a run took, and paths through the machine as a graph.

import { toDirectedGraph } from 'xstate/graph';
import type { Observed } from '../../src/core/release/guards.ts';
import { releaseMachine } from '../../src/core/release/machine.ts';

/** One transition as it stands in the machine. */
export interface MachineEdge {
  readonly from: string;
  readonly to: string;
  /** Name of the guard; absent where there is none. */
  readonly guard?: string;
  /** `from -> to [guard]`, unique. */
  readonly name: string;
}

type GraphNode = ReturnType<typeof toDirectedGraph>;

/** Every edge of the machine, in its order: of the edges of a state the first whose guard holds is taken. */
export function listEdges(): readonly MachineEdge[] {
  const edges: MachineEdge[] = [];
  const walk = (node: GraphNode): void => {
    for (const { source, target, transition } of node.edges)
      edges.push(nameEdge(dotted(source.path), dotted(target.path), guardOf(transition.guard)));
    for (const child of node.children) walk(child);
  };
  walk(toDirectedGraph(releaseMachine));
  return edges;
}

/** Every state without children, in the machine's order. */
export function listStates(): readonly string[] {
  const states: string[] = [];
  const walk = (node: GraphNode): void => {
    if (node.children.length === 0) states.push(dotted(node.stateNode.path));
    for (const child of node.children) walk(child);
  };
  walk(toDirectedGraph(releaseMachine));
  return states;
}

function dotted(path: readonly string[]): string {
  return path.join('.');
}

function guardOf(guard: unknown): string | undefined {
  if (typeof guard === 'string') return guard;
  return typeof guard === 'object' && guard !== null && 'type' in guard ? String(guard.type) : undefined;
}

function nameEdge(from: string, to: string, guard: string | undefined): MachineEdge {
  const name = `${from} -> ${to}${guard === undefined ? '' : ` [${guard}]`}`;
  return { from, to, name, ...(guard === undefined ? {} : { guard }) };
}

interface GuardArguments {
  readonly event: Observed;
}
type Guard = (args: GuardArguments, params: unknown) => boolean;

/** Listens to the machine's guards: the guard that holds is the edge that is taken. */
export class EdgeRecorder {
  readonly #guards = releaseMachine.implementations.guards as unknown as Record<string, Guard>;
  readonly #originals = new Map<string, Guard>();
  readonly #held = new Set<string>();

  constructor() {
    for (const [name, guard] of Object.entries(this.#guards)) {
      this.#originals.set(name, guard);
      this.#guards[name] = (args, params) => {
        const holds = guard(args, params);
        const to = typeof params === 'object' && params !== null && 'to' in params ? String(params.to) : '';
        if (holds) this.#held.add(`${args.event.facts.state} ${name} ${to}`);
        return holds;
      };
    }
  }

  /** Was this edge taken since the recorder was made? Edges without a guard are told by the transitions. */
  took(edge: MachineEdge, transitions: readonly { readonly from: string; readonly to: string }[]): boolean {
    if (edge.guard === undefined) return transitions.some(({ from, to }) => from === edge.from && to === edge.to);
    return this.#held.has(`${edge.from} ${edge.guard} `) || this.#held.has(`${edge.from} ${edge.guard} ${edge.to}`);
  }

  /** Puts the machine's own guards back. */
  close(): void {
    for (const [name, guard] of this.#originals) this.#guards[name] = guard;
  }
}

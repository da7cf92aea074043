// Paths through the release machine, found by xstate/graph in a machine that has the same states and edges but takes an edge
// when it is named. What a pause or a block returns to is kept, so that every path can be walked.

import { assign, createMachine } from 'xstate';
import { getShortestPaths, getSimplePaths } from 'xstate/graph';
import { listEdges, listStates, type MachineEdge } from './machine-edges.ts';

interface Memory {
  readonly returnTo: string;
  readonly deleted: boolean;
}

interface Take {
  readonly type: string;
}

/** Edges that only a release of a Deployment takes: they are walked by a story of their own. */
export const OF_DEPLOYMENTS: readonly string[] = ['bakeIsServedAndRolls', 'isUndoneByItsDeployment'];

const RETURNING: readonly string[] = ['paused', 'blocked'];

/** A pause out of a blocked raise to 100% goes back to the last stage: the raise was taken back. */
function remember(edge: MachineEdge, memory: Memory): Memory {
  const deleted = memory.deleted || edge.guard === 'isLetGo';
  if (!RETURNING.includes(edge.to)) return { returnTo: '', deleted };
  if (edge.from !== 'blocked') return { returnTo: edge.from, deleted };
  return { returnTo: memory.returnTo === 'promoting.rollingOut' ? 'stage.shifting' : memory.returnTo, deleted };
}

function canTake(edge: MachineEdge, memory: Memory): boolean {
  // A deleted object that was let go ends with its last write.
  if (memory.deleted) return edge.guard === 'allRoutesAreLeft';
  if (!RETURNING.includes(edge.from) || edge.to.startsWith('rollingBack') || edge.to === 'paused') return true;
  return memory.returnTo === edge.to;
}

const idOf = (state: string) => state.replaceAll('.', '_');

function listServicesEdges(): readonly MachineEdge[] {
  return listEdges().filter(({ guard = '' }) => !OF_DEPLOYMENTS.includes(guard));
}

function buildWalker() {
  const edges = listServicesEdges();
  const transitionsOf = (state: string) =>
    Object.fromEntries(
      edges
        .filter(({ from }) => from === state)
        .map((edge) => [
          edge.name,
          {
            target: idOf(edge.to),
            guard: ({ context }: { context: Memory }) => canTake(edge, context),
            actions: assign(({ context }: { context: Memory }) => remember(edge, context)),
          },
        ]),
    );
  return createMachine({
    types: {} as { context: Memory; events: Take },
    context: { returnTo: '', deleted: false },
    initial: 'idle',
    states: Object.fromEntries(listStates().map((state) => [idOf(state), { on: transitionsOf(state) }])),
  });
}

/** A path as the edges that it takes. */
export type MachinePath = readonly MachineEdge[];

/** Every simple path from idle, the longest of each family only, and for each edge that none of them takes a path that does. */
export function findPaths(): readonly MachinePath[] {
  const walker = buildWalker();
  const edges = new Map(listServicesEdges().map((edge) => [edge.name, edge]));
  const options = { events: [...edges.keys()].map((type) => ({ type })) };
  const toEdges = (path: { readonly steps: readonly { readonly event: { readonly type: string } }[] }): MachinePath =>
    path.steps.flatMap(({ event }) => edges.get(event.type) ?? []);
  const simple = keepLongest(getSimplePaths(walker, options).map(toEdges));
  const taken = new Set(simple.flat().map(({ name }) => name));
  const shortest = getShortestPaths(walker, options);
  const rest = [...edges.values()]
    .filter(({ name }) => !taken.has(name))
    .map((edge) => {
      const before = shortest.find(({ state }) => state.value === idOf(edge.from) && canTake(edge, state.context));
      if (before === undefined) throw new Error(`no path leads to ${edge.name}`);
      return [...toEdges(before), edge];
    });
  return [...simple, ...rest];
}

/** Paths that another one begins with are walked with it. */
function keepLongest(paths: readonly MachinePath[]): readonly MachinePath[] {
  const textOf = (path: MachinePath) => path.map(({ name }) => `${name};`).join('');
  const texts = paths.map(textOf).sort();
  const beginnings = new Set(texts.filter((text, index) => texts[index + 1]?.startsWith(text) === true));
  const seen = new Set<string>();
  return paths.filter((path) => {
    const text = textOf(path);
    if (path.length === 0 || beginnings.has(text) || seen.has(text)) return false;
    seen.add(text);
    return true;
  });
}

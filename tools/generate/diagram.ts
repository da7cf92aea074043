// The release machine as a Mermaid state diagram, for the README: composite states, one line for each pair of states, and the
// guards that lead from one to the other as words.

import { listEdges, listStates, type MachineEdge } from '../../test/fixtures/machine-edges.ts';

/** Edges that nearly every state has are said once, in a note, so that the rest can be read. */
const EVERYWHERE: readonly string[] = ['mustRollBack', 'keepsItsWeights', 'shouldPause', 'isBlocked', 'mayResumeTo', 'isUnblocked'];

/** The diagram. The same machine always gives the same text. */
export function renderDiagram(): string {
  const states = listStates();
  const edges = listEdges().filter(({ guard }) => guard === undefined || !EVERYWHERE.includes(guard));
  return [
    'stateDiagram-v2',
    '  [*] --> idle',
    ...renderComposites(states),
    ...mergeEdges(edges).map(({ from, to, words }) => `  ${idOf(from)} --> ${idOf(to)}${words === '' ? '' : ` : ${words}`}`),
    ...renderEverywhere(),
    '',
  ].join('\n');
}

function renderComposites(states: readonly string[]): readonly string[] {
  const parents = [...new Set(states.filter((state) => state.includes('.')).map((state) => state.split('.')[0] ?? ''))];
  return parents.flatMap((parent) => [
    `  state ${parent} {`,
    ...states.filter((state) => state.startsWith(`${parent}.`)).map((state) => `    ${idOf(state)} : ${state.slice(parent.length + 1)}`),
    '  }',
  ]);
}

function mergeEdges(edges: readonly MachineEdge[]): readonly { readonly from: string; readonly to: string; readonly words: string }[] {
  const merged = new Map<string, { from: string; to: string; guards: string[] }>();
  for (const { from, to, guard } of edges) {
    const key = `${from} ${to}`;
    const entry = merged.get(key) ?? { from, to, guards: [] };
    if (guard !== undefined) entry.guards.push(sayGuard(guard));
    merged.set(key, entry);
  }
  return [...merged.values()].map(({ from, to, guards }) => ({ from, to, words: guards.join(' / ') }));
}

/** What holds for many states, drawn from the composite or the state once. */
function renderEverywhere(): readonly string[] {
  const edges = listEdges();
  const sources = (guard: string) => [
    ...new Set(edges.filter((edge) => edge.guard === guard).map(({ from }) => from.split('.')[0] ?? from)),
  ];
  const line = (guard: string, to: string) =>
    sources(guard)
      .filter((from) => from !== to)
      .map((from) => `  ${from} --> ${to} : ${sayGuard(guard)}`);
  return [
    ...line('mustRollBack', 'rollingBack'),
    ...line('shouldPause', 'paused'),
    ...line('isBlocked', 'blocked'),
    '  note right of paused : returns to where it came from when it may resume',
    '  note right of blocked : returns to where it came from when it is free again',
  ];
}

/** `stagePassed` is "stage is proven". */
function sayGuard(guard: string): string {
  return guard.replaceAll(/([a-z])([A-Z])/g, '$1 $2').toLowerCase();
}

/** Mermaid ids have no dots. */
function idOf(state: string): string {
  return state.replaceAll('.', '_');
}

// Every simple path of the machine through the whole reconciler, in both modes, with late watches and failing writes: proofs, not
// samples. A state or an edge that no path reaches, or that cannot happen although the machine has it, fails here.

import { describe, expect, test } from 'vitest';
import { STATES } from '../../src/core/release/state.ts';
import { renderDiagram } from '../../tools/generate/diagram.ts';
import { EdgeRecorder, listEdges, listStates } from '../fixtures/machine-edges.ts';
import { findPaths, type MachinePath, type Mode } from '../fixtures/machine-paths.ts';
import { Steering } from '../fixtures/steering.ts';

const reached = new Set<string>();

/** Walks a path edge by edge; edges that follow from the one before in the same moment count as well. */
async function walk(path: MachinePath, mode: Mode, seed: number): Promise<Steering> {
  const recorder = new EdgeRecorder();
  try {
    const steering = await Steering.begin(path, mode, seed);
    for (const edge of path) {
      await steering.take(edge, () => recorder.took(edge, steering.world.journal.transitions));
      reached.add(edge.name);
    }
    return steering;
  } finally {
    recorder.close();
  }
}

const titled = (mode: Mode) =>
  findPaths(mode).map((path, index) => ({ title: `${index + 1}: ${path.map(({ to }) => to).join(' > ')}`, path, seed: index + 1, mode }));

describe('paths', () => {
  test.each([...titled('Services'), ...titled('Deployment')])(
    'rules 1 to 4 hold in $mode mode on path $title',
    async ({ path, mode, seed }) => {
      const steering = await walk(path, mode, seed);
      const last = path.at(-1)?.to ?? '';
      if (last === 'promoted') steering.expectLeft('promoted');
      if (last === 'rolledBack') steering.expectLeft('rolledBack');
    },
  );

  test('every edge of the machine was taken by at least one replay', () => {
    expect(
      listEdges()
        .map(({ name }) => name)
        .filter((name) => !reached.has(name)),
    ).toEqual([]);
  });

  test('the machine has just the states that the status can store', () => {
    expect([...listStates()].sort()).toEqual([...STATES].sort());
  });

  test('from every state in which the canary may have weight a home edge leads away first', () => {
    const judged = STATES.filter((state) => !['idle', 'promoted', 'rolledBack'].includes(state) && !state.startsWith('rollingBack'));
    for (const state of judged)
      expect(listEdges().find(({ from }) => from === state)).toMatchObject({ guard: 'mustRollBack', to: 'rollingBack.goingHome' });
  });
});

describe('the diagram', () => {
  test('the diagram names every state and is the same every time', () => {
    const diagram = renderDiagram();
    for (const state of STATES) expect(diagram).toContain(state.replaceAll('.', '_'));
    expect(renderDiagram()).toBe(diagram);
  });
});

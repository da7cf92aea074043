// Every simple path of the machine through the whole reconciler: proofs, not samples. A state or an edge that no path reaches,
// or that cannot happen although the machine has it, fails here.

import { describe, expect, test } from 'vitest';
import { STATES } from '../../src/core/release/state.ts';
import { renderDiagram } from '../../tools/generate/diagram.ts';
import { EdgeRecorder, listEdges, listStates } from '../fixtures/machine-edges.ts';
import { findPaths, OF_DEPLOYMENTS, type MachinePath } from '../fixtures/machine-paths.ts';
import { DeploymentStory } from '../fixtures/deployment-story.ts';
import { untilState } from '../fixtures/story.ts';
import { Steering } from '../fixtures/steering.ts';

const paths = findPaths();
const reached = new Set<string>();

/** Walks a path edge by edge; edges that follow from the one before in the same moment count as well. */
async function walk(path: MachinePath, seed = 0): Promise<Steering> {
  const steering = new Steering(path, seed);
  const recorder = new EdgeRecorder();
  try {
    await steering.begin();
    for (const edge of path) {
      await steering.take(edge, () => recorder.took(edge, steering.world.journal.transitions));
      reached.add(edge.name);
    }
  } finally {
    recorder.close();
  }
  return steering;
}

const titled = paths.map((path, index) => ({ title: `${index + 1}: ${path.map(({ to }) => to).join(' > ')}`, path, seed: index + 1 }));

describe('paths', () => {
  test.each(titled)('rules 1 to 4 hold on path $title', async ({ path, seed }) => {
    const { world } = await walk(path, seed);
    const last = path.at(-1)?.to ?? '';
    if (last === 'promoted') expect(world.weights('store')).toEqual({ v1: 0, v2: 2, beta: 1 });
    if (last === 'rolledBack' && world.release('web')?.status?.release?.retained !== true && world.release('web') !== undefined)
      expect(world.weights('store')).toEqual({ v1: 2, v2: 0, beta: 1 });
  });

  test('a release of a Deployment takes the edges that are its own', async () => {
    const recorder = new EdgeRecorder();
    try {
      const story = await DeploymentStory.begin({ promotion: { bake: '1m' } });
      story.apply('store:2');
      await untilState(story.world, 'promoted');
      story.world.command('web', 'undo');
      await untilState(story.world, 'rolledBack', 60_000);
      const own = listEdges().filter(({ guard = '' }) => OF_DEPLOYMENTS.includes(guard));
      for (const edge of own) if (recorder.took(edge, story.world.journal.transitions)) reached.add(edge.name);
      expect(own.map(({ name }) => reached.has(name))).toEqual([true, true]);
    } finally {
      recorder.close();
    }
  });

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

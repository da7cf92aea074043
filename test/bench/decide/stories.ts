// The stories whose decisions are measured: one good and one bad release in each mode, over the cluster in memory.

import { startIn } from '../../fixtures/deployment-story.ts';
import { startStory, untilState } from '../../fixtures/story.ts';

/** Services mode with one route: one release is promoted, one rolled back. */
export async function tellServices(): Promise<void> {
  await untilState(await startStory(), 'promoted');
  const bad = await startStory();
  bad.setVersion('v2', { errorRatio: 0.2 });
  await untilState(bad, 'rolledBack');
}

/** The same of a Deployment. */
export async function tellDeployment(): Promise<void> {
  await untilState((await startIn('stage.analyzing')).world, 'promoted');
  const { world } = await startIn('stage.analyzing');
  world.setVersion('store-canary', { errorRatio: 0.2 });
  await untilState(world, 'rolledBack');
}

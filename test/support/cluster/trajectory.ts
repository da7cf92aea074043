// What the routes said over time, and the sentences that must hold of it whatever happened meanwhile: nothing rises after
// home, no stage is left early, and in the end nothing of a release is left behind.

import { expect } from 'vitest';
import { parseDuration } from '../../../src/api/duration.ts';
import { FIELD_MANAGER, HOME_MARK, RELEASE_ANNOTATION } from '../../../src/api/names.ts';
import { type App, shareIn } from './app.ts';
import type { RouteObject } from './stand.ts';

/** One change of the canary's share. */
export interface Point {
  readonly atMs: number;
  /** Percent of what serving and canary have together. */
  readonly share: number;
  /** The release annotation, as far as there is one. */
  readonly mark: string | undefined;
}

/** A stage as the manifest has it. */
interface Stage {
  readonly weight: number;
  readonly duration: string;
}

/** Watches tell of a write a little late; a stage that is left early is left seconds early. */
const WATCH_LAG_MS = 300;

/** Every version of the app's route, as the share of its first rule. */
export function trajectoryOf(app: App, serving = 'v1', canary = 'v2'): readonly Point[] {
  return app.stand.routes.history(app.name).map(({ atMs, object }) => ({
    atMs,
    share: shareIn(object, app.service(serving), app.service(canary)),
    mark: object.metadata.annotations?.[RELEASE_ANNOTATION],
  }));
}

/** The shares in order, each once. */
export function sharesOf(points: readonly Point[]): readonly number[] {
  return points.map(({ share }) => share).filter((share, index, all) => index === 0 || share !== all[index - 1]);
}

/** Once a route was marked as home the canary never has weight again in this release. */
export function expectNothingAfterHome(points: readonly Point[]): void {
  const home = points.findIndex(({ mark }) => mark?.endsWith(`/${HOME_MARK}`) === true);
  expect(home, 'the route was taken home').toBeGreaterThanOrEqual(0);
  expect(points.slice(home).filter(({ share }) => share > 0)).toEqual([]);
}

/** Between the first sight of a stage's share and the next raise its whole duration passes. */
export function expectStagesServed(points: readonly Point[], stages: readonly Stage[]): void {
  for (const { weight, duration } of stages) {
    const begun = points.find(({ share }) => share === weight);
    const raised = points.find(({ share, atMs }) => share > weight && begun !== undefined && atMs > begun.atMs);
    if (begun === undefined || raised === undefined) continue;
    expect(raised.atMs - begun.atMs + WATCH_LAG_MS, `stage at ${weight}%`).toBeGreaterThanOrEqual(parseDuration(duration));
  }
}

/** After a release: no annotation, no field of ours, no finalizer, and others can take the weights without force. */
export async function expectNothingLeft(app: App): Promise<void> {
  const { stand, name } = app;
  const isClean = (route: RouteObject) => leftOn(route).length === 0;
  await stand.routes.until(name, 'to be clean', isClean, 5_000);
  await stand.releases.until(name, 'to have no finalizer', ({ metadata }) => (metadata.finalizers ?? []).length === 0, 5_000);
  expect(leftOn(await fresh(app))).toEqual([]);
  expect(await app.applyByAnother()).toBe('applied');
}

async function fresh(app: App): Promise<RouteObject> {
  const route = await app.stand.cluster.get<RouteObject>(app.routeRef);
  if (route === undefined) throw new Error(`HTTPRoute ${app.name} is not there`);
  return route;
}

function leftOn({ metadata }: RouteObject): readonly string[] {
  const marks = Object.keys(metadata.annotations ?? {}).filter((key) => key === RELEASE_ANNOTATION);
  const fields = (metadata.managedFields ?? []).filter(({ manager }) => manager === FIELD_MANAGER);
  return [...marks, ...fields.map(() => `managedFields of ${FIELD_MANAGER}`)];
}

/** The route's spec without the weights of these Services: what a release must not touch. */
export function specWithoutWeights(route: Pick<RouteObject, 'spec'>): string {
  return JSON.stringify(route.spec, (key, value: unknown) => (key === 'weight' ? undefined : value));
}

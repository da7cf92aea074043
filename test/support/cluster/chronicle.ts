// What Git, Argo CD, the release and the route said over time, as one list: the recorded run in docs/gitops.md is made of it.

import { writeFileSync } from 'node:fs';
import { type App, shareIn } from './app.ts';
import type { GitOpsApp } from './argocd.ts';
import type { Workload } from './deployment-stand.ts';
import type { ObjectWatch } from './object-watch.ts';
import type { RouteObject } from './stand.ts';

interface Line {
  readonly atMs: number;
  readonly who: string;
  readonly text: string;
}

/** Phases in which a release wants nothing of its routes. */
const AT_REST: readonly string[] = ['Promoted', 'RolledBack', 'Idle'];

function releaseLines(app: App): readonly Line[] {
  return app.stand.releases.history(app.name).flatMap(({ atMs, object: { status } }): Line[] => {
    if (status?.phase === undefined) return [];
    const wants =
      status.progress === undefined || AT_REST.includes(status.phase) ? '' : ` ${status.progress}, wants ${status.weight ?? 0}%`;
    return [{ atMs, who: 'CanaryRelease', text: `${status.phase}${wants}` }];
  });
}

function describeRoute(route: RouteObject, app: App, serving: string, canary: string): string {
  const hostnames = (route.spec['hostnames'] as readonly string[] | undefined) ?? [];
  const share = `${canary} has ${shareIn(route, app.service(serving), app.service(canary))}%`;
  return hostnames.length > 1 ? `${share}, ${hostnames.length} hostnames` : share;
}

/** What a Deployment says over time, as the chronicle shows it. */
export function deploymentLines(watch: ObjectWatch<Workload>, name: string): readonly Line[] {
  return watch.history(name).map(({ atMs, object: { spec, status }, deleted }) => {
    const { replicas = 0, updatedReplicas = 0 } = status ?? {};
    if (deleted) return { atMs, who: 'Deployment', text: 'gone' };
    return {
      atMs,
      who: 'Deployment',
      text: spec.paused === true ? 'held, old pods serve' : `${updatedReplicas} of ${replicas} pods are new`,
    };
  });
}

/** Everything in order of time, each saying once in a row. */
export function chronicleOf(app: App, gitops: GitOpsApp, serving = 'v1', canary = 'v2', others: readonly Line[] = []): readonly string[] {
  const lines: readonly Line[] = [
    ...others,
    ...gitops.commits.map(({ atMs, message }) => ({ atMs, who: 'Git', text: `commit: ${message}` })),
    ...gitops.story.map(({ atMs, health, sync }) => ({ atMs, who: 'Argo CD', text: `${health}, ${sync}` })),
    ...releaseLines(app),
    ...app.stand.routes
      .history(app.name)
      .map(({ atMs, object }) => ({ atMs, who: 'HTTPRoute', text: describeRoute(object, app, serving, canary) })),
  ];
  const start = Math.min(...lines.map(({ atMs }) => atMs));
  const last = new Map<string, string>();
  return [...lines]
    .sort((a, b) => a.atMs - b.atMs)
    .filter(({ who, text }) => last.get(who) !== text && last.set(who, text))
    .map(({ atMs, who, text }) => `${((atMs - start) / 1000).toFixed(1).padStart(6)} s  ${who.padEnd(13)}  ${text}`);
}

/** Writes the list where GLIDEPATH_CHRONICLE says, if it does. */
export function keepChronicle(title: string, lines: readonly string[]): void {
  const file = process.env['GLIDEPATH_CHRONICLE'];
  if (file) writeFileSync(file, `== ${title}\n${lines.join('\n')}\n`, { flag: 'a' });
}

// What Git, Argo CD, the release and the route said over time, as one list: the recorded run in docs/gitops.md is made of it.

import { writeFileSync } from 'node:fs';
import type { App } from './app.ts';
import type { GitOpsApp } from './argocd.ts';
import { trajectoryOf } from './trajectory.ts';

interface Line {
  readonly atMs: number;
  readonly who: string;
  readonly text: string;
}

function releaseLines(app: App): readonly Line[] {
  return app.stand.releases.history(app.name).flatMap(({ atMs, object: { status } }): Line[] => {
    if (status?.phase === undefined) return [];
    return [{ atMs, who: 'CanaryRelease', text: `${status.phase} ${status.progress ?? ''} wants ${status.weight ?? 0}%` }];
  });
}

/** Everything in order of time, each saying once in a row. */
export function chronicleOf(app: App, gitops: GitOpsApp, serving = 'v1', canary = 'v2'): readonly string[] {
  const lines: readonly Line[] = [
    ...gitops.commits.map(({ atMs, message }) => ({ atMs, who: 'Git', text: `commit: ${message}` })),
    ...gitops.story.map(({ atMs, health, sync }) => ({ atMs, who: 'Argo CD', text: `${health}, ${sync}` })),
    ...releaseLines(app),
    ...trajectoryOf(app, serving, canary).map(({ atMs, share }) => ({ atMs, who: 'HTTPRoute', text: `${canary} has ${share}%` })),
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

// Which GitOps tool applies a route of the release, as a condition: it is there only while a release runs, and from before the
// first weight on, because the tool may have to be told something first.

import { describeGitOps, findGitOpsTool, type GitOpsTool } from '../routing/gitops.ts';
import type { Facts } from './facts.ts';

/** The first route that a tool applies, and what the tool has to be told. */
export function describeApplier({
  standings,
  sides,
}: Pick<Facts, 'standings' | 'sides'>): { readonly status: 'True'; readonly reason: GitOpsTool; readonly message: string } | undefined {
  for (const { route } of standings) {
    const tool = route === undefined ? undefined : findGitOpsTool(route);
    if (route !== undefined && tool !== undefined)
      return { status: 'True', reason: tool, message: describeGitOps(tool, `${route.kind} ${route.metadata.name}`, sides?.adds) };
  }
  return undefined;
}

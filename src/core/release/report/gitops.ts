// Which GitOps tool applies a route of the release, or its Deployment, as a condition: it is there only while a release runs, and
// from before the first weight on, because the tool may need a setting first. Or which one has restored what a person undid.

import type { CanaryReleaseStatus } from '../../../api/release.ts';
import { describeGitOps, describeHeldFromGit, findGitOpsTool, type GitOpsTool, nameGitOpsTool } from '../../routing/gitops.ts';
import type { DeploymentObject } from '../../workload/objects.ts';
import type { Facts } from '../assess.ts';
import type { StateName } from '../state.ts';

interface Applier {
  readonly status: 'True';
  readonly reason: GitOpsTool;
  readonly message: string;
}

/** The undone template is back on the Deployment, and held: Git does not know yet. */
export function describePutBack(
  { release }: CanaryReleaseStatus,
  state: StateName,
  { workload }: Pick<Facts, 'workload'>,
): Applier | undefined {
  const deployment = workload?.deployment;
  if (state !== 'rolledBack' || release?.undone !== true || deployment?.spec.paused !== true) return undefined;
  const tool = findGitOpsTool(deployment);
  if (tool === undefined || workload?.template !== release.workload?.template) return undefined;
  const message = `${nameGitOpsTool(tool)} has put the undone revision ${release.revision} back on Deployment ${deployment.metadata.name}, where it is held: revert it in Git`;
  return { status: 'True', reason: tool, message };
}

/** An object that a GitOps tool applies, and the setting that the tool needs for it. */
export interface AppliedObject {
  readonly tool: GitOpsTool;
  /** Kind and name. */
  readonly object: string;
  readonly message: string;
}

/** The first route that a tool applies, and the Deployment. */
export function findAppliers({ standings, sides, workload }: Pick<Facts, 'standings' | 'sides' | 'workload'>): readonly AppliedObject[] {
  return [findRoute(standings, sides?.adds), findDeployment(workload?.deployment)].filter((one) => one !== undefined);
}

/** The settings that the tools need. */
export function describeApplier(facts: Pick<Facts, 'standings' | 'sides' | 'workload'>): Applier | undefined {
  const found = findAppliers(facts);
  const [first] = found;
  return first === undefined ? undefined : { status: 'True', reason: first.tool, message: found.map(({ message }) => message).join('; ') };
}

function findRoute(standings: Facts['standings'], addsRef: boolean | undefined): AppliedObject | undefined {
  for (const { route } of standings) {
    const tool = route === undefined ? undefined : findGitOpsTool(route);
    if (route === undefined || tool === undefined) continue;
    const object = `${route.kind} ${route.metadata.name}`;
    return { tool, object, message: describeGitOps(tool, object, addsRef) };
  }
  return undefined;
}

function findDeployment(deployment: DeploymentObject | undefined): AppliedObject | undefined {
  const tool = deployment === undefined ? undefined : findGitOpsTool(deployment);
  if (deployment === undefined || tool === undefined) return undefined;
  const object = `Deployment ${deployment.metadata.name}`;
  return { tool, object, message: describeHeldFromGit(tool, object) };
}

/** Git knows nothing of an undo. */
export function describeGit(deployment: DeploymentObject | undefined): string {
  if (deployment === undefined) return '';
  const tool = findGitOpsTool(deployment);
  const name = `Deployment ${deployment.metadata.name}`;
  if (tool === undefined) return '; revert it in Git as well, if it came from there';
  const said = nameGitOpsTool(tool);
  return `; ${said} applies ${name} from Git, so revert it there as well: else ${said} puts the undone template back, and it is held as a rejected one`;
}

// The state of one of our admission policies: installed with its binding, installed without it, or not installed.

import { pathOf } from '../../adapters/kubernetes/informer/kinds.ts';
import type { ClusterLink } from '../cluster/link.ts';
import { readObject } from '../cluster/read.ts';

const ADMISSION = { group: 'admissionregistration.k8s.io', version: 'v1' };

/** `whole`: the policy and its binding. `forbidden`: the caller may not read it. */
export type Standing = 'whole' | 'unbound' | 'missing' | 'forbidden';

/** @throws GlidepathError when the API server cannot say */
export async function findStanding(link: ClusterLink, mode: 'validating' | 'mutating', name: string): Promise<Standing> {
  const read = (part: string) => readObject(link, pathOf({ ...ADMISSION, plural: `${mode}admission${part}` }, undefined, name));
  const [policy, binding] = await Promise.all([read('policies'), read('policybindings')]);
  if (policy.kind === 'forbidden' || binding.kind === 'forbidden') return 'forbidden';
  if (policy.kind === 'missing') return 'missing';
  return binding.kind === 'missing' ? 'unbound' : 'whole';
}

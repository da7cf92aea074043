// Deployment mode is no part of the memory world yet: releases there are in Services mode.

import type { WorkloadStore } from '../../../src/ports/workloads.ts';

export const NO_WORKLOADS: WorkloadStore = {
  observe: () => ({ known: true, replicaSets: [] }),
  proveHold: async () => ({ kind: 'unavailable' }),
  write: async () => undefined,
  redirect: async () => undefined,
  forget: () => undefined,
};

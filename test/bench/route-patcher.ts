// The operator's route patches without an operator: its REST client on its home lane, and nothing around it.

import type { KubeConfig } from '@kubernetes/client-node';
import { RELEASE_ANNOTATION } from '../../src/api/names.ts';
import { createSystemClock } from '../../src/adapters/clock.ts';
import { type KubernetesConnection, connectKubernetes } from '../../src/adapters/kubernetes/connect.ts';
import type { JsonPatchOperation } from '../../src/core/routing/patch.ts';
import { type App, servicesOf } from './crowd.ts';

const ANNOTATION = `/metadata/annotations/${RELEASE_ANNOTATION.replaceAll('/', '~1')}`;

export class RoutePatcher {
  readonly #connection: KubernetesConnection;

  constructor(config: KubeConfig) {
    this.#connection = connectKubernetes({ clock: createSystemClock(), loadConfig: () => config });
  }

  /** Opens the home connections, as the operator does at its start. */
  warm(): Promise<void> {
    return this.#connection.warm();
  }

  /** As a release at 25% leaves the route. */
  async raise({ namespace, name }: App): Promise<void> {
    await this.#connection.routes.annotate({ kind: 'HTTPRoute', namespace, name }, `${name}/0123456789`);
    await this.#patch(namespace, name, [7_500, 2_500], `${name}/0123456789`);
  }

  /** The very patch of a release that goes home. */
  takeHome({ namespace, name }: App): Promise<void> {
    return this.#patch(namespace, name, [100, 0], `${name}/0123456789/home`);
  }

  close(): Promise<void> {
    return this.#connection.close();
  }

  async #patch(namespace: string, name: string, weights: readonly number[], mark: string): Promise<void> {
    const edits = servicesOf(name).flatMap((service, index): JsonPatchOperation[] => [
      { op: 'test', path: `/spec/rules/0/backendRefs/${index}/name`, value: service },
      { op: 'replace', path: `/spec/rules/0/backendRefs/${index}/weight`, value: weights[index] },
    ]);
    const operations: readonly JsonPatchOperation[] = [...edits, { op: 'add', path: ANNOTATION, value: mark }];
    await this.#connection.routes.patch({ kind: 'HTTPRoute', namespace, name }, operations, 'home');
  }
}

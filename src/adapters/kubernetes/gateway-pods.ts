// The running pods of a gateway, by a label in one namespace: names and addresses, listed when somebody asks.

import type { GatewayPod } from '../../ports/gateways.ts';
import { fieldsOf, textOf } from './client/fields.ts';
import { listAll } from './client/list.ts';
import type { Transport } from './client/transport.ts';

/** Lists them. @throws GlidepathError as `Transport.request` does. */
export type ListGatewayPods = (namespace: string, label: string, value: string) => Promise<readonly GatewayPod[]>;

export function createGatewayPodLister(transport: Transport): ListGatewayPods {
  return async (namespace, label, value) => {
    const { items } = await listAll(transport, `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods`, {
      query: { labelSelector: `${label}=${value}`, fieldSelector: 'status.phase=Running' },
      lane: 'normal',
      pick: readPod,
    });
    return items.filter((pod) => pod !== undefined);
  };
}

/** A pod that is going answers its last requests, and counts no longer. */
function readPod(raw: unknown): GatewayPod | undefined {
  const { metadata, status } = fieldsOf(raw);
  const { name, deletionTimestamp } = fieldsOf(metadata);
  const address = textOf(fieldsOf(status)['podIP']);
  if (typeof name !== 'string' || address === undefined || address === '') return undefined;
  return deletionTimestamp === undefined || deletionTimestamp === null ? { name, address } : undefined;
}

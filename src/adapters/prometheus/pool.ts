// Connections by address and certificates, so that no question pays for a handshake. Those unused longest are closed first.
import { createHash } from 'node:crypto';
import { GlidepathError } from '../../api/errors.ts';
import { PrometheusConnection } from './connection.ts';
import type { Credentials } from './credentials.ts';
import { UNAVAILABLE } from './failure.ts';

const MAX_CONNECTIONS = 128;
/** Sockets to one address. */
const SOCKETS = 32;
/** The same for the own queries of a namespace: slow ones keep no other question waiting. */
const SOCKETS_OF_OWN = 4;

interface Lease {
  readonly connection: PrometheusConnection;
  users: number;
}

/** Owns the connections; every use is counted, so that no connection is closed while it is in use. */
export class ConnectionPool {
  readonly #leases = new Map<string, Lease>();

  /**
   * Runs `use` with a connection to the address.
   * @param apart whose own queries these are; absent for all others
   * @throws GlidepathError GLIDEPATH_E_METRICS_UNAVAILABLE when the certificates cannot be used, else what `use` throws.
   */
  async with<T>(
    endpoint: string,
    credentials: Credentials,
    apart: string | undefined,
    use: (connection: PrometheusConnection) => Promise<T>,
  ): Promise<T> {
    const lease = this.#lease(endpoint, credentials, apart);
    lease.users += 1;
    try {
      return await use(lease.connection);
    } finally {
      lease.users -= 1;
    }
  }

  /** Ends all connections. */
  close(): void {
    for (const { connection } of this.#leases.values()) connection.close();
    this.#leases.clear();
  }

  #lease(endpoint: string, credentials: Credentials, apart: string | undefined): Lease {
    const key = keyOf(endpoint, credentials, apart);
    const sockets = apart === undefined ? SOCKETS : SOCKETS_OF_OWN;
    const lease = this.#leases.get(key) ?? { connection: openConnection(endpoint, credentials, sockets), users: 0 };
    this.#leases.delete(key);
    this.#leases.set(key, lease);
    if (this.#leases.size > MAX_CONNECTIONS) this.#dropIdle();
    return lease;
  }

  #dropIdle(): void {
    for (const [key, { connection, users }] of this.#leases) {
      if (users > 0 || this.#leases.size <= MAX_CONNECTIONS) continue;
      connection.close();
      this.#leases.delete(key);
    }
  }
}

function openConnection(endpoint: string, credentials: Credentials, sockets: number): PrometheusConnection {
  try {
    return new PrometheusConnection(endpoint, credentials, sockets);
  } catch {
    // The error of a bad key can repeat parts of it.
    throw new GlidepathError(UNAVAILABLE, 'cannot be queried: ca.crt, tls.crt or tls.key is not valid PEM');
  }
}

function keyOf(endpoint: string, { ca, cert, key }: Credentials, apart: string | undefined): string {
  return createHash('sha256')
    .update(JSON.stringify([endpoint, ca, cert, key, apart]))
    .digest('base64');
}

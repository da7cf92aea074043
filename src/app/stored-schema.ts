// Which schema the CRD in the cluster has. With an older one than this operator needs, releases are only rolled back: fields that
// the CRD does not know would be pruned from the status.

import { messageOf } from '../api/errors.ts';
import { SCHEMA_NUMBER } from '../api/names.ts';
import type { Cluster } from '../ports/cluster.ts';
import type { Logger } from './telemetry/log.ts';

export class StoredSchema {
  #old = false;

  /** True when it was read, and is older than this operator needs. */
  get isOld(): boolean {
    return this.#old;
  }

  /** Asks once. What cannot be read (no right to read the CRD) counts as the schema that we know, and is logged. */
  async read(cluster: Pick<Cluster, 'schemaLevel'>, log: Logger): Promise<void> {
    try {
      const level = await cluster.schemaLevel();
      this.#old = level === undefined || level < SCHEMA_NUMBER;
      if (this.#old)
        log.error(
          { stored: level ?? 'none', needed: SCHEMA_NUMBER },
          'the CRD is older than this operator needs, so releases are only rolled back; apply config/crd',
        );
    } catch (thrown) {
      log.warn({ err: thrown }, `the CRD cannot be read (${messageOf(thrown)}), so its schema number is not checked`);
    }
  }
}

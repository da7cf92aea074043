// The current pod template of a Deployment, read again only on request. Readings are numbered in the order in which they were
// requested, so that an answer from before a moment is not taken for one from after it.

import { isGlidepathError } from '../../api/errors.ts';
import { hashTemplate, nameTemplate } from '../../core/workload/template.ts';
import { getDeployment } from './deployments.ts';
import type { ClusterLink } from './link.ts';

/** One answer. */
export interface TemplateReading {
  readonly number: number;
  /** Hash and name of the template; undefined: the Deployment is gone. */
  readonly template: { readonly hash: string; readonly revision: string } | undefined;
}

/** The answers so far. */
export interface TemplateReadings {
  /** @throws GlidepathError when the right was lost */
  readonly latest: () => TemplateReading;
  /** Asks again, soon. @returns the number of the first reading that begins after this moment */
  readonly again: () => number;
}

const APART_MS = 1_000;
const GONE = 'GLIDEPATH_E_NOT_FOUND';

/** Reads once, and again when asked. @throws GlidepathError when the first reading fails */
export async function openTemplateReadings(
  link: ClusterLink,
  namespace: string,
  name: string,
): Promise<TemplateReadings & { readonly first: NonNullable<TemplateReading['template']>; readonly close: () => void }> {
  const first = describe(await getDeployment(link, namespace, name));
  let latest: TemplateReading = { number: 0, template: first };
  let [begun, begunAt, refused] = [0, performance.now(), undefined as unknown];
  let timer: NodeJS.Timeout | undefined;
  const read = async (): Promise<void> => {
    begun += 1;
    begunAt = performance.now();
    const number = begun;
    try {
      latest = { number, template: await readTemplate(link, namespace, name) };
    } catch (thrown) {
      // The API server may be unavailable for a while; a right that was revoked does not return.
      if (isGlidepathError(thrown, 'GLIDEPATH_E_CLI')) refused = thrown;
    } finally {
      timer = undefined;
    }
  };
  return {
    first,
    latest: () => {
      if (refused !== undefined) throw refused;
      return latest;
    },
    again: () => {
      timer ??= setTimeout(() => void read(), Math.max(0, begunAt + APART_MS - performance.now()));
      return begun + 1;
    },
    close: () => clearTimeout(timer),
  };
}

async function readTemplate(link: ClusterLink, namespace: string, name: string): Promise<TemplateReading['template']> {
  try {
    return describe(await getDeployment(link, namespace, name));
  } catch (thrown) {
    if (isGlidepathError(thrown) && isGlidepathError(thrown.cause, GONE)) return undefined;
    throw thrown;
  }
}

function describe({ spec: { template } }: Awaited<ReturnType<typeof getDeployment>>): NonNullable<TemplateReading['template']> {
  return { hash: hashTemplate(template), revision: nameTemplate(template) };
}

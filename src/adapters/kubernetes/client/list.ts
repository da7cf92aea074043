// A whole list in pages of about a megabyte, however large its objects are. A page whose token has expired restarts the list.

import { withoutUndefined } from '../../../api/absence.ts';
import { isGlidepathError } from '../../../api/errors.ts';
import type { Lane } from './kubeconfig.ts';
import type { Query, Transport } from './transport.ts';

export interface ListOptions<T> {
  readonly signal?: AbortSignal;
  /** The most objects of a page, default 500. */
  readonly pageSize?: number;
  readonly query?: Query;
  readonly lane?: Lane;
  readonly accept?: string;
  /** True: transport faults are retried here. Default false, for callers with a backoff of their own. */
  readonly repeat?: boolean;
  /** What to keep of an item. */
  readonly pick: (raw: unknown) => T;
}

export interface Listed<T> {
  readonly items: readonly T[];
  readonly resourceVersion: string | undefined;
}

/** Of the first page: what the objects weigh is not known yet, and one may have 1.5 MB. */
const FIRST_PAGE = 50;
const [SMALLEST_PAGE, LARGEST_PAGE] = [10, 500];
const PAGE_CHARACTERS = 1_000_000;
const MOST_RESTARTS = 3;
const LIST_DEADLINE_MS = 30_000;

interface ListBody {
  readonly items?: readonly unknown[] | null;
  readonly metadata?: { readonly resourceVersion?: string; readonly continue?: string };
}

/** @throws GlidepathError as `Transport.request` does. */
export async function listAll<T>(transport: Transport, path: string, options: ListOptions<T>): Promise<Listed<T>> {
  for (let restarts = 0; ; restarts += 1) {
    try {
      return await listPages(transport, path, options);
    } catch (error) {
      if (!isGlidepathError(error, 'GLIDEPATH_E_GONE') || restarts >= MOST_RESTARTS) throw error;
    }
  }
}

async function listPages<T>(transport: Transport, path: string, options: ListOptions<T>): Promise<Listed<T>> {
  const { signal, accept, pageSize = LARGEST_PAGE, lane = 'watch', repeat = false } = options;
  const items: T[] = [];
  let next: string | undefined;
  let limit = Math.min(FIRST_PAGE, pageSize);
  do {
    const { body, length } = await transport.request({
      method: 'GET',
      path,
      query: { ...options.query, limit, continue: next },
      lane,
      deadlineMs: LIST_DEADLINE_MS,
      repeat,
      ...withoutUndefined({ signal, accept }),
    });
    const page = body as ListBody;
    for (const raw of page.items ?? []) items.push(options.pick(raw));
    limit = Math.min(pageSize, sizeAfter(limit, length));
    next = page.metadata?.continue;
    if (next === undefined || next === '') return { items, resourceVersion: page.metadata?.resourceVersion };
  } while (options.signal?.aborted !== true);
  return { items, resourceVersion: undefined };
}

/** As many objects as fill a page, by what those of the last one weighed. */
function sizeAfter(limit: number, length: number): number {
  return Math.min(LARGEST_PAGE, Math.max(SMALLEST_PAGE, Math.floor((limit * PAGE_CHARACTERS) / Math.max(1, length))));
}

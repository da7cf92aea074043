// What the status of a Job says: it runs, it completed, or it failed and why.

import type { Json } from './objects.ts';

export type JobResult =
  | { readonly kind: 'active'; readonly uid: string }
  | { readonly kind: 'succeeded'; readonly uid: string }
  | { readonly kind: 'failed'; readonly uid: string; readonly message: string; readonly timedOut: boolean };

/** Reads a Job as the API server has it. */
export function readJobResult(job: Json): JobResult {
  const { uid, name } = objectOf(job['metadata']);
  const known = { uid: textOf(uid) ?? '' };
  const { conditions } = objectOf(job['status']);
  const list = Array.isArray(conditions) ? conditions.map(objectOf) : [];
  const isTrue = (type: string) => list.find((one) => one['type'] === type && one['status'] === 'True');
  if (isTrue('Complete') !== undefined) return { kind: 'succeeded', ...known };
  const failed = isTrue('Failed');
  if (failed === undefined) return { kind: 'active', ...known };
  const reason = textOf(failed['reason']) ?? 'Failed';
  const words = textOf(failed['message']);
  const said = words === undefined ? '' : `: ${words}`;
  return {
    kind: 'failed',
    ...known,
    message: `Job ${textOf(name) ?? ''} failed (${reason})${said}`,
    timedOut: reason === 'DeadlineExceeded',
  };
}

function objectOf(value: unknown): Json {
  return typeof value === 'object' && value !== null ? (value as Json) : {};
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

// Classifies finished requests by status code: HTTP codes, and gRPC codes as numbers or in any of their spellings.

/** How one finished request counts. `ignore` is neither a request nor an error. */
export type Outcome = 'success' | 'clientError' | 'serverError' | 'ignore';

/** Labels of one series, as Prometheus returned them. */
export type Labels = Readonly<Record<string, string>>;

const HTTP_FORM = /^([1-5])(?:[0-9]{2}|xx)$/i;

// The split into the server's and the client's fault is that of OpenTelemetry's semantic conventions for gRPC servers.
const GRPC: readonly (readonly [name: string, outcome: Outcome])[] = [
  ['OK', 'success'],
  ['CANCELLED', 'clientError'],
  ['UNKNOWN', 'serverError'],
  ['INVALIDARGUMENT', 'clientError'],
  ['DEADLINEEXCEEDED', 'serverError'],
  ['NOTFOUND', 'clientError'],
  ['ALREADYEXISTS', 'clientError'],
  ['PERMISSIONDENIED', 'clientError'],
  ['RESOURCEEXHAUSTED', 'clientError'],
  ['FAILEDPRECONDITION', 'clientError'],
  ['ABORTED', 'clientError'],
  ['OUTOFRANGE', 'clientError'],
  ['UNIMPLEMENTED', 'serverError'],
  ['INTERNAL', 'serverError'],
  ['UNAVAILABLE', 'serverError'],
  ['DATALOSS', 'serverError'],
  ['UNAUTHENTICATED', 'clientError'],
];
const GRPC_BY_TEXT = new Map<string, Outcome>([
  ...GRPC.map(([name, outcome]) => [name, outcome] as const),
  ...GRPC.map(([, outcome], code) => [String(code), outcome] as const),
  ['CANCELED', 'clientError'],
]);

/**
 * Outcome of an HTTP status code such as `503` or of a class such as `5xx`. 101 is the answer to an upgrade and so a
 * success; other 1xx codes are not the end of a request. A text that is no status code is ignored.
 */
export function classifyHttp(code: string | undefined): Outcome {
  const kind = HTTP_FORM.exec(code ?? '')?.[1];
  if (kind === '5') return 'serverError';
  if (kind === '4') return 'clientError';
  if (kind === '2' || kind === '3') return 'success';
  return code === '101' ? 'success' : 'ignore';
}

/** Outcome of a gRPC status: `14`, `UNAVAILABLE`, `Unavailable` and `DeadlineExceeded` are all understood. */
export function classifyGrpc(status: string | undefined): Outcome {
  const text = (status ?? '').toUpperCase().replaceAll(/[_\s]/g, '');
  return GRPC_BY_TEXT.get(text) ?? 'ignore';
}

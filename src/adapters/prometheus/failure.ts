// The ways in which a query to Prometheus fails, as coded errors inside the adapter and as data outside of it.
import { GlidepathError, isGlidepathError, messageOf } from '../../api/errors.ts';
import type { ErrorCode } from '../../api/errors.ts';
import type { MetricsFailure } from '../../ports/metrics.ts';

/** Prometheus is unavailable. */
export const UNAVAILABLE: ErrorCode = 'GLIDEPATH_E_METRICS_UNAVAILABLE';
/** Prometheus does not accept the credentials: reading them again may help. */
export const UNAUTHORIZED: ErrorCode = 'GLIDEPATH_E_METRICS_UNAUTHORIZED';
/** Prometheus says that the query is wrong. */
export const BAD_QUERY: ErrorCode = 'GLIDEPATH_E_METRICS_BAD_QUERY';
/** The answer cannot be used. */
export const UNUSABLE: ErrorCode = 'GLIDEPATH_E_METRICS_UNUSABLE';

/** The answer has more bytes than are read. */
export const TOO_LARGE: ErrorCode = 'GLIDEPATH_E_METRICS_TOO_LARGE';

// A connection that broke or was refused may work the next moment; a certificate or a name will not.
const PASSING = new Set([
  'ECONNRESET',
  'ECONNREFUSED',
  'ECONNABORTED',
  'EPIPE',
  'EAI_AGAIN',
  'ETIMEDOUT',
  'ENETUNREACH',
  'UND_ERR_SOCKET',
  'UND_ERR_CONNECT_TIMEOUT',
]);

/** More bytes than are read, on the way or unpacked. */
export function tooLarge(mostBytes: number): GlidepathError {
  const most = mostBytes < MIB ? `${mostBytes / 1024} KiB` : `${mostBytes / MIB} MiB`;
  return new GlidepathError(
    TOO_LARGE,
    `answered with more than ${most}, which is the limit; make a query of your own one number, for example with sum(), and a built-in one narrower by spec.analysis.metrics.matchers`,
  );
}

const MIB = 1024 * 1024;

/** What the HTTP client threw before there was a whole answer, as a coded error. */
export function describeTransportError(thrown: unknown): GlidepathError {
  if (isGlidepathError(thrown)) return thrown;
  const code = codeOf(thrown);
  if (code.startsWith('Z_')) return new GlidepathError(UNUSABLE, `answered with broken gzip: ${messageOf(thrown)}`);
  return new GlidepathError(UNAVAILABLE, `cannot be reached: ${sayTransportError(thrown)}`, { retryable: PASSING.has(code) });
}

function codeOf(thrown: unknown): string {
  if (typeof thrown !== 'object' || thrown === null || !('code' in thrown)) return '';
  return String(thrown.code);
}

/** A name with several addresses fails with one error for each, in an error without a message. */
function sayTransportError(thrown: unknown): string {
  if (!(thrown instanceof AggregateError) || thrown.message !== '') return messageOf(thrown);
  return thrown.errors.map(messageOf).join('; ');
}

/** A failure as the port defines it. */
export function toFailure(thrown: unknown): MetricsFailure {
  const message = messageOf(thrown);
  if (isGlidepathError(thrown, BAD_QUERY)) return { kind: 'badQuery', message };
  if (isGlidepathError(thrown, TOO_LARGE)) return { kind: 'tooLarge', message };
  if (isGlidepathError(thrown, UNUSABLE)) return { kind: 'unusable', message };
  return { kind: 'unavailable', message };
}

// The address and credentials of a question, or why it is refused. The operator's credentials are sent to the operator's address
// only; an address of a release must be on the allow-list.
import { isUnder, parseAddress } from '../../api/addresses.ts';
import type { BlockReason } from '../../api/reasons.ts';
import type { MetricsTarget } from '../../ports/metrics.ts';

/** What the operator's owner allows. */
export interface TargetSettings {
  readonly operatorUrl?: URL;
  readonly allow: readonly URL[];
  readonly allowQueries: boolean;
}

/** Credentials to send: the operator's own, those of the release's Secret, or none. */
export type Identity = 'operator' | 'secret' | 'anonymous';

/** An address with credentials, or a refusal with a condition reason. */
export type Resolution =
  | { readonly ok: true; readonly url: URL; readonly identity: Identity }
  | { readonly ok: false; readonly reason: BlockReason; readonly message: string };

const FIELD = 'spec.analysis.metrics.prometheus.url';

function refuse(reason: BlockReason, message: string): Resolution {
  return { ok: false, reason, message };
}

/** The address without the slashes at its end, to which `/api/v1/query` is appended. */
export function endpointOf(url: URL): string {
  return url.href.replace(/\/+$/, '');
}

/** Decides address and identity of a target. */
export function resolveTarget(settings: TargetSettings, target: MetricsTarget): Resolution {
  const fallback = target.secretName === undefined ? 'anonymous' : 'secret';
  if (target.url === undefined) return resolveOperator(settings, target);
  const parsed = parseAddress(target.url);
  if (!parsed.ok) return refuse('InvalidSpec', `${FIELD} ${parsed.message}`);
  const { operatorUrl } = settings;
  if (operatorUrl !== undefined && endpointOf(parsed.url) === endpointOf(operatorUrl)) {
    return resolveOperator(settings, target);
  }
  if (settings.allow.some((prefix) => isUnder(parsed.url, prefix))) {
    return { ok: true, url: parsed.url, identity: fallback };
  }
  return refuse(
    'PrometheusNotAllowed',
    `${FIELD} is not on the operator's allow-list; start the operator with --prometheus-allow ${parsed.url.origin}, or remove the field`,
  );
}

function resolveOperator({ operatorUrl }: TargetSettings, { secretName }: MetricsTarget): Resolution {
  if (operatorUrl === undefined) {
    return refuse('NotSupported', `no Prometheus is configured; set ${FIELD}, or start the operator with --prometheus-url`);
  }
  return { ok: true, url: operatorUrl, identity: secretName === undefined ? 'operator' : 'secret' };
}

/**
 * Why the target may not be used, or undefined. Queries of a release's own read whatever its credentials may read: at an address on the
 * allow-list those of its Secret. The operator's address is no place for them, because most Prometheus ignore credentials.
 */
export function refuseTarget(
  settings: TargetSettings,
  target: MetricsTarget,
  ownQueries: boolean,
): { readonly reason: BlockReason; readonly message: string } | undefined {
  const resolution = resolveTarget(settings, target);
  if (!resolution.ok) return { reason: resolution.reason, message: resolution.message };
  const { operatorUrl } = settings;
  const isOperators = operatorUrl !== undefined && endpointOf(resolution.url) === endpointOf(operatorUrl);
  const reads = resolution.identity === 'secret' && !isOperators;
  if (!ownQueries || settings.allowQueries || reads) return undefined;
  return {
    reason: 'QueryNotAllowed',
    message:
      "checks with a query of their own need spec.analysis.metrics.prometheus.url, an address that --prometheus-allow names and that is not the operator's, with a secretRef; or an operator started with --allow-queries",
  };
}

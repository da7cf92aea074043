// `$(name)` in own queries: names from a closed list, values escaped for a PromQL string. Anything else is refused.

/**
 * Values that an own query may name. `window` is a PromQL duration, `canaryPods` a regular expression for `=~`, the others are label
 * values. Undefined: there is such a name, but no value for it here.
 */
export interface TemplateValues {
  readonly namespace: string;
  readonly release: string;
  readonly canary: string;
  readonly serving: string;
  readonly revision: string;
  /** The Deployments behind the Services. */
  readonly canaryWorkload: string | undefined;
  readonly servingWorkload: string | undefined;
  /** The names of the canary's pods. */
  readonly canaryPods: string | undefined;
  readonly window: string;
}

export type Rendered = { readonly ok: true; readonly query: string } | { readonly ok: false; readonly message: string };

const PLACEHOLDER = /\$\(([^)]*)\)/g;

/**
 * Fills the placeholders of an own query. `$$(` is a literal `$(`.
 * Label values are escaped for PromQL strings in double and in single quotes; a query that puts one elsewhere stays valid for names.
 */
export function renderQuery(query: string, values: TemplateValues): Rendered {
  const known: Readonly<Record<string, string | undefined>> = { ...values };
  const literal = '\u0000';
  const marked = query.replaceAll('$$(', literal);
  const named = [...marked.matchAll(PLACEHOLDER)].map((match) => match[1] ?? '');
  const unknown = named.filter((name) => !Object.hasOwn(known, name));
  if (unknown.length > 0)
    return {
      ok: false,
      message: `$(${unknown[0]}) is not known; a query may use ${Object.keys(known)
        .map((name) => `$(${name})`)
        .join(', ')}`,
    };
  const missing = named.find((name) => known[name] === undefined);
  if (missing !== undefined)
    return { ok: false, message: `$(${missing}) has no value: the pods behind the Service do not belong to one Deployment` };
  const rendered = marked.replaceAll(PLACEHOLDER, (_match, name: string) => escapeLabel(known[name] ?? '')).replaceAll(literal, '$(');
  return { ok: true, query: rendered };
}

/** A PromQL duration from milliseconds. */
export function promDuration(ms: number): string {
  return ms % 1_000 === 0 ? `${ms / 1_000}s` : `${Math.round(ms)}ms`;
}

/** PromQL knows `\"` only between double quotes and `\'` only between single ones; hexadecimal escapes are good in both. */
function escapeLabel(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\x22').replaceAll("'", '\\x27').replaceAll('\n', '\\n');
}

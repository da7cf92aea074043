// Which of several matches a gateway takes for a request, as the Gateway API says it: for a HTTPRoute the exact path, then the longest
// prefix, then a method, then most headers, then most query parameters; for a GRPCRoute the longest service, the longest method, then
// most headers. Between equal ones the older route counts, and in a route the rule that comes first.

import type { RouteHeaderMatch, RouteMatch, RouteMethodMatch } from '../../api/routes.ts';

/** Above 0: a request that both take goes to `a`. 0: the order of routes and rules decides. */
export function comparePrecedence(a: RouteMatch, b: RouteMatch): number {
  const [first, second] = [rankOf(a), rankOf(b)];
  for (const [place, rank] of first.entries()) if (rank !== second[place]) return rank - (second[place] ?? 0);
  return 0;
}

function rankOf({ path, method, headers = [], queryParams = [] }: RouteMatch): readonly number[] {
  const isExact = path?.type === 'Exact';
  const { service = '', method: name = '' } = typeof method === 'object' ? method : {};
  return [
    isExact ? 1 : 0,
    path?.value?.length ?? 0,
    service.length,
    name.length,
    typeof method === 'string' ? 1 : 0,
    headers.length,
    queryParams.length,
  ];
}

/** May one request be taken by both? Regular expressions may fit anything. */
export function mayOverlap(a: RouteMatch, b: RouteMatch): boolean {
  return (
    doPathsOverlap(a.path, b.path) &&
    doMethodsOverlap(a.method, b.method) &&
    doConditionsOverlap(a.headers, b.headers, (name) => name.toLowerCase()) &&
    doConditionsOverlap(a.queryParams, b.queryParams, (name) => name)
  );
}

function doPathsOverlap(a: RouteMatch['path'], b: RouteMatch['path']): boolean {
  if (isRegex(a) || isRegex(b)) return true;
  const [one, two] = [pathOf(a), pathOf(b)];
  if (one.isExact && two.isExact) return one.value === two.value;
  return (!two.isExact && isBelow(one.value, two.value)) || (!one.isExact && isBelow(two.value, one.value));
}

function pathOf(path: RouteMatch['path']): { readonly isExact: boolean; readonly value: string } {
  return { isExact: path?.type === 'Exact', value: path?.value ?? '/' };
}

/** Prefixes are compared by whole elements of the path. */
function isBelow(path: string, prefix: string): boolean {
  const stem = prefix.replace(/\/+$/, '');
  return path === stem || path.startsWith(`${stem}/`) || path.replace(/\/+$/, '') === stem;
}

function doMethodsOverlap(a: RouteMatch['method'], b: RouteMatch['method']): boolean {
  if (a === undefined || b === undefined) return true;
  if (typeof a === 'string' || typeof b === 'string') return a === b;
  if (isRegex(a) || isRegex(b)) return true;
  const agree = (field: keyof RouteMethodMatch) => a[field] === undefined || b[field] === undefined || a[field] === b[field];
  return agree('service') && agree('method');
}

function doConditionsOverlap(
  a: readonly RouteHeaderMatch[] = [],
  b: readonly RouteHeaderMatch[] = [],
  nameOf: (name: string) => string,
): boolean {
  return a.every((one) => {
    const same = b.find(({ name }) => nameOf(name) === nameOf(one.name));
    return same === undefined || isRegex(one) || isRegex(same) || one.value === same.value;
  });
}

/** Is it compared by a regular expression? */
function isRegex(condition: { readonly type?: string } | undefined): boolean {
  return condition?.type === 'RegularExpression';
}

/**
 * Does a regular expression decide where the match stands among others? The Gateway API leaves its rank in a path or a gRPC method to the
 * gateway; of headers and query parameters the number counts, however they are compared.
 * @returns what does, in words
 */
export function findRegex({ path, method }: RouteMatch): string | undefined {
  if (isRegex(path)) return `the path ${path?.value ?? ''}`;
  return typeof method === 'object' && isRegex(method) ? `the method ${method.service ?? ''}/${method.method ?? ''}` : undefined;
}

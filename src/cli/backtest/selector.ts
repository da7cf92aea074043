// Label matchers of one side as the caller wrote them, checked before Prometheus is asked.

import { InvalidArgumentError } from 'commander';

const MATCHER = /^[a-zA-Z_][a-zA-Z0-9_]*\s*(=|!=|=~|!~)\s*"(?:[^"\\]|\\.)*"/;

/** `label="value",…`, with or without braces. */
export function readSelector(text: string): string {
  const inner = text
    .trim()
    .replace(/^\{(.*)\}$/s, '$1')
    .trim();
  let rest = inner;
  while (rest !== '') {
    const [matcher] = MATCHER.exec(rest) ?? [];
    const more = matcher === undefined ? undefined : rest.slice(matcher.length).trimStart();
    if (more === undefined || (more !== '' && !more.startsWith(','))) throw refuse();
    rest = more.slice(1).trimStart();
  }
  if (inner === '') throw refuse();
  return inner;
}

function refuse(): InvalidArgumentError {
  return new InvalidArgumentError(`Write label matchers such as envoy_cluster_name="shop_web-v2_80".`);
}

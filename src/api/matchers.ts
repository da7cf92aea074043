// Label matchers added to every built-in query: label equals value. They separate clusters, tenants and environments that write to one
// Prometheus.

/** Label names and the value that each has to have; an empty value picks series without the label. */
export type Matchers = Readonly<Record<string, string>>;

export const MOST_MATCHERS = 8;
/** Names of labels in PromQL; those that begin with `__` are Prometheus' own. */
export const LABEL_PATTERN = '^[a-zA-Z_][a-zA-Z0-9_]*$';
export const LONGEST_LABEL = 128;
export const LONGEST_VALUE = 256;

const LABEL = new RegExp(LABEL_PATTERN);

/** Can a label be called so? */
export function isLabelName(text: string): boolean {
  return text.length <= LONGEST_LABEL && LABEL.test(text) && !text.startsWith('__');
}

/** `cluster=eu-1` as a label and its value; undefined for other texts. */
export function parseMatcher(text: string): readonly [label: string, value: string] | undefined {
  const at = text.indexOf('=');
  const [label, value] = [text.slice(0, at), text.slice(at + 1)];
  return at >= 0 && isLabelName(label) && value.length <= LONGEST_VALUE ? [label, value] : undefined;
}

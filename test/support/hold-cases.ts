// What may be done to a Deployment under a release, and whether it is then held: the table that the webhook's decision and the
// policy of config/deployment-mode are both tested with.

export interface HoldCase {
  readonly what: string;
  /** The Deployment was held before. Default false. */
  readonly heldBefore?: boolean;
  /** A merge patch of the Deployment. */
  readonly patch: object;
  /** Default: somebody else. */
  readonly by?: 'operator';
  /** Paused and marked afterwards, by this write or by an earlier one. */
  readonly held: boolean;
}

const template = (change: object) => ({ spec: { template: change } });
const env = [{ name: 'VERSION', value: 'next' }];

export const HOLD_CASES: readonly HoldCase[] = [
  { what: 'an annotation of the template', patch: template({ metadata: { annotations: { touched: 'yes' } } }), held: true },
  { what: 'a label of the template', patch: template({ metadata: { labels: { touched: 'yes' } } }), held: true },
  { what: 'a field of the pods', patch: template({ spec: { terminationGracePeriodSeconds: 7 } }), held: true },
  { what: 'a container', patch: template({ spec: { initContainers: [{ name: 'first', image: 'first:1', env }] } }), held: true },
  {
    what: 'the template, while it says that it is not paused',
    patch: { spec: { paused: false, template: { spec: { priority: null, hostname: 'a' } } } },
    held: true,
  },
  {
    what: 'the template, while it says that it is paused',
    patch: { spec: { paused: true, template: { spec: { hostname: 'a' } } } },
    held: true,
  },
  { what: 'the template, by the operator', patch: template({ spec: { hostname: 'a' } }), by: 'operator', held: true },
  { what: 'the template and the replicas', patch: { spec: { replicas: 3, template: { spec: { hostname: 'a' } } } }, held: true },
  { what: 'the template, back to what it was', patch: template({ spec: {} }), held: false },
  { what: 'the replicas alone', patch: { spec: { replicas: 3 } }, held: false },
  { what: 'an annotation of the Deployment', patch: { metadata: { annotations: { touched: 'yes' } } }, held: false },
  { what: 'a label of the Deployment', patch: { metadata: { labels: { touched: 'yes' } } }, held: false },
  { what: 'minReadySeconds', patch: { spec: { minReadySeconds: 3 } }, held: false },
  { what: 'nothing', patch: {}, held: false },
  { what: 'a held one: resumed', heldBefore: true, patch: { spec: { paused: null } }, held: true },
  { what: 'a held one: unpaused', heldBefore: true, patch: { spec: { paused: false } }, held: true },
  {
    what: 'a held one: unpaused, and another template',
    heldBefore: true,
    patch: { spec: { paused: false, template: { spec: { hostname: 'b' } } } },
    held: true,
  },
  {
    what: 'a held one: unpaused, without its mark',
    heldBefore: true,
    patch: { metadata: { annotations: { 'glidepath.dev/held': null } }, spec: { paused: false } },
    held: true,
  },
  { what: 'a held one: its replicas', heldBefore: true, patch: { spec: { replicas: 3 } }, held: true },
  {
    what: 'a held one: unpaused by the operator',
    heldBefore: true,
    patch: { metadata: { annotations: { 'glidepath.dev/held': null } }, spec: { paused: false } },
    by: 'operator',
    held: false,
  },
  {
    what: 'a held one: another template by the operator, unpaused',
    heldBefore: true,
    patch: { spec: { paused: false, template: { spec: { hostname: 'b' } } } },
    by: 'operator',
    held: true,
  },
];

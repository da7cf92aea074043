// docs/gateways.md: what each gateway answered, as a table.

import type { Answers, GatewayReport } from '../../test/gateways/questions.ts';

interface Row {
  readonly title: string;
  readonly say: (answers: Answers) => string | undefined;
}

const range = (values: readonly number[]) => (values.length === 0 ? '-' : `${Math.min(...values)} to ${Math.max(...values)} ms`);
const counts = (byStatus: Readonly<Record<string, number>>) =>
  Object.entries(byStatus)
    .map(([status, count]) => `${count} x ${status === '0' ? 'no answer' : status}`)
    .join(', ');
const conditionsOf = (conditions: readonly string[]) => (conditions.length === 0 ? 'every condition True' : conditions.join(', '));

type Release = NonNullable<Answers['releases']>[string];
const sayRelease = ({ phase, seconds, source, lost }: Release) => `${phase} after ${seconds} s, source ${source}, ${lost} answers lost`;

const ROWS: readonly Row[] = [
  {
    title: 'split of 2,000 requests, asked: measured',
    say: ({ split }) =>
      split &&
      Object.entries(split)
        .map(([asked, measured]) => `${asked}: ${measured}%`)
        .join(', '),
  },
  { title: 'answers of a backend of weight 0, of 1,000', say: ({ weightZero }) => weightZero?.toString() },
  { title: 'patch to first new answer', say: ({ propagation }) => propagation && range(propagation.firstNewMs) },
  { title: 'patch to last old answer', say: ({ propagation }) => propagation && range(propagation.lastOldMs) },
  { title: 'patch to status', say: ({ propagation }) => propagation && range(propagation.statusMs) },
  { title: 'header rule, with and without the header', say: ({ header }) => header && `${header.with} and ${header.without} of 200` },
  {
    title: 'RequestMirror of every request',
    say: ({ mirror }) => mirror && `${mirror.mirrored} of ${mirror.sent} mirrored, ${mirror.failed} requests failed`,
  },
  {
    title: 'RequestMirror of 20%',
    say: ({ mirrorOfAFifth: found }) => found && `${found.mirrored} of ${found.sent} mirrored, ${found.failed} requests failed`,
  },
  {
    title: 'a rule with a mirror that comes and goes, 100 requests/s',
    say: ({ mirrorWrites: found }) => found && `${found.lost} of ${found.sent} requests lost over ${found.writes} writes`,
  },
  {
    title: 'GRPCRoute, 20% asked',
    say: ({ grpc }) => grpc && `${grpc.canary} of ${grpc.calls} calls, ${grpc.failed} failed`,
  },
  {
    title: '10% to a Service without endpoints',
    say: ({ emptyBackend: found }) => found && `${counts(found.byStatus)}; ${conditionsOf(found.conditions)}`,
  },
  {
    title: '10% to a Service that is not there',
    say: ({ missingBackend: found }) => found && `${counts(found.byStatus)}; ${conditionsOf(found.conditions)}`,
  },
  {
    title: 'writes of ten releases up and back, 100 requests/s',
    say: ({ writes }) => writes && `${writes.lost} of ${writes.sent} requests lost over ${writes.writes} writes`,
  },
  {
    title: 'three rollouts of a Deployment without any release, by how long pods answer after SIGTERM',
    say: ({ rollout }) =>
      rollout &&
      Object.entries(rollout)
        .map(([drain, lost]) => `${drain}: ${lost} lost`)
        .join(', '),
  },
  ...['Services, good', 'Services, bad', 'Deployment, good', 'Deployment, bad'].map((name) => ({
    title: `a release of ${name}`,
    say: ({ releases }: Answers) => {
      const found = releases?.[name];
      return found && sayRelease(found);
    },
  })),
  ...['good', 'bad'].map((name) => ({
    title: `a release by a route whose parent is a Service, ${name}`,
    say: ({ mesh }: Answers) => {
      const found = mesh?.[name];
      return found && sayRelease(found);
    },
  })),
];

/** @returns the page */
export function drawPage(reports: readonly GatewayReport[]): string {
  const head = ['', ...reports.map(({ version }) => version)];
  const rows = ROWS.map(({ title, say }) => [title, ...reports.map(({ answers }) => say(answers) ?? 'not asked')]);
  const table = [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
  const dates = reports.map(({ version, date }) => `${version} on ${date}`).join('; ');
  return `# Gateways

What gateways answered when they were asked the same questions in the lab: one node, two cores, one proxy each, nothing else running that
matters. \`npm run test:gateways -- NAME\` asks again and writes this page. "Lost" is an answer that no backend gave. Times are upper
bounds: the watch and the load generator share the machine with the gateway.

${table}

Runs: ${dates}.

Envoy Gateway needs a policy on the Gateway before any release ([decision 0028](decisions/0028-gateways-that-forget-backends.md)): without it
every release is \`Blocked: BackendsCountedTogether\`, which a cluster test holds.

Traefik applies changes at most every 2 s (\`providers.providersThrottleDuration\`): one that follows another closely takes effect up to that much
after its status says so, and a release waits for that. It answers every request of a rule with a mirror by a 500.
For the same time it sends requests to pods that have received SIGTERM: behind Traefik pods have to answer for longer than 2 s after SIGTERM, by a preStop
hook or in the application, or each rollout loses some, with a release or without. The releases of this page are of pods that answer for 6 s.

Istio is its control plane with a plain Envoy as the proxy: routing, statuses and times are Istio's, but \`istio_requests_total\` cannot be had, so its
releases are judged by the metrics of the application. So is the proxy beside the caller of the mesh route, which calls Services on its own loopback
(\`INTERCEPTION_MODE: NONE\`): sidecar injection and ambient were not run. Its own source, and those of kgateway, Cilium and Linkerd, are held by recorded text
(\`test/fixtures/metrics\`), and this page does not say that they were run.

TCPRoutes, TLSRoutes and UDPRoutes behind Envoy Gateway are in a cluster test (\`test/cluster/layer4.test.ts\`). Not asked: session persistence, several proxies, HTTPS listeners.
`;
}

// `npm run test:gateways -- NAME|all [TITLE]`: asks gateways of the lab the same questions and writes the answers into docs/gateways.md.
// With part of a question's title that one alone is asked again, and the others keep their answers.

import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { envoyGatewayVersion } from '../../test/lab/gateways/envoy-gateway/tool.ts';
import { istioVersion } from '../../test/lab/gateways/istio/istio.ts';
import { traefikVersion } from '../../test/lab/gateways/traefik/traefik.ts';
import { GATEWAY_NAMES, type GatewayName, LAB_GATEWAYS } from '../../test/lab/gateways/gateways.ts';
import { PROJECT_FOLDER } from '../../test/lab/settings.ts';
import { pinnedVersion } from '../../test/lab/tools.ts';
import type { Answers, GatewayReport } from '../../test/gateways/questions.ts';
import { drawPage } from './page.ts';

const DATA = join(PROJECT_FOLDER, 'docs/gateways.json');
const PAGE = join(PROJECT_FOLDER, 'docs/gateways.md');
/** As it is installed no release begins behind it: its answers are in a cluster test. */
const NOT_ASKED: readonly GatewayName[] = ['envoy-gateway-plain'];
const ASKED = GATEWAY_NAMES.filter((name) => !NOT_ASKED.includes(name));

const contourVersion = () => `Contour ${pinnedVersion('contour', /projectcontour\/contour v(\S+)/)}`;
const envoyGateway = () => `Envoy Gateway ${envoyGatewayVersion().slice(1)}`;
const VERSIONS: Readonly<Record<GatewayName, () => string>> = {
  contour: contourVersion,
  'envoy-gateway': () => `${envoyGateway()}, with the policy of config/gateways/envoy-gateway`,
  'envoy-gateway-merged': () => `${envoyGateway()}, with mergeBackends`,
  'envoy-gateway-plain': () => `${envoyGateway()}, as it is installed`,
  istio: () => `Istio (main at ${istioVersion()}) with a plain Envoy`,
  traefik: () => `Traefik ${traefikVersion().slice(1)}`,
};

function run(args: readonly string[], variables: Readonly<Record<string, string>> = {}): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { cwd: PROJECT_FOLDER, stdio: 'inherit', env: { ...process.env, ...variables } });
    child.once('error', reject);
    child.once('close', (code) => resolve(code ?? 128));
  });
}

/** Asks one gateway. @returns its answers and whether all was as it must be */
async function ask(gateway: GatewayName, title: string | undefined): Promise<{ readonly report: GatewayReport; readonly isWell: boolean }> {
  const { extra, hasMesh = false } = LAB_GATEWAYS[gateway];
  const folder = mkdtempSync(join(tmpdir(), 'glidepath-gateways-'));
  try {
    const up = await run(['test/lab/main.ts', 'up', ...(extra === undefined ? [] : ['--gateway', extra])]);
    if (up !== 0) throw new Error(`the lab did not come up with ${gateway}`);
    const operator = join(folder, 'operator.mjs');
    await run(['esbuild.config.ts', operator, 'src/main.ts']);
    const file = join(folder, 'answers.json');
    const vitest = [
      join(PROJECT_FOLDER, 'node_modules/.bin/vitest'),
      'run',
      '--project',
      'gateways',
      'test/gateways/gateway.test.ts',
      ...(hasMesh ? ['test/gateways/mesh.test.ts'] : []),
      ...(title === undefined ? [] : ['-t', title]),
    ];
    const code = await run(['test/lab/main.ts', 'exec', '--', process.execPath, ...vitest], {
      GLIDEPATH_TEST_GATEWAY: gateway,
      GLIDEPATH_GATEWAY_ANSWERS: file,
      GLIDEPATH_TEST_OPERATOR: operator,
    });
    const answers = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Answers) : {};
    return { report: { gateway, version: VERSIONS[gateway](), date: new Date().toISOString().slice(0, 10), answers }, isWell: code === 0 };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function readReports(): readonly GatewayReport[] {
  return existsSync(DATA) ? (JSON.parse(readFileSync(DATA, 'utf8')) as readonly GatewayReport[]) : [];
}

/** Puts a report in the place of the former one of its gateway, or adds to that one. */
function keep(answered: GatewayReport, adds: boolean): void {
  const former = adds ? readReports().find(({ gateway }) => gateway === answered.gateway) : undefined;
  const report = { ...answered, answers: { ...former?.answers, ...answered.answers } };
  const others = readReports().filter(({ gateway }) => gateway !== report.gateway);
  const place = ({ gateway }: GatewayReport) => (GATEWAY_NAMES as readonly string[]).indexOf(gateway);
  const reports = [...others, report].toSorted((a, b) => place(a) - place(b));
  writeFileSync(DATA, `${JSON.stringify(reports, undefined, 2)}\n`);
  writeFileSync(PAGE, drawPage(reports));
}

const [word = '', title] = process.argv.slice(2);
const wanted = word === 'all' ? ASKED : ASKED.filter((name) => name === word);
if (wanted.length === 0) {
  process.stderr.write(
    `usage: npm run test:gateways -- NAME, one of: all ${ASKED.join(' ')}, and part of a question's title to ask that one alone\n`,
  );
  process.exitCode = 2;
}
for (const gateway of wanted) {
  const { report, isWell } = await ask(gateway, title);
  keep(report, title !== undefined);
  if (!isWell) process.exitCode = 1;
}

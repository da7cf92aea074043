// An explanation as a page of text, the most important part first.

import { roundCount } from '../../core/analysis/comparison/words.ts';
import { clockOf } from '../../api/times.ts';
import { formatTable } from '../output.ts';
import type { Paint } from '../plan/chart.ts';
import { sayDuration } from '../values.ts';
import type { Explanation } from './explain.ts';

type Measured = NonNullable<Explanation['traffic']['measured']>;

/** The whole page. @param figures the numbers behind what the comparison says are shown, too */
export function formatExplanation(explanation: Explanation, paint: Paint, now: number, figures = false): string {
  const sections = [
    formatHead(explanation, now),
    formatTraffic(explanation, now),
    section('Evidence', [...formatProof(explanation, paint), ...(figures ? formatFigures(explanation) : [])]),
    section('Gates', formatGates(explanation, paint)),
    section(
      'Problems',
      explanation.notFine.map(({ type, reason, message }) => paint.bad(`${type} (${reason}): ${message}`)),
    ),
    section('Useful commands', formatCommands(explanation, paint)),
  ];
  return `${sections
    .filter((lines) => lines.length > 0)
    .flatMap((lines, index) => (index === 0 ? lines : ['', ...lines]))
    .join('\n')}\n`;
}

/** The evidence alone, to be read before a command is given. */
export function formatEvidence(explanation: Explanation, paint: Paint): string {
  const { namespace, name, phase, message, traffic } = explanation;
  const lines = [
    `${namespace}/${name}: ${phase}, canary weight ${traffic.asked}% wanted, routes have ${traffic.routes}%${traffic.measured === undefined ? '' : `, measured ${traffic.measured.share}`}`,
    `  ${message}`,
    ...[...formatProof(explanation, paint), ...formatGates(explanation, paint)].map((line) => `  ${line}`),
    ...explanation.notFine.map(({ type, message: why }) => paint.bad(`  ${type}: ${why}`)),
  ];
  return `${lines.join('\n')}\n`;
}

/** The numbers behind the words, for who asks for them. */
function formatFigures({ proof, traffic }: Explanation): readonly string[] {
  return [
    ...(traffic.measured?.sources ?? []).map(sayOfSource),
    ...(traffic.gatewayErrors === undefined ? [] : [traffic.gatewayErrors]),
    ...proof.flatMap(({ name, figures }) => (figures === undefined ? [] : [`${name}: ${figures}`])),
  ];
}

/** `measured by Traefik: 12 of 430 canary requests and 3 of 3,900 of serving failed`. */
function sayOfSource(one: NonNullable<Measured['sources']>[number]): string {
  const { source, canaryRequests, canaryErrors, servingRequests, servingErrors } = one;
  const canary = `${roundCount(canaryErrors)} of ${roundCount(canaryRequests)} canary requests`;
  return `measured by ${source}: ${canary} and ${roundCount(servingErrors)} of ${roundCount(servingRequests)} of serving failed`;
}

/** One line a check. */
export function formatProof({ proof, requests }: Explanation, paint: Paint): readonly string[] {
  const lines = formatTable(
    proof.map(({ name, verdict, says, at }) => [verdict, name, at === undefined ? says : `${says} (at ${clockOf(Date.parse(at))})`]),
  ).map((line, index) => colourOf(proof[index]?.verdict, paint)(line));
  if (requests === undefined) return lines;
  const enough = requests.have >= requests.needed ? 'enough to pass' : `${requests.needed} required to pass`;
  return [...lines, `${requests.have} canary requests in this stage, ${enough}`];
}

/** One line a gate, and the end of its log where it did not pass. */
function formatGates({ gates = [] }: Explanation, paint: Paint): readonly string[] {
  const lines = formatTable(gates.map(({ name, stage, state, says }) => [state, `gate ${name}`, stage ?? 'promotion', says]));
  return gates.flatMap(({ state, log }, index) => {
    const line = colourOfGate(state, paint)(lines[index] ?? '');
    const shown = log === undefined || state === 'Passed' ? [] : log.split('\n');
    return [line, ...shown.map((text) => paint.dim(`  | ${text}`))];
  });
}

function colourOfGate(state: string, paint: Paint): (text: string) => string {
  if (state === 'Passed') return paint.good;
  return state === 'Failed' || state === 'Unknown' ? paint.bad : (text) => text;
}

function colourOf(verdict: string | undefined, paint: Paint): (text: string) => string {
  if (verdict === 'Pass') return paint.good;
  return verdict === 'Fail' ? paint.bad : (text) => text;
}

function formatHead({ namespace, name, phase, stage, release }: Explanation, now: number): readonly string[] {
  const where = stage === undefined ? '' : `, stage ${stage.number} of ${stage.of}${stage.name === undefined ? '' : ` (${stage.name})`}`;
  const head = `${namespace}/${name}: ${phase}${where}`;
  if (release === undefined) return [head];
  const { id, revision, canary, serving, startedAt, finishedAt, outcome, reason } = release;
  const begun = `started at ${startedAt} (${ago(startedAt, now)})`;
  if (finishedAt === undefined)
    return [head, `release ${id} of revision ${revision}, ${begun}: Service ${canary} is the canary, ${serving} serves`];
  const why = reason === undefined ? '' : ` (${reason})`;
  return [head, `last release ${id} of revision ${revision}, ${begun}, ended ${ago(finishedAt, now)}: ${outcome ?? 'ended'}${why}`];
}

function formatTraffic({ traffic, message, sentinel, deadlines, missing }: Explanation, now: number): readonly string[] {
  const differs = traffic.asked === traffic.routes ? '' : ' (not equal yet)';
  return [
    ...formatTable([
      ['Traffic', `canary weight ${traffic.asked}% wanted, ${traffic.routes}% in the routes${differs}`],
      ...(traffic.measured === undefined ? [] : [['Measured', sayMeasured(traffic.measured, now)]]),
      ['Now', message],
      ...(sentinel === undefined ? [] : [['Sentinel', saySentinel(sentinel)]]),
      ...(missing === undefined ? [] : [['Missing', missing]]),
      ...deadlines.map(({ at, what }, index) => [index === 0 ? 'When' : '', `${clockOf(Date.parse(at))} (${sayIn(at, now)}): ${what}`]),
    ]),
  ];
}

/** `24.6%: 812 of 3,300 requests in the window evaluated 12s ago`. */
export function sayMeasured({ share, canaryRequests, servingRequests, at }: Measured, now: number): string {
  return `${share}: ${roundCount(canaryRequests)} of ${roundCount(canaryRequests + servingRequests)} requests in the window evaluated ${ago(at, now)}`;
}

/** Prometheus may never show what the sentinel saw, so it is shown with its times. */
function saySentinel({ check, from, to, targets, canary, serving }: NonNullable<Explanation['sentinel']>): string {
  const failed = ({ serverErrors, requests }: typeof canary) => `${roundCount(serverErrors)} of ${roundCount(requests)} requests`;
  return `${check} failed: ${failed(canary)} of the canary failed, ${failed(serving)} of serving, counted at ${targets.join(', ')} from ${from} to ${to}`;
}

function formatCommands({ commands }: Explanation, paint: Paint): readonly string[] {
  return commands.flatMap(({ why, command, kubectl }) => [
    `${command}   ${paint.dim(`# ${why}`)}`,
    ...(kubectl === command ? [] : [paint.dim(`  or ${kubectl}`)]),
  ]);
}

function section(title: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : [title, ...lines.map((line) => `  ${line}`)];
}

/** `6m ago`. */
export function ago(time: string, now: number): string {
  return `${sayAge(time, now)} ago`;
}

/** `in 2m10s`. */
export function sayIn(time: string, now: number): string {
  return `in ${sayDuration(Math.max(0, Math.ceil((Date.parse(time) - now) / 1_000) * 1_000))}`;
}

const [MINUTE, HOUR, DAY] = [60_000, 3_600_000, 86_400_000];

/** How long ago, as kubectl writes it: `45s`, `6m`, `3h`, `2d`; `?` for no time. */
export function sayAge(time: string | undefined, now: number): string {
  const ms = Math.max(0, now - Date.parse(time ?? ''));
  if (Number.isNaN(ms)) return '?';
  if (ms < 2 * MINUTE) return `${Math.floor(ms / 1_000)}s`;
  if (ms < 2 * HOUR) return `${Math.floor(ms / MINUTE)}m`;
  return ms < 2 * DAY ? `${Math.floor(ms / HOUR)}h` : `${Math.floor(ms / DAY)}d`;
}

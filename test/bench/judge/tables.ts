// The simulations as Markdown, for the page that explains the judge, and the place in that page where they go.

import { medianOf } from '../figures.ts';
import { JUDGES, type JudgeName } from './judges.ts';
import type { BorderCell, ChangeName } from './latency-borders.ts';
import type { Cell, CellResult, JudgeResult } from './simulate.ts';
import { sharePercentOf } from './summary.ts';

const BEGIN = '<!-- judge-bench:begin -->';
const END = '<!-- judge-bench:end -->';

const TITLES: Readonly<Record<JudgeName, string>> = {
  glidepath: '**Glidepath**',
  flagger: 'Flagger',
  argo: 'Argo Rollouts',
  kayenta: 'Kayenta (Mann-Whitney)',
  peek: 'z-test, peeking',
};

function writePercent(percent: number): string {
  if (percent === 0 || percent >= 99.95) return `${Math.round(percent)} %`;
  return `${percent.toFixed(percent < 10 ? 2 : 1)} %`;
}

function writeResult(result: JudgeResult | undefined, isHealthy: boolean): string {
  if (result === undefined) return '';
  const share = writePercent(sharePercentOf(result));
  if (isHealthy || result.seconds.length === 0) return share;
  const failed = result.failed.length === 0 ? '' : ` · ${Math.round(medianOf(result.failed))}`;
  return `${share} · ${Math.round(medianOf(result.seconds))} s${failed}`;
}

function writeRow(words: readonly string[]): string {
  return `| ${words.join(' | ')} |`;
}

/** What the left columns of a table say of a cell. */
interface Column {
  readonly title: string;
  readonly write: (cell: Cell) => string;
}

const LOOKS: Column = { title: 'interval', write: ({ lookSeconds }) => `${lookSeconds} s` };
const RATE: Column = { title: 'requests/s', write: ({ requestsPerSecond }) => String(requestsPerSecond) };
const WEIGHT: Column = { title: 'weight', write: ({ weightPercent }) => `${weightPercent ?? ''} %` };
const REPLICAS: Column = { title: 'gateway replicas', write: (cell) => (cell.kind === 'scrapes' ? String(cell.replicas) : '') };
const SCRAPES: Column = { title: 'scrape interval', write: (cell) => (cell.kind === 'scrapes' ? `${cell.scrapeSeconds} s` : '') };
const CANARY: Column = { title: 'canary', write: ({ scenario }) => scenario.replaceAll(';', ',') };

function writeTable(title: string, columns: readonly Column[], cells: readonly CellResult[]): string {
  if (cells.length === 0) return '';
  const judges = JUDGES.filter((judge) => cells.some(({ results }) => results.some((result) => result.judge === judge)));
  const head = [...columns.map((column) => column.title), ...judges.map((judge) => TITLES[judge])];
  const rows = cells.map(({ cell, results }) => [
    ...columns.map(({ write }) => write(cell)),
    ...judges.map((judge) =>
      writeResult(
        results.find((result) => result.judge === judge),
        cell.isHealthy && cell.section !== 'latency',
      ),
    ),
  ]);
  return `${[`### ${title}`, '', writeRow(head), writeRow(head.map(() => '---')), ...rows.map(writeRow)].join('\n')}\n`;
}

/** Columns of the table of borders. */
const SLOWER: readonly ChangeName[] = ['x1.5', 'x3', 'x60', 'drift x3; canary x3'];

const HOW = `With one replica of the gateway and scrapes every 15 s. *Worst healthy*: of an equal canary, one beside serving that became three times
as slow before the release, and an incident in which both are three times as slow for two minutes.`;

/** One line for a rate, layout and shape: the worst healthy kind of release, then each slower canary. */
function writeBorders(cells: readonly CellResult[]): string {
  const all = cells.flatMap(({ cell, results: [result] }) => (cell.kind === 'borders' && result !== undefined ? [{ cell, result }] : []));
  const lineOf = ({ requestsPerSecond, layout, shape }: BorderCell) => writeRow([String(requestsPerSecond), layout, shape]).slice(0, -2);
  const lines = [...new Set(all.map(({ cell }) => lineOf(cell)))];
  if (lines.length === 0) return '';
  const rows = lines.map((line) => {
    const own = all.filter(({ cell }) => lineOf(cell) === line);
    const worst = Math.max(...own.filter(({ cell }) => cell.isHealthy).map(({ result }) => sharePercentOf(result)));
    const slower = SLOWER.map((change) => own.find(({ cell }) => cell.change === change));
    const words = slower.map((one) => (one?.cell.isVisible === false ? 'hidden by its bucket' : writeResult(one?.result, false)));
    return `${line} | ${writePercent(worst)} | ${words.join(' | ')} |`;
  });
  const head = ['requests/s', 'buckets', 'serving', 'worst healthy', ...SLOWER.map((change) => change.replaceAll(';', ','))];
  const title =
    '### Latency through the buckets of three sources at 5 % weight: rolled back within 30 minutes · median time after the warm-up';
  return `${[title, '', HOW, '', writeRow(head), writeRow(head.map(() => '---')), ...rows].join('\n')}\n`;
}

/** All tables. Of the detection at a constant weight only the smallest weight, the hardest one, is shown. */
export function writeTables(cells: readonly CellResult[], runs: number, seed: number): string {
  const pick = (section: Cell['section'], isHealthy?: boolean): readonly CellResult[] =>
    cells.filter(({ cell }) => cell.section === section && (isHealthy === undefined || cell.isHealthy === isHealthy));
  const detection = pick('constant-weight', false).filter(({ cell }) => cell.weightPercent === 5);
  const tables = [
    writeTable('Healthy canaries that are rolled back within 30 minutes', [LOOKS, RATE, WEIGHT], pick('constant-weight', true)),
    writeTable(
      'Bad canaries at 5 % weight: found within 30 minutes · median time · failed requests until then',
      [LOOKS, CANARY, RATE],
      detection,
    ),
    writeTable('Healthy canaries that are rolled back in a release of 5, 10, 25, 50 %', [CANARY, RATE], pick('whole-release', true)),
    writeTable('Bad canaries in such a release: found · median time · failed requests', [CANARY, RATE], pick('whole-release', false)),
    writeTable('Changed latency at 10 % weight: rolled back within 30 minutes · median time', [CANARY, RATE], pick('latency')),
    writeBorders(cells),
    writeTable(
      'Healthy canaries that are rolled back in a release of 5, 10, 25, 50 %, by replicas of the gateway and scrapes',
      [REPLICAS, SCRAPES, RATE, CANARY],
      pick('scrapes', true),
    ),
    writeTable(
      'Bad canaries at 5 % weight, by replicas of the gateway and scrapes: found within 15 minutes · median time · failed requests',
      [REPLICAS, SCRAPES, RATE, CANARY],
      pick('scrapes', false),
    ),
  ];
  const source = `Simulated, ${runs.toLocaleString('en-US')} releases a cell (seed ${seed}); \`npm run -s bench -- judge --write\` renews these tables.\n`;
  return [source, ...tables.filter((table) => table !== '')].join('\n');
}

/** Puts tables between the markers of a page. @throws RangeError where the page has no markers */
export function replaceTables(page: string, tables: string): string {
  const [from, to] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (from < 0 || to < from) throw new RangeError(`the page needs ${BEGIN} and, below it, ${END}`);
  return `${page.slice(0, from + BEGIN.length)}\n\n${tables}\n${page.slice(to)}`;
}

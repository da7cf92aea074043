// The simulations as Markdown, for the page that explains the judge, and the place in that page where they go.

import { medianOf } from '../figures.ts';
import { JUDGES, type JudgeName } from './judges.ts';
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

// The benchmark of the judges: simulates releases of known quality and counts what Glidepath and others make of them.

import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { printFigure } from '../figures.ts';
import { measureCost } from './cost.ts';
import { measureDelays } from './delays.ts';
import { JUDGES } from './judges.ts';
import { planBorders } from './latency-borders.ts';
import { planLatencies } from './latency.ts';
import { measureLowTraffic } from './low-traffic.ts';
import { simulateCells } from './pool.ts';
import { countReferences, findDeviations, readReferences, REFERENCES, renewReferences } from './references.ts';
import { planConstantWeights, planWholeReleases } from './scenarios.ts';
import { planScrapes } from './scrapes.ts';
import type { Cell, CellResult } from './simulate.ts';
import { describeCells, sumBorders, sumDetection, sumFalseRollbacks, sumScrapes, type Figure } from './summary.ts';
import { replaceTables, writeTables } from './tables.ts';

const USAGE = `Simulates releases and compares canary judges: who rolls healthy ones back, who finds bad ones, and how soon.

usage: npm run -s bench -- judge [options]

  --runs 2000     simulated releases of each cell
  --quick         200 of them, for a first look
  --seed 1        the same seed gives the same figures
  --only NAME     constant-weight, whole-release, latency, latency-borders (a part of it), scrapes, delays,
                  low-traffic or cost
  --markdown      prints tables instead of JSON
  --write         puts the tables between the markers of docs/judging.md, and Glidepath's figures into reference.csv
`;

const PLANS = {
  'constant-weight': planConstantWeights,
  'whole-release': planWholeReleases,
  latency: () => [...planLatencies(), ...planBorders()],
  'latency-borders': planBorders,
  scrapes: planScrapes,
} as const;
/** Every cell once. */
const ALL = ['constant-weight', 'whole-release', 'latency', 'scrapes'] as const;
const PAGE = fileURLToPath(new URL('../../../docs/judging.md', import.meta.url));
const PEERS = JUDGES.filter((judge) => judge !== 'glidepath');

/** Parts that are no cells of the tables. */
const OTHERS = ['cost', 'delays', 'low-traffic'] as const;
type Other = (typeof OTHERS)[number];

function isOther(part: string | undefined): part is Other {
  return OTHERS.some((other) => other === part);
}

interface Options {
  readonly runs: number;
  readonly seed: number;
  readonly only: keyof typeof PLANS | Other | undefined;
  readonly isMarkdown: boolean;
  readonly isWritten: boolean;
}

function readNumber(text: string, most: number): number {
  if (!/^\d{1,10}$/.test(text) || Number(text) > most) throw new TypeError(`not a number up to ${most}: ${text}`);
  return Number(text);
}

/** @throws TypeError for words that are no options */
function readOptions(words: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...words],
    options: {
      runs: { type: 'string', default: '2000' },
      quick: { type: 'boolean', default: false },
      seed: { type: 'string', default: '1' },
      only: { type: 'string' },
      markdown: { type: 'boolean', default: false },
      write: { type: 'boolean', default: false },
    },
  });
  const { only } = values;
  if (only !== undefined && !isOther(only) && !Object.hasOwn(PLANS, only)) throw new TypeError(`no such part: ${only}`);
  const runs = values.quick ? 200 : readNumber(values.runs, 1_000_000);
  if (runs === 0) throw new TypeError('no runs, no figures');
  if (values.write && only !== undefined) throw new TypeError('--write needs all parts, not --only one');
  const part = only as Options['only'];
  return { runs, seed: readNumber(values.seed, 0xffffffff), only: part, isMarkdown: values.markdown, isWritten: values.write };
}

function tell(text: string): void {
  process.stderr.write(`${text}\n`);
}

function planCells(only: Options['only']): readonly Cell[] {
  if (isOther(only)) return [];
  return only === undefined ? ALL.flatMap((part): readonly Cell[] => PLANS[part]()) : PLANS[only]();
}

/** Figures of how well the peers' known rates, and the judge's own of the tables, are met. */
function checkReferences(cells: readonly CellResult[]): readonly Figure[] {
  const table = readReferences();
  const deviations = findDeviations(cells, table);
  for (const { cell, judge, found, expected } of deviations) tell(`${judge} in ${cell}: ${found}, expected ${expected}`);
  const own = deviations.filter(({ judge }) => judge === 'glidepath').length;
  return [
    { name: 'judge-peer-deviations', value: deviations.length - own, unit: 'cells' },
    { name: 'judge-peer-cells', value: countReferences(cells, table, PEERS), unit: 'cells' },
    { name: 'judge-own-deviations', value: own, unit: 'cells' },
    { name: 'judge-own-cells', value: countReferences(cells, table, ['glidepath']), unit: 'cells' },
  ];
}

function printFigures(cells: readonly CellResult[], only: Options['only']): void {
  const cost = only === undefined || only === 'cost' ? measureCost() : [];
  const figures =
    cells.length === 0
      ? cost
      : [
          ...sumFalseRollbacks(cells),
          ...sumDetection(cells),
          ...sumBorders(cells),
          ...sumScrapes(cells),
          ...checkReferences(cells),
          ...cost,
        ];
  for (const { name, value, unit } of figures) printFigure(name, value, unit);
  for (const line of describeCells(cells)) process.stdout.write(`${JSON.stringify(line)}\n`);
}

/** Runs the benchmark. @returns the exit code */
export async function runJudge(words: readonly string[]): Promise<number> {
  let options: Options;
  try {
    options = readOptions(words);
    // A page without a place for the tables is better told before the minutes of the simulation than after.
    if (options.isWritten) replaceTables(readFileSync(PAGE, 'utf8'), '');
  } catch (error) {
    if (!(error instanceof TypeError || error instanceof RangeError)) throw error;
    tell(`${error.message}\n\n${USAGE}`);
    return 2;
  }
  const { runs, seed, only, isMarkdown, isWritten } = options;
  if (only === 'low-traffic' || only === 'delays') {
    const lines = only === 'delays' ? await measureDelays(tell) : measureLowTraffic({ runs, seed, tell });
    for (const line of lines) process.stdout.write(`${JSON.stringify(line)}\n`);
    return 0;
  }
  const cells = await simulateCells(planCells(only), { runs, seed, tell });
  if (isWritten) {
    writeFileSync(PAGE, replaceTables(readFileSync(PAGE, 'utf8'), writeTables(cells, runs, seed)));
    writeFileSync(REFERENCES, renewReferences(readFileSync(REFERENCES, 'utf8'), cells));
  } else if (isMarkdown) process.stdout.write(writeTables(cells, runs, seed));
  if (!isMarkdown) printFigures(cells, only);
  return 0;
}

// Draws a release while it runs: in place on a terminal, else one line for each thing that happens.

import { styleText } from 'node:util';
import type { ReleaseStatus } from '../bench/shop.ts';
import { isBad, type LoadRecord, summarise, within } from '../lab/load.ts';

const BAR_WIDTH = 40;
const RECENT_MS = 3_000;
const RECENT_RECORDS = 400;
const DRAW_MS = 200;

type Colour = 'bold' | 'dim' | 'green' | 'red' | 'yellow' | 'cyan';

/** Text in colour where standard output is a terminal that wants it. */
export function paint(colour: Colour, text: string): string {
  return styleText(colour, text, { stream: process.stdout });
}

/** What a picture is made of. */
export interface Scene {
  readonly title: string;
  /** The version that is shipped. */
  readonly version: string;
  readonly status: ReleaseStatus;
  /** What the route gives to that version, in percent. */
  readonly share: number;
  readonly records: readonly LoadRecord[];
  readonly fromMs: number;
  readonly nowMs: number;
}

function drawBar(percent: number, colour: Colour): string {
  const full = Math.round((percent / 100) * BAR_WIDTH);
  return `${paint(colour, '█'.repeat(full))}${'░'.repeat(BAR_WIDTH - full)}`;
}

function describeShares(records: readonly LoadRecord[]): string {
  const { shareByVersion } = summarise(records);
  const shares = Object.entries(shareByVersion).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return shares.map(([version, share]) => `${version} ${(share * 100).toFixed(0)}%`).join('  ') || 'no answers yet';
}

function colourOf(phase: string): Colour {
  if (phase === 'Promoted') return 'green';
  if (phase === 'RolledBack' || phase === 'RollingBack' || phase === 'Blocked') return 'red';
  return 'cyan';
}

/** The picture as lines of at most `width` characters, colours apart. */
export function drawScene(scene: Scene, width: number): readonly string[] {
  const { title, version, status, share, nowMs } = scene;
  const { phase = 'Waiting', progress = '-', message = '' } = status;
  const recent = within(scene.records.slice(-RECENT_RECORDS), nowMs - RECENT_MS, nowMs);
  const all = within(scene.records, scene.fromMs, nowMs);
  const bad = all.filter(isBad).length;
  const seconds = ((nowMs - scene.fromMs) / 1_000).toFixed(0);
  const measured = (summarise(recent).shareByVersion[version] ?? 0) * 100;
  return [
    `${paint('bold', title)}  ${paint('dim', `${seconds} s`)}`,
    `  phase     ${paint(colourOf(phase), phase.padEnd(18))} stage ${progress}`,
    `  route     ${drawBar(share, 'cyan')} ${share.toFixed(0)}% for ${version}`,
    `  measured  ${drawBar(measured, 'green')} ${describeShares(recent)}`,
    `  answers   ${all.length}, ${paint(bad === 0 ? 'green' : 'red', `${bad} bad`)}`,
    `  ${paint('dim', message.slice(0, Math.max(0, width - 2)))}`,
  ];
}

/** One line for each change, for logs. */
function describeChange({ version, status, share, records, nowMs }: Scene): string {
  const { phase = 'Waiting', progress = '-', message = '' } = status;
  const recent = within(records.slice(-RECENT_RECORDS), nowMs - RECENT_MS, nowMs);
  return `  ${phase.padEnd(12)} stage ${progress}  ${version} ${share.toFixed(0).padStart(3)}%  measured ${describeShares(recent)}  ${message}`;
}

/** Shows scenes until it is closed. */
export class LiveView {
  readonly #read: () => Scene;
  readonly #timer: NodeJS.Timeout;
  readonly #inPlace = process.stdout.isTTY === true;
  #height = 0;
  #told = '';

  constructor(read: () => Scene) {
    this.#read = read;
    if (!this.#inPlace) process.stdout.write(`${read().title}\n`);
    this.#timer = setInterval(() => this.#draw(), DRAW_MS);
  }

  /** Draws the last scene and leaves it there. */
  close(): void {
    clearInterval(this.#timer);
    this.#draw();
    process.stdout.write('\n');
  }

  #draw(): void {
    const scene = this.#read();
    if (!this.#inPlace) {
      this.#tell(scene);
      return;
    }
    const lines = drawScene(scene, process.stdout.columns || 80);
    const up = this.#height === 0 ? '' : `\x1b[${this.#height}A`;
    process.stdout.write(`${up}${lines.map((line) => `\x1b[2K${line}\n`).join('')}`);
    this.#height = lines.length;
  }

  #tell(scene: Scene): void {
    const { phase, progress } = scene.status;
    const told = JSON.stringify([phase, progress, scene.share]);
    if (told === this.#told) return;
    this.#told = told;
    process.stdout.write(`${describeChange(scene)}\n`);
  }
}

// Draws a plan as a self-contained SVG: the weight of the typical run as a step line, the band that four of five runs stay in,
// and the stages by name. Readable on light and dark ground.

import { sayDuration } from '../values.ts';
import { tickTimes } from './chart.ts';
import type { Plan } from './plan.ts';
import type { WeightStep } from './run-result.ts';
import type { BandPoint } from './timeline.ts';

const WIDTH = 900;
const HEIGHT = 360;
const LEFT = 56;
const RIGHT = 20;
const TOP = 64;
const BOTTOM = 48;

const STYLE = `text{font:13px system-ui,sans-serif;fill:#1f2937}.small{font-size:11px;fill:#6b7280}.title{font-size:16px;font-weight:600}
.grid{stroke:#d1d5db;stroke-width:1}.band{fill:#3b82f6;fill-opacity:.18}.line{fill:none;stroke:#2563eb;stroke-width:2.5}.bad{fill:#dc2626}.good{fill:#16a34a}.ask{fill:#d97706}
@media (prefers-color-scheme:dark){svg{background:#111827}text{fill:#e5e7eb}.small{fill:#9ca3af}.grid{stroke:#374151}.line{stroke:#60a5fa}}`;

/** The whole drawing. */
export function drawSvg(plan: Plan, title: string, subtitle: string): string {
  const x = (atMs: number): number => round(LEFT + (atMs / plan.untilMs) * (WIDTH - LEFT - RIGHT));
  const y = (weight: number): number => round(TOP + (1 - weight / 100) * (HEIGHT - TOP - BOTTOM));
  const end = plan.typical.steps.at(-1)?.weight ?? 0;
  const mark = { promoted: 'good', completed: 'good', rolledBack: 'bad', asked: 'ask', blocked: 'bad', unfinished: 'ask' }[
    plan.typical.ending
  ];
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escapeXml(title)}: ${escapeXml(subtitle)}">`,
    `<style>${STYLE}</style>`,
    `<text class="title" x="${LEFT}" y="24">${escapeXml(title)}</text><text class="small" x="${LEFT}" y="42">${escapeXml(subtitle)}</text>`,
    ...[0, 25, 50, 75, 100].map(
      (weight) =>
        `<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y(weight)}" y2="${y(weight)}"/><text class="small" text-anchor="end" x="${LEFT - 8}" y="${y(weight) + 4}">${weight}%</text>`,
    ),
    ...tickTimes(plan.untilMs, 10).map(
      (atMs) => `<text class="small" text-anchor="middle" x="${x(atMs)}" y="${HEIGHT - BOTTOM + 18}">${sayDuration(atMs)}</text>`,
    ),
    `<path class="band" d="${bandPath(plan.band, x, y)}"/>`,
    `<path class="line" d="${linePath(plan.typical.steps, plan.untilMs, x, y)}"/>`,
    `<circle class="${mark}" cx="${x(plan.typical.atMs)}" cy="${y(end)}" r="5"/>`,
    ...plan.stages.flatMap(({ atMs, label }) =>
      atMs === undefined ? [] : [`<text class="small" x="${x(atMs) + 4}" y="${y(weightOf(plan, atMs)) - 6}">${escapeXml(label)}</text>`],
    ),
    `<text class="small" x="${LEFT}" y="${HEIGHT - 10}">line: the typical run; band: four of five of ${plan.summary.runs} simulated runs</text>`,
    '</svg>',
    '',
  ].join('\n');
}

function weightOf({ typical }: Plan, atMs: number): number {
  return typical.steps.findLast((step) => step.atMs <= atMs)?.weight ?? 0;
}

type Scale = (value: number) => number;

function linePath(steps: readonly WeightStep[], untilMs: number, x: Scale, y: Scale): string {
  const parts = steps.map(({ atMs, weight }) => `H${x(atMs)}V${y(weight)}`);
  return `M${x(0)} ${y(0)}${parts.join('')}H${x(untilMs)}`;
}

function bandPath(band: readonly BandPoint[], x: Scale, y: Scale): string {
  // Points on a level stretch say nothing.
  const corners = band.filter((point, index) => {
    const [before, after] = [band[index - 1], band[index + 1]];
    const isLevel = (other: BandPoint | undefined) => other !== undefined && other.low === point.low && other.high === point.high;
    return !isLevel(before) || !isLevel(after);
  });
  const upper = corners.map(({ atMs, high }, index) => `${index === 0 ? 'M' : 'L'}${x(atMs)} ${y(high)}`);
  const lower = corners.toReversed().map(({ atMs, low }) => `L${x(atMs)} ${y(low)}`);
  return `${[...upper, ...lower].join('')}Z`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}

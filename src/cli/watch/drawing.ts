// The output of `watch`: at a terminal the whole release, redrawn in place; elsewhere one plain line for each change.

import type { ReleaseStatus } from '../../api/release.ts';
import { isPromoting, isRunning, parseState, placeOf, type StateName } from '../../core/release/state.ts';
import { clockOf } from '../../api/times.ts';
import type { SeenRelease } from '../cluster/releases.ts';
import type { Paint } from '../plan/chart.ts';
import { sayDuration } from '../values.ts';
import type { Explanation } from '../explain/explain.ts';
import { sayAge, sayIn, sayMeasured } from '../explain/text.ts';

const BAR_CELLS = 40;

/** What must change for another line of a log. */
export function keyOf({ status }: SeenRelease): string {
  const { phase, progress, weight, observedWeight, verdict, release, message } = status;
  const gates = (release?.gates ?? []).map(({ name, state }) => [name, state]);
  const why = phase === 'Blocked' || phase === 'Paused' || phase === 'RolledBack' ? message : '';
  return JSON.stringify([release?.id, phase, progress, weight, observedWeight, verdict, why, gates]);
}

/** `12:00:40Z Analyzing 1/3, weight 5%, routes 5%, measured 4.9%, Pass: …`. */
export function formatLine({ status }: SeenRelease, now: number): string {
  const { phase = 'Unknown', progress = '', weight = 0, observedWeight = 0, measured, verdict, message = '' } = status;
  const counted = measured === undefined ? '' : `, measured ${measured.share}`;
  const judged = verdict === undefined ? '' : `, ${verdict}`;
  return `${clockOf(now)} ${phase} ${progress}, weight ${weight}%, routes ${observedWeight}%${counted}${judged}: ${message}\n`;
}

type Line = readonly [text: string, colour?: keyof Paint];

/** The lines of the drawing, none longer than the terminal is wide. */
export function drawRelease(
  release: SeenRelease,
  explanation: Explanation,
  paint: Paint,
  view: { now: number; columns: number },
): readonly string[] {
  const { now, columns } = view;
  const lines: readonly Line[] = [
    drawHead(explanation, now),
    [''],
    ...drawStages(release, now),
    [''],
    ...drawTraffic(explanation, now),
    ...explanation.proof.map(
      ({ name, verdict, says }): Line =>
        [`  ${name.padEnd(10)} ${verdict}: ${says}`, verdict === 'Pass' ? 'good' : verdict === 'Fail' ? 'bad' : undefined] as Line,
    ),
    ...(explanation.gates ?? []).map(drawGate),
    [''],
    [`  now        ${explanation.message}`],
    ...(explanation.missing === undefined ? [] : [[`  missing    ${explanation.missing}`] as const]),
    ...explanation.deadlines
      .slice(0, 2)
      .map(
        ({ at, what }, index): Line => [`  ${index === 0 ? 'then' : '    '}       ${clockOf(Date.parse(at))} (${sayIn(at, now)}): ${what}`],
      ),
    ...explanation.notFine.map(({ type, message }): Line => [`  ${type}: ${message}`, 'bad']),
    ...explanation.commands.map(({ command, why }): Line => [`  $ ${command}   # ${why}`, 'dim']),
  ];
  return lines.flatMap(([text, colour]) => wrap(text, columns).map((line) => (colour === undefined ? line : paint[colour](line))));
}

function drawGate({ name, state, says }: NonNullable<Explanation['gates']>[number]): Line {
  const text = `  gate ${name.padEnd(5)} ${state}: ${says}`;
  if (state === 'Passed') return [text, 'good'];
  return state === 'Failed' || state === 'Unknown' ? [text, 'bad'] : [text];
}

/** Where the texts begin behind their labels. */
const INDENT = ' '.repeat(13);

/** Lines no longer than the terminal is wide, so that their number on the screen is known. */
function wrap(text: string, columns: number): readonly string[] {
  const width = Math.max(INDENT.length + 10, columns);
  if (text.length <= width) return [text];
  const room = text.lastIndexOf(' ', width);
  const at = room > INDENT.length ? room : width;
  return [text.slice(0, at), ...wrap(`${INDENT}${text.slice(at).trimStart()}`, columns)];
}

function drawHead({ namespace, name, phase, release }: Explanation, now: number): Line {
  const attempt =
    release === undefined
      ? 'no release yet'
      : `release ${release.id} of revision ${release.revision}, started ${sayAge(release.startedAt, now)} ago`;
  return [`${namespace}/${name}: ${phase}, ${attempt}, ${clockOf(now)}`];
}

function drawStages({ spec, status }: SeenRelease, now: number): readonly Line[] {
  if (spec === undefined) return [];
  const state = parseState(status.state);
  const place = state === undefined ? undefined : placeOf(state, status.release);
  const present = presentStep(status.release, place, spec.stages.length);
  const stages = spec.stages.map(({ weight, duration, name, approval }, index): Line => {
    const label = `${index + 1}${name === undefined ? '' : ` ${name}`}`;
    const served = index === present ? sayServed(status.release?.stageStartedAt, now) : '';
    return drawStep(index, present, `${label.padEnd(14)} ${`${weight}%`.padStart(4)}  ${duration}${sayApproval(approval)}${served}`);
  });
  const baking = place === 'promoting.baking' ? ', baking: the previous version is kept' : '';
  return [...stages, drawStep(stages.length, present, `promotion${sayApproval(spec.promotion.approval)}${baking}`)];
}

/** Index of the step that a release is in, the promotion being the one behind all stages; -1 before the first. */
function presentStep(release: ReleaseStatus | undefined, place: StateName | undefined, stages: number): number {
  if (place === 'promoted') return stages + 1;
  if (place !== undefined && isPromoting(place)) return stages;
  const isInStage = place === undefined || (place !== 'preparing' && isRunning(place));
  return release !== undefined && isInStage ? (release.stageIndex ?? 0) : -1;
}

/** Steps that are done are good news. */
function drawStep(index: number, present: number, text: string): Line {
  if (index < present) return [`  ✔ ${text}`, 'good'];
  return [`  ${index === present ? '▶' : '·'} ${text}`];
}

function sayApproval(approval: 'Automatic' | 'Required'): string {
  return approval === 'Required' ? ', needs approval' : '';
}

function sayServed(since: string | undefined, now: number): string {
  return since === undefined ? '' : `, for ${sayDuration(Math.max(0, Math.floor((now - Date.parse(since)) / 1_000) * 1_000))}`;
}

function drawTraffic({ traffic: { asked, routes, measured } }: Explanation, now: number): readonly Line[] {
  const bar = (percent: number): string => {
    const full = Math.min(BAR_CELLS, Math.round((percent / 100) * BAR_CELLS));
    return `${'█'.repeat(full)}${'░'.repeat(BAR_CELLS - full)}`;
  };
  return [
    [`  wanted     ${bar(asked)} ${asked}%`],
    [`  in routes  ${bar(routes)} ${routes}%`],
    ...(measured === undefined ? [] : [[`  measured   ${bar(Number.parseFloat(measured.share))} ${sayMeasured(measured, now)}`] as const]),
  ];
}

// What the requests of a probe say of the gateway. Pure: records in, lines out.

import { doubt, fail, fine, type Finding } from '../finding.ts';
import type { Version } from './objects.ts';
import type { ProbeRecord } from './server.ts';

/** How far a share may be from what was asked for, in standard deviations. */
const SIGMAS = 3;
/** What Envoy Gateway needs, and what it is for. */
const TOGETHER = 'see docs/decisions/0028-gateways-that-forget-backends.md; for Envoy Gateway apply config/gateways/envoy-gateway';

export function countOf(records: readonly ProbeRecord[], version: Version): number {
  return records.filter(([, from]) => from === version).length;
}

/** No backend of the probe answered, or one did with an error. */
export function lostOf(records: readonly ProbeRecord[]): readonly ProbeRecord[] {
  return records.filter(([, version, status]) => version === '' || status >= 500);
}

/** Nothing was seen, which is not fine. */
function unseen(check: string): Finding {
  return fail(
    check,
    'no request was answered by a backend of the probe',
    'run the command again; if this stays so, see the status of the Gateway',
  );
}

/** One standard deviation of a share among so many requests, in percent. */
function sigmaOf(percent: number, count: number): number {
  return 100 * Math.sqrt(((percent / 100) * (1 - percent / 100)) / Math.max(1, count));
}

/** The canary's share against its weight. @param percent weight of the canary. @param asked what the records are of */
export function judgeSplit(records: readonly ProbeRecord[], percent: number, asked: 'requests' | 'calls' = 'requests'): Finding {
  const [answers, count] = [countOf(records, 'a') + countOf(records, 'b'), countOf(records, 'b')];
  const check = `split at ${percent}%`;
  if (answers === 0) return unseen(check);
  const share = (100 * count) / answers;
  const sigma = sigmaOf(percent, answers);
  const [least, most] = [Math.max(0, percent - SIGMAS * sigma), percent + SIGMAS * sigma];
  const says = `${share.toFixed(1)}% of ${answers} ${asked} (${least.toFixed(1)}% to ${most.toFixed(1)}% expected)`;
  if (share >= least && share <= most) return fine(check, says);
  return fail(check, says, 'see whether the gateway supports weights in backendRefs; without them no release can shift traffic');
}

/** A weight of 0 has to be nothing. */
export function judgeZero(records: readonly ProbeRecord[]): Finding {
  const count = countOf(records, 'b');
  if (count + countOf(records, 'a') === 0) return unseen('weight 0');
  const says = `${count} of ${records.length} requests went to the backend of weight 0`;
  return count === 0 ? fine('weight 0', says) : fail('weight 0', says, 'a release on this gateway cannot take all traffic from a canary');
}

/** How long a change of weights took until the first new and the last old answer. @param changedMs just before it was written */
export function judgeChange(records: readonly ProbeRecord[], changedMs: number, to: Version): Finding {
  const since = records.filter(([sentMs]) => sentMs >= changedMs);
  const first = since.find(([, version]) => version === to);
  const last = since.findLast(([, version]) => version !== to && version !== '');
  const after = (record: ProbeRecord | undefined) =>
    record === undefined ? 'at once' : `after ${((record[0] - changedMs) / 1_000).toFixed(2)} s`;
  return fine(`change of weights, ${to === 'b' ? 'up' : 'down'}`, `first new answer ${after(first)}, last old answer ${after(last)}`);
}

/** Requests with the header of a cohort go to the canary alone, and no others do. */
export function judgeHeader(withHeader: readonly ProbeRecord[], without: readonly ProbeRecord[]): Finding {
  const [right, wrong] = [countOf(withHeader, 'b'), countOf(without, 'b')];
  const says = `${right} of ${withHeader.length} requests with the header and ${wrong} of ${without.length} without it went to the canary`;
  if (withHeader.length > 0 && right === withHeader.length && wrong === 0) return fine('cohort by header', says);
  return doubt('cohort by header', `${says}: do not use stages[].cohort on this gateway`);
}

/** Copies that reached the canary. @param copies undefined: the route was not accepted with the filter */
export function judgeMirror(copies: number | undefined, records: readonly ProbeRecord[], percent: number): Finding {
  const check = `mirror of ${percent}%`;
  if (copies === undefined) return doubt(check, 'the route was not accepted with a RequestMirror filter that has a percentage');
  const [sent, lost] = [records.length, lostOf(records).length];
  const says = `${copies} copies of ${sent} requests`;
  if (lost > 0) return doubt(check, `${says}, and ${lost} of the requests were lost: the gateway does not serve routes with this filter`);
  if (copies === 0) return doubt(check, `${says}: the gateway does not mirror`);
  const share = (100 * copies) / Math.max(1, sent);
  return share > 2 * percent ? doubt(check, `${says}: the gateway does not honour the percentage`) : fine(check, says);
}

/** What calls through a GRPCRoute say: whether they are answered, and by whom. @param calls a text: why there are none */
export function judgeGrpc(calls: readonly ProbeRecord[] | string, percent: number): Finding {
  const check = `gRPC split at ${percent}%`;
  if (typeof calls === 'string') return doubt(check, `not asked: ${calls}`);
  const answered = calls.filter(([, version, status]) => version !== '' && status === 200);
  if (answered.length === 0) return doubt(check, 'no call was answered: do not release a GRPCRoute on this listener');
  const split = judgeSplit(answered, percent, 'calls');
  const failed = calls.length - answered.length;
  const says = `${split.says}, ${failed} failed`;
  return split.level === 'ok' && failed === 0 ? fine(check, says) : doubt(check, says);
}

/** The canary lost its last pod: its own requests may be lost until a release takes them back, those of the serving version must not. */
export function judgeEmpty(records: readonly ProbeRecord[], percent: number): Finding {
  const lost = lostOf(records).length;
  if (lost === records.length) return unseen('empty canary');
  const share = (100 * lost) / records.length;
  const says = `${lost} of ${records.length} requests were lost after a canary with ${percent}% lost its last pod`;
  if (share <= percent + SIGMAS * sigmaOf(percent, records.length)) return fine('empty canary', says);
  return fail('empty canary', `${says}: it takes the serving version with it`, TOGETHER);
}

/** Requests that were lost around the writes of the route. */
export function judgeLosses(records: readonly ProbeRecord[], writes: number): Finding {
  const lost = lostOf(records);
  if (lost.length === records.length) return unseen('lost requests');
  const statuses = [...new Set(lost.map(([, , status]) => (status === 0 ? 'no answer' : String(status))))].join(', ');
  const says = `${lost.length} of ${records.length} requests were lost over ${writes} writes of the route`;
  if (lost.length === 0) return fine('lost requests', says);
  return fail('lost requests', `${says} (${statuses})`, TOGETHER);
}

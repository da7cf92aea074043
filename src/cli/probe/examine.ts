// The questions of a probe, one after the other, each with real requests.

import { forgetsBackends } from '../../core/routing/gateway-facts.ts';
import { AUTO } from '../../sources/catalogue.ts';
import { chooseSources, nameSources } from '../../sources/choice.ts';
import { trimRoute } from '../../adapters/kubernetes/routes/routes.ts';
import { fieldsOf, listOf, textOf } from '../../adapters/kubernetes/client/fields.ts';
import { GATEWAY_GROUP } from '../../api/routes.ts';
import type { ClusterLink } from '../cluster/link.ts';
import { findControllers } from '../cluster/routes.ts';
import { doubt, fail, fine, type Finding } from '../finding.ts';
import { countOf, judgeChange, judgeEmpty, judgeGrpc, judgeHeader, judgeLosses, judgeMirror, judgeSplit, judgeZero } from './judge.ts';
import { COHORT_HEADER, headerRule, mirrorFilter, type Version, type Weights, weightedRule } from './objects.ts';
import type { ProbeRecord } from './server.ts';
import type { ProbeSession } from './session.ts';

const SPLITS = [50, 10, 1];
const MIRROR_PERCENT = 10;
const EMPTY_PERCENT = 5;
/** So many answers in a row say that a change has taken effect. */
const ENOUGH = 30;
/** After the first answer of a new weight every part of the gateway has it. */
const SETTLE_MS = 3_000;
const HEADER_REQUESTS = 100;
const GRPC_CALLS = 200;
const GRPC_WEIGHTS: Weights = { a: 80, b: 20 };
const SERVING: Weights = { a: 1, b: 0 };
/** As a release does on gateways that drop a backend of weight 0: it comes with the least weight, and goes over it. */
const INTRODUCED: Weights = { a: 9_999, b: 1 };
const RESIDUAL: Readonly<Record<Version, Weights>> = { a: { a: 999_999, b: 1 }, b: { a: 1, b: 999_999 } };

const COUNTED_APART =
  'this gateway counts the backends of a rule apart only with the policy of config/gateways/envoy-gateway or with mergeBackends; without it no release begins';

/** How many requests each question is asked with, and where progress is reported. */
export interface Examination {
  readonly requests: number;
  readonly tell: (text: string) => void;
}

/** Asks everything. @param session open, with its route as it was created */
export async function examine(session: ProbeSession, link: ClusterLink, { requests, tell }: Examination): Promise<readonly Finding[]> {
  tell('waiting for the first answer through the gateway');
  await session.send();
  const reached = await reach(session);
  if (reached.level === 'FAIL') return [reached];
  const startedMs = await session.clock();
  const source = await findSource(session, link);
  tell('changing all weights, there and back');
  await settle(session, INTRODUCED, SETTLE_MS);
  const [there, settleMs] = await flip(session, 'b');
  const [back] = await flip(session, 'a');
  tell('weight 0');
  await settle(session, SERVING, settleMs);
  const zero = judgeZero(await session.collect(requests));
  const splits: Finding[] = [];
  await settle(session, INTRODUCED, settleMs);
  for (const percent of SPLITS) {
    tell(`split at ${percent}%`);
    splits.push(await split(session, percent, requests, settleMs));
  }
  await flip(session, 'a');
  await settle(session, SERVING, settleMs);
  const losses = judgeLosses((await session.read(startedMs)).records, session.writes);
  tell('a rule by header');
  const header = await askHeader(session);
  tell('a mirror');
  const mirror = await askMirror(session, requests);
  tell('gRPC calls');
  const grpc = judgeGrpc(await session.call(GRPC_WEIGHTS, GRPC_CALLS), GRPC_WEIGHTS.b);
  tell('a canary without pods');
  const empty = await askEmpty(session, requests);
  return [reached, ...source, there, back, zero, ...splits, losses, header, mirror, grpc, empty];
}

async function reach(session: ProbeSession): Promise<Finding> {
  try {
    await session.until('answer through the gateway', async () => {
      const { records } = await session.read(0);
      return countOf(records, 'a') > 0 ? true : await describeSilence(session, records);
    });
    return fine('gateway', 'requests reach the backends of a new route');
  } catch (thrown) {
    const says = thrown instanceof Error ? thrown.message : String(thrown);
    return fail(
      'gateway',
      says,
      'see the status of the Gateway and of its listeners; where its address is not for pods of the cluster, set --address',
    );
  }
}

/** Why no answer comes: what the route's status says, else what came instead of an answer. */
async function describeSilence(session: ProbeSession, records: readonly ProbeRecord[]): Promise<string> {
  const problems = conditionsOf(await session.route()).filter(({ status }) => status === 'False');
  const [problem] = problems;
  if (problem !== undefined) return `the route has ${textOf(problem['type'])}=False: ${textOf(problem['message']) ?? ''}`;
  const last = records.at(-1);
  return last === undefined || last[2] === 0 ? 'the address of the Gateway does not answer' : `the gateway answers with ${last[2]}`;
}

function conditionsOf(route: unknown) {
  const parents = listOf(fieldsOf(fieldsOf(route)['status'])['parents']).map(fieldsOf);
  return parents.flatMap((parent) => listOf(parent['conditions']).map(fieldsOf));
}

async function findSource(session: ProbeSession, link: ClusterLink): Promise<readonly Finding[]> {
  const route = trimRoute('HTTPRoute', `${GATEWAY_GROUP}/v1`, await session.route());
  const controllers = await findControllers(link, route);
  const choice = chooseSources(AUTO, [{ kind: 'HTTPRoute', name: route.metadata.name, controllers }]);
  if (!choice.ok) return [doubt('metrics source', choice.message)];
  const hazards = choice.hazards.map(({ message }) => doubt('metrics source', message));
  if (forgetsBackends(route)) hazards.push(doubt('metrics source', COUNTED_APART, 'kubectl canary doctor   # once there is a release'));
  return [
    fine('metrics source', `${nameSources(choice.chosen)}, by the controller ${controllers.map(({ name }) => name).join(', ')}`),
    ...hazards,
  ];
}

/** Everything to one version. @returns also how long later changes should be given */
async function flip(session: ProbeSession, to: Version): Promise<readonly [Finding, number]> {
  const changedMs = await session.write([weightedRule(session.place, RESIDUAL[to])]);
  const { records, nowMs } = await session.until(`answers of version ${to} alone`, async () => {
    const reading = await session.read(changedMs);
    const last = reading.records.slice(-ENOUGH);
    return last.length === ENOUGH && countOf(last, to) === ENOUGH ? reading : 'the former version still answers';
  });
  return [judgeChange(records, changedMs, to), Math.max(SETTLE_MS, 2 * (nowMs - changedMs))];
}

/** Writes weights, and waits until every part of the gateway has them. */
async function settle(session: ProbeSession, weights: Weights, settleMs: number, filters: readonly object[] = []): Promise<void> {
  const changedMs = await session.write([weightedRule(session.place, weights, filters)]);
  await session.until('time for the weights', async () => ((await session.clock()) - changedMs >= settleMs ? true : 'it is not over'));
}

async function split(session: ProbeSession, percent: number, requests: number, settleMs: number): Promise<Finding> {
  await settle(session, { a: 10_000 - 100 * percent, b: 100 * percent }, settleMs);
  return judgeSplit(await session.collect(requests), percent);
}

async function askHeader(session: ProbeSession): Promise<Finding> {
  await session.write([headerRule(session.place), weightedRule(session.place, SERVING)]);
  await session.send(COHORT_HEADER);
  const isThere = await session
    .until('answer by the rule for a header', async () => {
      const { records } = await session.read((await session.clock()) - 1_000);
      return countOf(records.slice(-ENOUGH), 'b') === ENOUGH ? true : 'others answer';
    })
    .catch(() => false);
  const withHeader = isThere ? await session.collect(HEADER_REQUESTS) : [];
  await session.send();
  await session.until('time for the requests before', async () => (await session.collect(1)).length === 1 || 'none');
  return judgeHeader(withHeader, await session.collect(HEADER_REQUESTS));
}

async function askMirror(session: ProbeSession, requests: number): Promise<Finding> {
  await settle(session, SERVING, SETTLE_MS, [mirrorFilter(session.place, MIRROR_PERCENT)]);
  const refused = conditionsOf(await session.route()).some(({ type, status }) => type === 'Accepted' && status === 'False');
  if (refused) return judgeMirror(undefined, [], MIRROR_PERCENT);
  const before = await session.read(Number.MAX_SAFE_INTEGER, 'b');
  const records = await session.collect(requests);
  const after = await session.read(Number.MAX_SAFE_INTEGER, 'b');
  return judgeMirror(after.served - before.served, records, MIRROR_PERCENT);
}

async function askEmpty(session: ProbeSession, requests: number): Promise<Finding> {
  await settle(session, INTRODUCED, SETTLE_MS);
  await settle(session, { a: 10_000 - 100 * EMPTY_PERCENT, b: 100 * EMPTY_PERCENT }, SETTLE_MS);
  await session.empty('b');
  return judgeEmpty(await session.collect(requests), EMPTY_PERCENT);
}

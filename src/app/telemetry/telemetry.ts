// Adds the log to the metrics: every step of a release becomes one line for people.
import { withoutUndefined } from '../../api/absence.ts';
import type { CanaryRelease } from '../../api/release.ts';
import type { Telemetry } from '../../ports/outbox.ts';
import { type Logger, logTransition, type Place } from './log.ts';

/** States in which a release stands at a stage, as phases and as paths of the machine. */
const AT_A_STAGE = /^(Shifting|Analyzing|stage\b.*)$/;
const ALARMING = /^(RollingBack|RolledBack|Blocked|rollingBack\b.*|rolledBack|blocked)$/;

/** Telemetry that logs transitions (and at level debug verdicts) and hands everything on to `metrics`. */
export function createLoggedTelemetry(metrics: Telemetry, log: Logger): Telemetry {
  /** The last state of each release, so that a line can name the state that it left. */
  const places = new Map<string, Place>();
  const remember = (release: CanaryRelease, state: string): Place => {
    const place = describePlace(release, state);
    places.set(keyOf(release), place);
    return place;
  };
  return {
    transition(release, from, to, reason, message) {
      const known = places.get(keyOf(release));
      const cameFrom = known?.state === from ? known : { state: from, words: from };
      logStep(log, release, cameFrom, remember(release, to), reason, message);
      metrics.transition(release, from, to, reason, message);
    },
    verdict(release, check, verdict) {
      log.debug({ release: keyOf(release), check, verdict }, `${keyOf(release)}: check ${check}: ${verdict}`);
      metrics.verdict(release, check, verdict);
    },
    look: (release) => metrics.look(release),
    querySeconds: (seconds) => metrics.querySeconds(seconds),
    rollback: (release, reason) => metrics.rollback(release, reason),
    rollbackSeconds: (seconds) => metrics.rollbackSeconds(seconds),
    routeWrite: (result) => metrics.routeWrite(result),
    drift: (release) => metrics.drift(release),
    foreignStatus(release) {
      const who = 'another operator has written the status of this release';
      log.warn({ release: keyOf(release) }, `${keyOf(release)}: ${who}: run one replica, or all of them with --leader-elect (config/ha)`);
      metrics.foreignStatus(release);
    },
    reconcileSeconds: (seconds) => metrics.reconcileSeconds(seconds),
    release(release) {
      const phase = release.status?.phase;
      if (phase !== undefined && !places.has(keyOf(release))) remember(release, phase);
      metrics.release(release);
    },
    forget(namespace, name) {
      places.delete(`${namespace}/${name}`);
      metrics.forget(namespace, name);
    },
  };
}

function keyOf(release: CanaryRelease): string {
  return `${release.metadata.namespace}/${release.metadata.name}`;
}

/** `stage 2/3 (25%)` where the release stands at a stage, else its state. */
function describePlace(release: CanaryRelease, state: string): Place {
  const progress = release.status?.progress;
  if (progress === undefined || !AT_A_STAGE.test(state)) return { state, words: state };
  return { state, words: `stage ${progress} (${release.status?.weight ?? 0}%)` };
}

function logStep(log: Logger, release: CanaryRelease, from: Place, to: Place, reason: string, message: string): void {
  const { metadata, status } = release;
  const revision = status?.release?.revision;
  const weight = status?.weight;
  const line = {
    namespace: metadata.namespace,
    name: metadata.name,
    uid: metadata.uid,
    ...withoutUndefined({ revision, weight }),
    from,
    to,
    reason,
    message,
  };
  logTransition(log, line, ALARMING.test(to.state));
}

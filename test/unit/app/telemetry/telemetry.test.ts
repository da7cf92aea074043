import { describe, expect, test } from 'vitest';
import type { CanaryRelease } from '../../../../src/api/release.ts';
import { createLogger } from '../../../../src/app/telemetry/log.ts';
import { createLoggedTelemetry } from '../../../../src/app/telemetry/telemetry.ts';
import type { Telemetry } from '../../../../src/ports/outbox.ts';

/** The parts of a release that the log reads. */
function releaseAt(phase: string, progress?: string, weight = 0): CanaryRelease {
  const status = { phase, weight, release: { revision: '1.8.1' }, ...(progress === undefined ? {} : { progress }) };
  return { metadata: { namespace: 'shop', name: 'store-api', uid: 'u1' }, status } as unknown as CanaryRelease;
}

function setUp() {
  const lines: { readonly level: string; readonly msg: string }[] = [];
  const destination = { write: (line: string) => void lines.push(JSON.parse(line) as { level: string; msg: string }) };
  const calls: string[] = [];
  const metrics = new Proxy({} as Telemetry, { get: (_target, name) => () => void calls.push(String(name)) });
  const telemetry = createLoggedTelemetry(metrics, createLogger({ level: 'debug', destination }));
  return { telemetry, lines, calls };
}

describe('logged telemetry', () => {
  test('logged telemetry says from which stage to which a release went', () => {
    const { telemetry, lines } = setUp();
    telemetry.transition(releaseAt('Analyzing', '1/3', 5), 'Shifting', 'Analyzing', 'RoutesAccepted', 'routes accepted');
    telemetry.transition(
      releaseAt('Shifting', '2/3', 25),
      'Analyzing',
      'Shifting',
      'StagePassed',
      'errors 0.12% (limit 1%) over 812 requests',
    );
    expect(lines.map((line) => line.msg)).toEqual([
      'shop/store-api 1.8.1: Shifting -> stage 1/3 (5%): routes accepted',
      'shop/store-api 1.8.1: stage 1/3 (5%) -> stage 2/3 (25%): errors 0.12% (limit 1%) over 812 requests',
    ]);
  });

  test('logged telemetry knows after a restart from the first look at a release where it stands', () => {
    const { telemetry, lines } = setUp();
    telemetry.release(releaseAt('Analyzing', '1/3', 5));
    telemetry.transition(releaseAt('Shifting', '2/3', 25), 'Analyzing', 'Shifting', 'StagePassed', 'passed');
    expect(lines[0]?.msg).toBe('shop/store-api 1.8.1: stage 1/3 (5%) -> stage 2/3 (25%): passed');
  });

  test('logged telemetry does not trust what it remembers when the release came from elsewhere', () => {
    const { telemetry, lines } = setUp();
    telemetry.release(releaseAt('Analyzing', '1/3', 5));
    telemetry.transition(releaseAt('Analyzing', '1/3', 5), 'Paused', 'Analyzing', 'Resumed', 'resumed');
    telemetry.forget('shop', 'store-api');
    telemetry.transition(releaseAt('Shifting', '2/3', 25), 'Analyzing', 'Shifting', 'StagePassed', 'passed');
    expect(lines.map((line) => line.msg)).toEqual([
      'shop/store-api 1.8.1: Paused -> stage 1/3 (5%): resumed',
      'shop/store-api 1.8.1: Analyzing -> stage 2/3 (25%): passed',
    ]);
  });

  test.each([
    ['RollingBack', 'warn'],
    ['rollingBack.goingHome', 'warn'],
    ['Blocked', 'warn'],
    ['Promoted', 'info'],
    ['stage.analyzing', 'info'],
  ])('logs a step to %s as %s', (state, level) => {
    const { telemetry, lines } = setUp();
    telemetry.transition(releaseAt(state), 'Analyzing', state, 'Because', 'because');
    expect(lines[0]?.level).toBe(level);
  });

  test('hands everything on to the metrics', () => {
    const { telemetry, calls } = setUp();
    const release = releaseAt('Analyzing', '1/3', 5);
    telemetry.transition(release, 'a', 'b', 'R', 'm');
    telemetry.verdict(release, 'errors', 'Pass');
    telemetry.look(release);
    telemetry.querySeconds(1);
    telemetry.rollback(release, 'ErrorRatio');
    telemetry.rollbackSeconds(1);
    telemetry.routeWrite('ok');
    telemetry.drift(release);
    telemetry.foreignStatus(release);
    telemetry.reconcileSeconds(1);
    telemetry.release(release);
    telemetry.forget('shop', 'store-api');
    expect(calls).toEqual(Object.keys(telemetry));
  });
});

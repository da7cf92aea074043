import { describe, expect, test } from 'vitest';
import { describeSplitBefore, isSplitAsAsked, noteSeenSplit } from '../../../../../src/core/release/evidence/split-clock.ts';
import { describeGatewayErrors } from '../../../../../src/core/release/report/gateway-errors.ts';
import { aReleaseStatus, after, timeAfter } from '../../../../fixtures/builders.ts';

const look = (split?: 'former' | 'present') => ({ atMs: after(30), ...(split === undefined ? {} : { split }) }) as never;

describe('the clock of a stage and the split that was counted', () => {
  test('the clock of a stage starts again while requests split as before, and nothing is proven', () => {
    const begun = aReleaseStatus({
      stageStartedAt: timeAfter(10),
      cleanSince: timeAfter(10),
      stageEndsAt: timeAfter(70),
      passInStage: true,
    });
    const noted = noteSeenSplit(begun, look('former'));
    expect(noted).toMatchObject({ seenSplit: 'Former', stageStartedAt: timeAfter(30), stageEndsAt: timeAfter(90), stageRequests: 0 });
    expect(noted.passInStage).toBeUndefined();
    expect(describeSplitBefore(noted, 50)).toContain('as before the raise to 50%, by weight 0%');
    expect(noteSeenSplit(noted, look()).seenSplit).toBeUndefined();
  });

  test('the clock of a stage that has not begun stays as it is, and so does one whose weight was seen', () => {
    const { stageStartedAt: _started, ...waiting } = aReleaseStatus({});
    expect(noteSeenSplit(waiting, look('former')).stageStartedAt).toBeUndefined();
    const seen = noteSeenSplit(aReleaseStatus({}), look('present'));
    expect([isSplitAsAsked(seen), noteSeenSplit(seen, look('former')), describeSplitBefore(seen, 50)]).toEqual([true, seen, undefined]);
    expect(noteSeenSplit(seen, look('present'))).toBe(seen);
  });
});

test('errors that gateways answer themselves are counted in words', () => {
  expect(describeGatewayErrors(undefined)).toBeUndefined();
  expect(describeGatewayErrors({ gatewayErrors: 1 })).toContain('answered 1 request with');
  expect(describeGatewayErrors({ gatewayErrors: 7 })).toContain('answered 7 requests with');
});

// What a judge of the simulation gets to see: the requests of both arms since its last look, and how they are drawn.

import { drawGeometric, drawPoisson, type Random } from './random.ts';

/** Requests of one arm: all, and the bad ones among them. */
export interface ArmCounts {
  readonly requests: number;
  readonly bad: number;
}

/** One look of a simulated release. */
export interface Look<A = ArmCounts> {
  /** Seconds since the release began. */
  readonly atSeconds: number;
  /** Seconds since the look before. */
  readonly seconds: number;
  /** The canary's share of traffic, 0 to 1. */
  readonly weight: number;
  readonly canary: A;
  readonly stable: A;
}

/** A judge at work on one release: true is "roll back", after which it is not asked again. */
export type Rule<L> = (look: L) => boolean;

/** A look before its requests are drawn: the true shares of bad requests. */
export interface PlannedLook {
  readonly atSeconds: number;
  readonly seconds: number;
  readonly weight: number;
  readonly canaryBadShare: number;
  readonly stableBadShare: number;
}

/**
 * The requests of one arm: a Poisson number of good ones, and bad ones that come in bursts of geometric size (mean 1: one
 * by one, which makes all requests Poisson and the bad ones binomial among them).
 */
function drawArm(random: Random, mean: number, badShare: number, meanBurst: number): ArmCounts {
  const good = drawPoisson(random, mean * (1 - badShare));
  const bursts = drawPoisson(random, (mean * badShare) / meanBurst);
  let bad = bursts;
  if (meanBurst > 1) {
    bad = 0;
    for (let i = 0; i < bursts; i++) bad += drawGeometric(random, meanBurst);
  }
  return { requests: good + bad, bad };
}

/** Draws the requests of a look. @param requestsPerSecond of both arms together */
export function drawLook(random: Random, planned: PlannedLook, requestsPerSecond: number, meanBurst: number): Look {
  const { atSeconds, seconds, weight, canaryBadShare, stableBadShare } = planned;
  const mean = requestsPerSecond * seconds;
  const canary = drawArm(random, mean * weight, canaryBadShare, meanBurst);
  const stable = drawArm(random, mean * (1 - weight), stableBadShare, meanBurst);
  return { atSeconds, seconds, weight, canary, stable };
}

/** Lets a rule look once per window: what the looks in between saw is added up. */
export function withWindow<A>(windowSeconds: number, add: (a: A, b: A) => A, rule: Rule<Look<A>>): Rule<Look<A>> {
  let open: Look<A> | undefined;
  return (look) => {
    open =
      open === undefined
        ? look
        : { ...look, seconds: open.seconds + look.seconds, canary: add(open.canary, look.canary), stable: add(open.stable, look.stable) };
    if (open.seconds < windowSeconds) return false;
    const window = open;
    open = undefined;
    return rule(window);
  };
}

/** The requests of two looks together. */
export function addCounts(a: ArmCounts, b: ArmCounts): ArmCounts {
  return { requests: a.requests + b.requests, bad: a.bad + b.bad };
}

// How many pods a canary needs for its share.

/**
 * As many as serving would need for that share, rounded up, and at least `least`. Where the spec does not say how many that is: two
 * beside two or more, so that one pod that goes with its node does not end the release.
 * @param weight percent of the traffic
 */
export function countCanaryReplicas(serving: number, weight: number, least: number | undefined): number {
  return Math.max(least ?? (serving >= 2 ? 2 : 1), Math.ceil((serving * weight) / 100));
}

// How many pods a canary needs for its share.

/** As many as serving would need for that share, rounded up, and at least `least`. @param weight percent of the traffic */
export function countCanaryReplicas(serving: number, weight: number, least: number): number {
  return Math.max(least, Math.ceil((serving * weight) / 100));
}

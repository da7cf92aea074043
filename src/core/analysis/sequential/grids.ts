// The effect sizes the mixtures bet on, all with the same weight. Fixed before any data is seen: that makes the mixture an e-value.

/** Relative risks (or odds multipliers) above 1: the canary is worse. */
export const FAIL: readonly number[] = [1.2, 1.5, 2, 3, 6, 15, 60, 300];

/** Relative risks (or odds multipliers) below 1: the canary is not worse than the margin. */
export const PASS: readonly number[] = [0, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9];

/** Odds multipliers for a traffic split outside its band; the reciprocals test the lower side. */
export const SRM: readonly number[] = [1.05, 1.1, 1.25, 1.5, 2, 3, 6, 20];

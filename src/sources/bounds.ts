// The latency buckets that gateways and libraries come with, as upper bounds in seconds. A simulation has nothing else to go by; what
// is recorded says its own bounds.

/** Envoy's histograms, which its gateways and Istio keep. */
export const ENVOY_BOUNDS: readonly number[] = [
  0.0005, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 600, 1_800, 3_600,
];

/** `DefBuckets` of the Prometheus client libraries. */
export const CLIENT_BOUNDS: readonly number[] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** What OpenTelemetry's conventions advise for the duration of HTTP requests. */
export const CONVENTION_BOUNDS: readonly number[] = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];

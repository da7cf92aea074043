// The annotations by which gateways read from a Service how to speak to what stands behind it: a canary Service without them would
// be spoken to in another way than the one that serves. Marks of tools, addresses of load balancers and names of other objects that
// belong to one Service alone are not among them.

type Annotations = Readonly<Record<string, string>>;

/** By gateway. What ends with `/`, `.` or `-` is the beginning of a name, everything else is a whole name. */
const READ_BY: Readonly<Record<string, readonly string[]>> = {
  Contour: [
    'projectcontour.io/upstream-protocol.',
    'projectcontour.io/max-connections',
    'projectcontour.io/per-host-max-connections',
    'projectcontour.io/max-pending-requests',
    'projectcontour.io/max-requests',
    'projectcontour.io/max-retries',
  ],
  Traefik: ['traefik.io/service.', 'traefik.ingress.kubernetes.io/service.'],
  // Kong routes to no rule whose Services differ in one of these.
  Kong: ['konghq.com/', 'ingress.kubernetes.io/service-upstream'],
  Linkerd: ['config.linkerd.io/opaque-ports', 'balancer.linkerd.io/'],
  Istio: ['networking.istio.io/traffic-distribution'],
  Gloo: ['gloo.solo.io/h2_service', 'gloo.solo.io/sslService.', 'gloo.solo.io/upstream_config'],
  GKE: [
    'cloud.google.com/app-protocols',
    'service.alpha.kubernetes.io/app-protocols',
    'cloud.google.com/backend-config',
    'beta.cloud.google.com/backend-config',
  ],
  'AWS Load Balancer Controller': [
    'alb.ingress.kubernetes.io/backend-protocol',
    'alb.ingress.kubernetes.io/backend-protocol-version',
    'alb.ingress.kubernetes.io/healthcheck-',
    'alb.ingress.kubernetes.io/healthy-threshold-count',
    'alb.ingress.kubernetes.io/unhealthy-threshold-count',
    'alb.ingress.kubernetes.io/success-codes',
    'alb.ingress.kubernetes.io/target-type',
    'alb.ingress.kubernetes.io/target-group-attributes',
  ],
  'HAProxy Ingress': ['haproxy-ingress.github.io/', 'ingress.kubernetes.io/backend-protocol', 'ingress.kubernetes.io/secure-'],
  'HAProxy Kubernetes Ingress Controller': ['haproxy.org/'],
};

/** Of these the value is about a port of the node, and the canary Service has none. */
const OF_ONE_SERVICE: ReadonlySet<string> = new Set(['traefik.ingress.kubernetes.io/service.nodeportlb']);

const NAMES = Object.values(READ_BY).flat();
const isBeginning = (name: string) => /[/.-]$/.test(name);
const WHOLE: ReadonlySet<string> = new Set(NAMES.filter((name) => !isBeginning(name)));
const BEGINNINGS: readonly string[] = NAMES.filter(isBeginning);

/** Those of a Service's annotations that its canary needs as well. */
export function pickBackendAnnotations(annotations: Annotations): Annotations {
  return Object.fromEntries(Object.entries(annotations).filter(([name]) => isReadByGateways(name)));
}

function isReadByGateways(name: string): boolean {
  if (OF_ONE_SERVICE.has(name)) return false;
  return WHOLE.has(name) || BEGINNINGS.some((beginning) => name.startsWith(beginning));
}

import { describe, expect, test } from 'vitest';
import { helpText, parseSettings, type Settings, settingsTable } from '../../../../src/app/settings/settings.ts';

function accept(argv: readonly string[], env: Readonly<Record<string, string>> = {}): Settings {
  const parsed = parseSettings(argv, env);
  return parsed.ok ? parsed.settings : expect.unreachable(parsed.message);
}

function refuse(argv: readonly string[], env: Readonly<Record<string, string>> = {}): string {
  const parsed = parseSettings(argv, env);
  return parsed.ok ? expect.unreachable('the settings were accepted') : parsed.message;
}

describe('settings', () => {
  test('settings have defaults', () => {
    expect(accept([])).toEqual({
      action: 'run',
      namespaces: [],
      prometheusAllow: [],
      prometheusMatchers: {},
      notificationAllow: [],
      gateAllow: [],
      allowQueries: false,
      sentinel: [],
      metricsAddress: { port: 8080 },
      leaderElect: false,
      leaderElectNamespace: 'glidepath-system',
      logLevel: 'info',
      maxConcurrent: 64,
      resyncMs: 600_000,
    });
  });

  test('settings come from flags', () => {
    const argv = [
      '--prometheus-url=https://prometheus.monitoring:9090/prefix/',
      '--prometheus-token-file=/var/run/token',
      '--prometheus-headers-file=/var/run/headers.json',
      '--prometheus-matchers=cluster=eu-1,env=',
      '--prometheus-matchers=tenant=a=b',
      '--prometheus-ca-file',
      '/var/run/ca.crt',
      '--namespace=shop,checkout',
      '--namespace',
      'search',
      '--prometheus-allow=http://team-a.example:9090,https://metrics.example/tenants/shop/',
      '--notification-allow=https://hooks.example.com/,http://127.0.0.1:9000',
      '--gate-allow=https://gates.example.com/',
      '--allow-queries',
      '--sentinel=projectcontour/app=envoy,http://127.0.0.1:8804/',
      '--sentinel=infra/gateway.networking.k8s.io/gateway-name=public',
      '--metrics-address=127.0.0.1:9090',
      '--webhook-address=:9443',
      '--webhook-cert-dir=/certs',
      '--webhook-url=https://10.0.0.5:9443/',
      '--leader-elect',
      '--leader-elect-namespace=ops',
      '--log-level=debug',
      '--max-concurrent=32',
      '--resync=1h30m',
    ];
    expect(accept(argv)).toEqual({
      action: 'run',
      prometheusUrl: 'https://prometheus.monitoring:9090/prefix',
      prometheusTokenFile: '/var/run/token',
      prometheusCaFile: '/var/run/ca.crt',
      prometheusHeadersFile: '/var/run/headers.json',
      prometheusMatchers: { cluster: 'eu-1', env: '', tenant: 'a=b' },
      namespaces: ['shop', 'checkout', 'search'],
      prometheusAllow: ['http://team-a.example:9090', 'https://metrics.example/tenants/shop'],
      sentinel: [
        { kind: 'pods', namespace: 'projectcontour', label: 'app', value: 'envoy' },
        { kind: 'address', origin: 'http://127.0.0.1:8804' },
        { kind: 'pods', namespace: 'infra', label: 'gateway.networking.k8s.io/gateway-name', value: 'public' },
      ],
      notificationAllow: ['https://hooks.example.com', 'http://127.0.0.1:9000'],
      gateAllow: ['https://gates.example.com'],
      allowQueries: true,
      metricsAddress: { host: '127.0.0.1', port: 9090 },
      webhookAddress: { port: 9443 },
      webhookCertDir: '/certs',
      webhookUrl: 'https://10.0.0.5:9443',
      leaderElect: true,
      leaderElectNamespace: 'ops',
      logLevel: 'debug',
      maxConcurrent: 32,
      resyncMs: 5_400_000,
    });
  });

  test('a matcher is a label with its value', () => {
    for (const text of ['cluster', '=eu-1', 'k8s.cluster=a', '__name__=up', `a=${'x'.repeat(257)}`])
      expect(refuse([`--prometheus-matchers=${text}`])).toContain('write labels with their values such as cluster=eu-1');
  });

  test('the API server reaches the webhook over TLS only', () => {
    expect(refuse(['--webhook-url=http://10.0.0.5:9443'])).toBe(
      '--webhook-url: write an address such as https://10.0.0.5:9443, not "http://10.0.0.5:9443"',
    );
  });

  test('variables that Kubernetes sets for the Service of the webhook are left alone', () => {
    const env = { GLIDEPATH_WEBHOOK_PORT: 'tcp://10.0.0.1:443', GLIDEPATH_WEBHOOK_SERVICE_HOST: '10.0.0.1' };
    expect(accept([], env)).toEqual(accept([]));
  });

  test('settings come from the environment, and flags win', () => {
    const env = {
      GLIDEPATH_LOG_LEVEL: 'warn',
      GLIDEPATH_NAMESPACE: 'shop, checkout',
      GLIDEPATH_ALLOW_QUERIES: 'true',
      GLIDEPATH_LEADER_ELECT: '1',
    };
    const settings = accept(['--namespace=search', '--leader-elect=false'], env);
    expect(settings).toMatchObject({ logLevel: 'warn', namespaces: ['search'], allowQueries: true, leaderElect: false });
  });

  test('an empty variable and variables that Kubernetes sets for Services are left alone', () => {
    const env = { GLIDEPATH_LOG_LEVEL: '', GLIDEPATH_PORT: 'tcp://10.0.0.1:80', GLIDEPATH_METRICS_SERVICE_HOST: '10.0.0.1' };
    expect(accept([], env)).toEqual(accept([]));
  });

  test('the lease lives in the namespace of the pod unless another one is given', () => {
    expect(accept([], { POD_NAMESPACE: 'ops' }).leaderElectNamespace).toBe('ops');
    expect(accept(['--leader-elect-namespace=infra'], { POD_NAMESPACE: 'ops' }).leaderElectNamespace).toBe('infra');
  });

  test('the last of several values of one flag holds, also when it was given before', () => {
    expect(accept(['--log-level=info', '--log-level=debug', '--log-level=info']).logLevel).toBe('info');
    expect(accept(['--namespace=a,b', '--namespace=a']).namespaces).toEqual(['a', 'b']);
  });

  test.each([
    [':0', { port: 0 }],
    ['0.0.0.0:8081', { host: '0.0.0.0', port: 8081 }],
    ['[::1]:8080', { host: '::1', port: 8080 }],
    ['localhost:65535', { host: 'localhost', port: 65_535 }],
  ])('the metrics address %s is understood', (text, address) => {
    expect(accept([`--metrics-address=${text}`]).metricsAddress).toEqual(address);
  });

  test('help and version ask for nothing else, even beside a mistake', () => {
    expect(accept(['--help']).action).toBe('help');
    expect(accept(['-h', '--nonsense']).action).toBe('help');
    expect(accept(['--version'], { GLIDEPATH_LOG_LEVEL: 'loud' }).action).toBe('version');
    expect(accept(['--version', '--help']).action).toBe('help');
  });
});

describe('a wrong setting is named, with what to write', () => {
  test.each([
    [['--log-level=loud'], '--log-level: write one of trace debug info warn error fatal, not "loud"'],
    [['--max-concurrent=0'], '--max-concurrent: write a whole number from 1 to 1024, not "0"'],
    [['--max-concurrent=many'], '--max-concurrent: write a whole number from 1 to 1024, not "many"'],
    [['--max-concurrent=1e3'], '--max-concurrent: write a whole number from 1 to 1024, not "1e3"'],
    [['--resync=10'], '--resync: write a duration of at least 1s such as 10m or 1h30m, not "10"'],
    [['--resync=0s'], '--resync: write a duration of at least 1s such as 10m or 1h30m, not "0s"'],
    [['--metrics-address=8080'], '--metrics-address: write an address such as :8080 or 127.0.0.1:8080, not "8080"'],
    [['--metrics-address=:65536'], '--metrics-address: write an address such as :8080 or 127.0.0.1:8080, not ":65536"'],
    [['--metrics-address=::1:8080'], '--metrics-address: write an address such as :8080 or 127.0.0.1:8080, not "::1:8080"'],
    [['--namespace=Shop'], '--namespace: write names of namespaces such as shop,checkout, not "Shop"'],
    [['--namespace=shop,'], '--namespace: write a value, or leave it out, not ""'],
    [['--leader-elect=maybe'], '--leader-elect: write true or false, not "maybe"'],
    [
      ['--prometheus-url=prometheus:9090'],
      '--prometheus-url: write an address such as http://prometheus.monitoring:9090 (it must begin with http:// or https://), not "prometheus:9090"',
    ],
    [
      ['--prometheus-url=file:///x'],
      '--prometheus-url: write an address such as http://prometheus.monitoring:9090 (it must begin with http:// or https://), not "file:///x"',
    ],
    [
      ['--prometheus-url=http://p/?a=b'],
      '--prometheus-url: write an address such as http://prometheus.monitoring:9090 (it must not contain a query or fragment), not "http://p/?a=b"',
    ],
    [['--prometheus-allow=*'], '--prometheus-allow: write an address such as http://prometheus.monitoring:9090 (it is no URL), not "*"'],
    [['--prometheus-url'], '--prometheus-url needs a value: write --prometheus-url=URL'],
    [['--prometheus-url', '--leader-elect'], '--prometheus-url needs a value: write --prometheus-url=URL'],
    [['--prometheus-token-file='], '--prometheus-token-file: write a value, or leave it out, not ""'],
  ] as const)('%j', (argv, message) => {
    expect(refuse(argv)).toBe(message);
  });

  test('a wrong setting in the environment is named by its variable', () => {
    expect(refuse([], { GLIDEPATH_MAX_CONCURRENT: 'x' })).toBe('GLIDEPATH_MAX_CONCURRENT: write a whole number from 1 to 1024, not "x"');
  });

  test.each([
    'envoy',
    'projectcontour/envoy',
    'app=envoy',
    'Project/app=envoy',
    'projectcontour/app=',
    'projectcontour/=envoy',
    'projectcontour/app=envoy;x',
    'projectcontour/app=a=b',
    'projectcontour/-app=envoy',
    'https://10.0.0.5:8002',
    'http://10.0.0.5:8002/stats',
    'http://a:b@10.0.0.5:8002',
    'http://10.0.0.5:8002?filter=x',
  ])('%s is no gateway that a sentinel may ask', (text) => {
    expect(refuse([`--sentinel=${text}`])).toContain('write NAMESPACE/LABEL=VALUE such as projectcontour/app=envoy, or an address such as');
  });

  test('a password in an address is not repeated', () => {
    const message = refuse(['--prometheus-url=http://admin:hunter2@prometheus:9090']);
    expect(message).toContain('must not contain a user or password');
    expect(message).toContain('"http://***@prometheus:9090"');
    expect(refuse(['--prometheus-allow=http://a:hunter@2@p'])).not.toContain('hunter');
    expect(refuse(['--prometheus-allow=http:admin:hunter2@p'])).not.toContain('hunter2');
    expect(refuse(['--prometheus-url=admin:hunter2@p'])).not.toContain('hunter2');
  });

  test.each([
    ['--promethus-url=http://p', 'unknown flag --promethus-url: did you mean --prometheus-url?'],
    ['--loglevel=info', 'unknown flag --loglevel: did you mean --log-level?'],
    ['--metrics', 'unknown flag --metrics: did you mean --metrics-address?'],
    ['--MAX_CONCURRENT=3', 'unknown flag --MAX_CONCURRENT: did you mean --max-concurrent?'],
    ['-log-level=info', 'unknown flag -log-level: did you mean --log-level?'],
    ['--kubernetes-host=x', 'unknown flag --kubernetes-host: --help lists all flags'],
    ['-x', 'unknown flag -x: --help lists all flags'],
    ['run', 'unexpected "run": settings are flags such as --log-level=info, see --help'],
  ])('%s is refused with a suggestion', (arg, message) => {
    expect(refuse([arg])).toBe(message);
  });

  test.each([[['--log-level=a\nb']], [['--a\nb']], [['a\nb']]])(
    'a wrong setting is named on one line, whatever was written: %j',
    (argv) => {
      expect(refuse(argv)).not.toContain('\n');
    },
  );
});

describe('the texts made from the list of settings', () => {
  const flags = [...helpText().matchAll(/^ {2}--([a-z-]+)/gm)].map(([, flag = '']) => flag);

  test('help names every flag once, each of which the parser knows', () => {
    expect(new Set(flags).size).toBe(flags.length);
    expect(flags).toHaveLength(22);
    for (const flag of flags) {
      const parsed = parseSettings([`--${flag}=?`], {});
      expect(parsed.ok ? '' : parsed.message).not.toContain('unknown flag');
    }
  });

  test('the table has a row for every flag that is a setting, with its variable and its default', () => {
    const rows = settingsTable().trimEnd().split('\n').slice(2);
    expect(rows.map((row) => /`--([a-z-]+)/.exec(row)?.[1])).toEqual(flags.filter((flag) => flag !== 'help' && flag !== 'version'));
    expect(rows.find((row) => row.includes('--max-concurrent'))).toBe(
      '| `--max-concurrent=NUMBER` | `GLIDEPATH_MAX_CONCURRENT` | 64 | number of releases that are reconciled concurrently |',
    );
    expect(rows.every((row) => row.split('|').length === 6)).toBe(true);
  });

  test('the defaults in the texts are those that hold', () => {
    const rows = settingsTable()
      .split('\n')
      .filter((row) => row.startsWith('| `'));
    const argv = rows.flatMap((row) => {
      const [, flag = '', , fallback = ''] = row.split('|').map((cell) => cell.trim());
      return /^(none|all|POD_NAMESPACE.*)$/.test(fallback) ? [] : [`${flag.replaceAll('`', '').split('=')[0]}=${fallback}`];
    });
    expect(argv.length).toBeGreaterThan(5);
    expect(accept(argv)).toEqual(accept([]));
  });
});

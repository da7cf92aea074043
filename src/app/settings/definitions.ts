// The one list of settings. The parser, the help text and the table in the README are made from it.
import { SYSTEM_NAMESPACE } from '../../api/names.ts';

/** One setting as people see it. */
export interface SettingDefinition {
  /** Name of the flag without dashes; the variable is GLIDEPATH_ and the same in capitals. */
  readonly flag: string;
  /** Placeholder of the value in the help; a setting without it is a switch. */
  readonly value?: string;
  /** True when it may be given several times or as a list with commas. */
  readonly list?: boolean;
  /** The default, in words or as a text to parse. */
  readonly fallback?: string;
  readonly help: string;
}

export const SETTINGS = [
  {
    flag: 'prometheus-url',
    value: 'URL',
    fallback: 'none',
    help: 'Prometheus for releases that do not set spec.analysis.metrics.prometheus.url',
  },
  { flag: 'prometheus-token-file', value: 'FILE', fallback: 'none', help: 'file with the bearer token for --prometheus-url' },
  {
    flag: 'prometheus-headers-file',
    value: 'FILE',
    fallback: 'none',
    help: 'file with headers for --prometheus-url, a JSON object such as {"X-Scope-OrgID":"shop"}',
  },
  {
    flag: 'prometheus-matchers',
    value: 'LABEL=VALUE',
    list: true,
    fallback: 'none',
    help: 'labels that every built-in query asks for, such as cluster=eu-1; a release changes them with spec.analysis.metrics.matchers',
  },
  { flag: 'prometheus-ca-file', value: 'FILE', fallback: 'none', help: 'file with the certificate authorities (PEM) of --prometheus-url' },
  { flag: 'namespace', value: 'NAME', list: true, fallback: 'all', help: 'namespaces to watch' },
  {
    flag: 'prometheus-allow',
    value: 'URL',
    list: true,
    fallback: 'none',
    help: 'additional Prometheus URLs (or URL prefixes) that releases may use',
  },
  {
    flag: 'notification-allow',
    value: 'URL',
    list: true,
    fallback: 'none',
    help: 'URLs (or URL prefixes) that releases may send notifications to',
  },
  {
    flag: 'gate-allow',
    value: 'URL',
    list: true,
    fallback: 'none',
    help: 'URLs (or URL prefixes) that gates of releases may send requests to',
  },
  { flag: 'allow-queries', fallback: 'false', help: "allow queries in spec.analysis.checks against the operator's Prometheus" },
  {
    flag: 'sentinel',
    value: 'TARGET',
    list: true,
    fallback: 'none',
    help: 'gateways whose own counters are read every second while a canary is young: NAMESPACE/LABEL=VALUE of their pods, or http://HOST:PORT; see config/sentinel',
  },
  { flag: 'metrics-address', value: 'ADDRESS', fallback: ':8080', help: 'listen address of /metrics, /healthz and /readyz' },
  {
    flag: 'webhook-address',
    value: 'ADDRESS',
    fallback: 'none',
    help: 'listen address of the webhook that holds Deployments, for API servers without the admission policy; see config/webhook',
  },
  {
    flag: 'webhook-cert-dir',
    value: 'FOLDER',
    fallback: 'none',
    help: 'folder with tls.crt, tls.key and ca.crt of the webhook, reread every minute; without it the operator creates and renews them',
  },
  {
    flag: 'webhook-url',
    value: 'URL',
    fallback: 'none',
    help: 'URL at which the API server reaches the webhook, if not through its Service glidepath-webhook',
  },
  { flag: 'leader-elect', fallback: 'false', help: 'enable leader election' },
  {
    flag: 'leader-elect-namespace',
    value: 'NAME',
    fallback: `POD_NAMESPACE, else ${SYSTEM_NAMESPACE}`,
    help: 'namespace of the leader election lease',
  },
  { flag: 'log-level', value: 'LEVEL', fallback: 'info', help: 'one of trace, debug, info, warn, error and fatal' },
  { flag: 'max-concurrent', value: 'NUMBER', fallback: '64', help: 'number of releases that are reconciled concurrently' },
  { flag: 'resync', value: 'DURATION', fallback: '10m', help: 'interval at which every release is reconciled even if nothing changed' },
] as const satisfies readonly SettingDefinition[];

/** Name of a setting. */
export type Flag = (typeof SETTINGS)[number]['flag'];

/** The settings in the wide type, for code that treats them alike. */
export const SETTING_LIST: readonly (SettingDefinition & { readonly flag: Flag })[] = SETTINGS;

/** Name of the environment variable of a setting: `log-level` is `GLIDEPATH_LOG_LEVEL`. */
export function envName(flag: Flag): string {
  return `GLIDEPATH_${flag.toUpperCase().replaceAll('-', '_')}`;
}

/** Help of the two flags that are not settings. */
const ASIDES = [
  ['--version', 'print the version and exit'],
  ['--help, -h', 'print this help and exit'],
] as const;

function flagText(setting: SettingDefinition): string {
  const value = setting.value === undefined ? '' : `=${setting.value}${setting.list === true ? ',…' : ''}`;
  return `--${setting.flag}${value}`;
}

/** What `--help` prints. */
export function helpText(): string {
  const rows = [
    ...SETTING_LIST.map((setting) => [flagText(setting), `${setting.help} (default ${setting.fallback ?? 'none'})`] as const),
    ...ASIDES,
  ];
  const width = Math.max(...rows.map(([left]) => left.length));
  return [
    'Glidepath operator: progressive delivery on the Kubernetes Gateway API.',
    '',
    'usage: glidepath [flags]',
    '',
    ...rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`),
    '',
    'Every flag but the last two can be set as GLIDEPATH_<NAME>, such as GLIDEPATH_LOG_LEVEL; flags win.',
    '',
  ].join('\n');
}

/** The settings as a Markdown table, for the README. */
export function settingsTable(): string {
  const rows = SETTING_LIST.map((setting) => {
    const help = `${setting.help}${setting.list === true ? '; repeatable or comma-separated' : ''}`;
    return `| \`${flagText(setting).replace(',…', '')}\` | \`${envName(setting.flag)}\` | ${setting.fallback ?? 'none'} | ${help} |`;
  });
  return ['| Flag | Environment | Default | Meaning |', '|---|---|---|---|', ...rows, ''].join('\n');
}

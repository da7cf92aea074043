// The one list of settings. Parser, help text and the table in the documentation are made from it.
import { SYSTEM_NAMESPACE } from '../../api/names.ts';

/** One setting as people see it. */
export interface SettingDefinition {
  /** Name of the flag without dashes; the variable is GLIDEPATH_ and the same in capitals. */
  readonly flag: string;
  /** What stands for the value in the help; a setting without it is a switch. */
  readonly value?: string;
  /** True when it may be given several times or as a list with commas. */
  readonly list?: boolean;
  /** What holds when nobody sets it, in words or as a text to parse. */
  readonly fallback?: string;
  readonly help: string;
}

export const SETTINGS = [
  {
    flag: 'prometheus-url',
    value: 'URL',
    fallback: 'none',
    help: 'Prometheus that judges releases without an address of their own',
  },
  { flag: 'prometheus-token-file', value: 'FILE', fallback: 'none', help: 'file with the bearer token for that Prometheus' },
  { flag: 'prometheus-ca-file', value: 'FILE', fallback: 'none', help: 'file with the certificate authorities of that Prometheus (PEM)' },
  { flag: 'namespace', value: 'NAME', list: true, fallback: 'all', help: 'only releases of these namespaces' },
  {
    flag: 'prometheus-allow',
    value: 'URL',
    list: true,
    fallback: 'none',
    help: 'further addresses, or what they begin with, that releases may name as their Prometheus',
  },
  {
    flag: 'notification-allow',
    value: 'URL',
    list: true,
    fallback: 'none',
    help: 'addresses, or what they begin with, that releases may send notifications to',
  },
  { flag: 'allow-queries', fallback: 'false', help: "releases may ask the operator's Prometheus queries of their own" },
  { flag: 'metrics-address', value: 'ADDRESS', fallback: ':8080', help: 'where /metrics, /healthz and /readyz answer' },
  {
    flag: 'webhook-address',
    value: 'ADDRESS',
    fallback: 'none',
    help: 'where the webhook answers that holds Deployments; for API servers without the policy, see config/webhook',
  },
  {
    flag: 'webhook-cert-dir',
    value: 'FOLDER',
    fallback: 'none',
    help: 'folder with tls.crt, tls.key and ca.crt of the webhook, read anew every minute; without it the operator makes and renews them',
  },
  {
    flag: 'webhook-url',
    value: 'URL',
    fallback: 'none',
    help: 'where the API server reaches the webhook, if not by its Service glidepath-webhook',
  },
  { flag: 'leader-elect', fallback: 'false', help: 'only one of several replicas acts' },
  {
    flag: 'leader-elect-namespace',
    value: 'NAME',
    fallback: `POD_NAMESPACE, else ${SYSTEM_NAMESPACE}`,
    help: 'namespace of the lease of the leader',
  },
  { flag: 'log-level', value: 'LEVEL', fallback: 'info', help: 'trace, debug, info, warn, error or fatal' },
  { flag: 'max-concurrent', value: 'NUMBER', fallback: '64', help: 'releases that are worked on at the same time' },
  { flag: 'resync', value: 'DURATION', fallback: '10m', help: 'every release is looked at this often even if nothing changed' },
] as const satisfies readonly SettingDefinition[];

/** Name of a setting. */
export type Flag = (typeof SETTINGS)[number]['flag'];

/** The settings in the wide type, for code that treats them alike. */
export const SETTING_LIST: readonly (SettingDefinition & { readonly flag: Flag })[] = SETTINGS;

/** Name of the environment variable of a setting: `log-level` is `GLIDEPATH_LOG_LEVEL`. */
export function envName(flag: Flag): string {
  return `GLIDEPATH_${flag.toUpperCase().replaceAll('-', '_')}`;
}

/** What the help says about the two flags that are no settings. */
const ASIDES = [
  ['--version', 'print the version and end'],
  ['--help, -h', 'print this and end'],
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
    const help = `${setting.help}${setting.list === true ? '; repeatable, or with commas' : ''}`;
    return `| \`${flagText(setting).replace(',…', '')}\` | \`${envName(setting.flag)}\` | ${setting.fallback ?? 'none'} | ${help} |`;
  });
  return ['| Flag | Environment | Default | Meaning |', '|---|---|---|---|', ...rows, ''].join('\n');
}

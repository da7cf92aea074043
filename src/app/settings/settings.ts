// Turns the command line and the environment into settings, or into one line that names the mistake and says what to
// write. Pure: the caller prints and exits.
import { parseArgs } from 'node:util';
import type { Matchers } from '../../api/matchers.ts';
import { SYSTEM_NAMESPACE } from '../../api/names.ts';
import type { SentinelTarget } from '../../ports/gateways.ts';
import { envName, type Flag, SETTING_LIST } from './definitions.ts';
import {
  type ListenAddress,
  type LogLevel,
  type Reader,
  type Reading,
  readInterval,
  readListenAddress,
  readLogLevel,
  readMatcher,
  readNamespace,
  readSecureUrl,
  readSentinelTarget,
  readSwitch,
  readText,
  readUrl,
  readWhole,
} from './readers.ts';

export { helpText, settingsTable } from './definitions.ts';
export type { ListenAddress, LogLevel } from './readers.ts';

/** What the operator runs with. */
export interface Settings {
  /** `help` and `version` print and end with exit code 0; the other settings then hold their defaults. */
  readonly action: 'run' | 'help' | 'version';
  /** Without a slash at its end. */
  readonly prometheusUrl?: string;
  readonly prometheusTokenFile?: string;
  readonly prometheusCaFile?: string;
  readonly prometheusHeadersFile?: string;
  /** Label names and values, for every built-in query. */
  readonly prometheusMatchers: Matchers;
  /** Empty: all namespaces. */
  readonly namespaces: readonly string[];
  /** Origins or URL prefixes, without a slash at their end. */
  readonly prometheusAllow: readonly string[];
  readonly notificationAllow: readonly string[];
  readonly gateAllow: readonly string[];
  readonly allowQueries: boolean;
  /** Empty: no sentinel. */
  readonly sentinel: readonly SentinelTarget[];
  readonly metricsAddress: ListenAddress;
  /** Absent: no webhook. */
  readonly webhookAddress?: ListenAddress;
  readonly webhookCertDir?: string;
  /** Without a slash at its end; begins with https. */
  readonly webhookUrl?: string;
  readonly leaderElect: boolean;
  readonly leaderElectNamespace: string;
  readonly logLevel: LogLevel;
  readonly maxConcurrent: number;
  readonly resyncMs: number;
}

export type ParsedSettings =
  | { readonly ok: true; readonly settings: Settings }
  /** The message is one line; the process ends with exit code 2. */
  | { readonly ok: false; readonly message: string };

/** Variables of the environment; an empty one counts as absent. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** What was given for one setting, and where, for messages. */
interface Given {
  readonly texts: readonly string[];
  readonly origin: string;
}

type Collected =
  | { readonly ok: true; readonly action: Settings['action']; readonly given: ReadonlyMap<Flag, Given> }
  | { readonly ok: false; readonly message: string };

const MOST_CONCURRENT = 1_024;
/** A misspelled flag is at most this many edits away from the one that is meant. */
const NEAR_EDITS = 3;

/**
 * Reads the settings. Flags win over the environment; unknown variables are ignored, because Kubernetes sets
 * `GLIDEPATH_PORT` and the like for a Service of that name.
 * @param argv the arguments behind the program's name.
 */
export function parseSettings(argv: readonly string[], env: Environment): ParsedSettings {
  const flags = collectFlags(argv);
  if (!flags.ok) return flags;
  if (flags.action !== 'run') return buildSettings(flags.action, new Map(), {});
  return buildSettings('run', new Map([...collectEnvironment(env), ...flags.given]), env);
}

function buildSettings(action: Settings['action'], given: ReadonlyMap<Flag, Given>, env: Environment): ParsedSettings {
  const problems: string[] = [];
  const one = <T>(flag: Flag, reader: Reader<T>): T | undefined => readGiven(given.get(flag), reader, problems).at(-1);
  const many = (flag: Flag, reader: Reader<string>): readonly string[] => [...new Set(readGiven(given.get(flag), reader, problems))];
  const optional = <K extends string, V>(name: K, value: V | undefined): { readonly [P in K]?: V } =>
    (value === undefined ? {} : { [name]: value }) as { readonly [P in K]?: V };
  const settings: Settings = {
    action,
    ...optional('prometheusUrl', one('prometheus-url', readUrl)),
    ...optional('prometheusTokenFile', one('prometheus-token-file', readText)),
    ...optional('prometheusCaFile', one('prometheus-ca-file', readText)),
    ...optional('prometheusHeadersFile', one('prometheus-headers-file', readText)),
    prometheusMatchers: Object.fromEntries(readGiven(given.get('prometheus-matchers'), readMatcher, problems)),
    namespaces: many('namespace', readNamespace),
    prometheusAllow: many('prometheus-allow', readUrl),
    notificationAllow: many('notification-allow', readUrl),
    gateAllow: many('gate-allow', readUrl),
    allowQueries: one('allow-queries', readSwitch) ?? false,
    sentinel: readGiven(given.get('sentinel'), readSentinelTarget, problems),
    metricsAddress: one('metrics-address', readListenAddress) ?? { port: 8080 },
    ...optional('webhookAddress', one('webhook-address', readListenAddress)),
    ...optional('webhookCertDir', one('webhook-cert-dir', readText)),
    ...optional('webhookUrl', one('webhook-url', readSecureUrl)),
    leaderElect: one('leader-elect', readSwitch) ?? false,
    leaderElectNamespace: one('leader-elect-namespace', readNamespace) ?? (env['POD_NAMESPACE'] || SYSTEM_NAMESPACE),
    logLevel: one('log-level', readLogLevel) ?? 'info',
    maxConcurrent: one('max-concurrent', readWhole(1, MOST_CONCURRENT)) ?? 64,
    resyncMs: one('resync', readInterval) ?? 600_000,
  };
  const [message] = problems;
  return message === undefined ? { ok: true, settings } : { ok: false, message };
}

function readGiven<T>(given: Given | undefined, reader: Reader<T>, problems: string[]): readonly T[] {
  const values: T[] = [];
  for (const text of given?.texts ?? []) {
    const reading: Reading<T> = text === '' ? { ok: false, write: 'a value, or leave it out' } : reader(text);
    if (reading.ok) values.push(reading.value);
    else problems.push(`${given?.origin}: write ${reading.write}, not ${quote(text)}`);
  }
  return values;
}

/** On one line, and without a password that an address may contain. */
function quote(text: string): string {
  return JSON.stringify(text.replace(/^([a-z]+:\/\/)?.*@/is, '$1***@'));
}

function collectEnvironment(env: Environment): ReadonlyMap<Flag, Given> {
  const given = new Map<Flag, Given>();
  for (const { flag, list } of SETTING_LIST) {
    const origin = envName(flag);
    const text = env[origin] ?? '';
    if (text !== '') given.set(flag, { texts: splitValue(text, list === true), origin });
  }
  return given;
}

function splitValue(text: string, list: boolean): readonly string[] {
  return list ? text.split(',').map((part) => part.trim()) : [text];
}

function collectFlags(argv: readonly string[]): Collected {
  const given = new Map<Flag, Given>();
  let action: Settings['action'] = 'run';
  let problem: string | undefined;
  for (const token of tokenize(argv)) {
    if (token.kind === 'option-terminator') continue;
    if (token.kind === 'option' && (token.name === 'help' || token.name === 'version')) {
      if (action !== 'help') action = token.name;
      continue;
    }
    const read = readToken(token, argv[token.index] ?? '');
    if (!read.ok) problem ??= read.write;
    else addGiven(given, read.value.flag, read.value.text);
  }
  if (problem !== undefined && action === 'run') return { ok: false, message: problem.replaceAll(/\s+/g, ' ') };
  return { ok: true, action, given };
}

function addGiven(given: Map<Flag, Given>, flag: Flag, text: string): void {
  const isList = SETTING_LIST.some((setting) => setting.flag === flag && setting.list === true);
  given.set(flag, { texts: [...(given.get(flag)?.texts ?? []), ...splitValue(text, isList)], origin: `--${flag}` });
}

type Token = NonNullable<ReturnType<typeof tokenize>>[number];

function tokenize(argv: readonly string[]) {
  const settings = SETTING_LIST.map(({ flag, value }) => [flag, { type: value === undefined ? 'boolean' : 'string' }] as const);
  const options = { ...Object.fromEntries(settings), help: { type: 'boolean', short: 'h' }, version: { type: 'boolean' } } as const;
  return parseArgs({ args: [...argv], options, strict: false, allowPositionals: true, tokens: true }).tokens;
}

function readToken(token: Token, written: string): Reading<{ readonly flag: Flag; readonly text: string }> {
  if (token.kind !== 'option') {
    return { ok: false, write: `unexpected ${quote(written)}: settings are flags such as --log-level=info, see --help` };
  }
  const setting = SETTING_LIST.find(({ flag }) => flag === token.name && token.rawName === `--${flag}`);
  if (setting === undefined) return { ok: false, write: `unknown flag ${written.split('=')[0]}: ${suggest(written)}` };
  const { flag, value } = setting;
  if (value === undefined) return { ok: true, value: { flag, text: token.value ?? 'true' } };
  // A value that begins like a flag means that the value was forgotten.
  if (token.value === undefined || (!token.inlineValue && token.value.startsWith('-'))) {
    return { ok: false, write: `--${flag} needs a value: write --${flag}=${value}` };
  }
  return { ok: true, value: { flag, text: token.value } };
}

function suggest(written: string): string {
  const name = (written.split('=')[0] ?? '').replace(/^-+/, '').toLowerCase().replaceAll('_', '-');
  const nearest = [...SETTING_LIST.map(({ flag }) => flag), 'help', 'version']
    .map((flag) => ({ flag, edits: flag.startsWith(name) && name.length > 2 ? 1 : countEdits(name, flag) }))
    .toSorted((one, other) => one.edits - other.edits)[0];
  return nearest !== undefined && nearest.edits <= NEAR_EDITS ? `did you mean --${nearest.flag}?` : '--help lists all flags';
}

/** Levenshtein distance: insertions, deletions and replacements from one word to the other. */
function countEdits(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (const [at, letter] of from.split('').entries()) {
    const next = [at + 1];
    for (const [index, other] of to.split('').entries()) {
      const replaced = (row[index] ?? 0) + (letter === other ? 0 : 1);
      next.push(Math.min(replaced, (row[index + 1] ?? 0) + 1, (next[index] ?? 0) + 1));
    }
    row = next;
  }
  return row[to.length] ?? 0;
}

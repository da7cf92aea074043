// What each word on the lab's command line does.
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { downBare, runInside, startInside, upBare } from './bare.ts';
import { SCRAPE_INTERVALS } from './configuration.ts';
import { isScrapeInterval, isStoppable, setScrapeInterval, startComponent, stopComponent, STOPPABLE } from './control.ts';
import { type Extra, EXTRAS, GATEWAY_EXTRAS } from './extras.ts';
import { buildImage } from './images.ts';
import { downK3d, statusK3d, upK3d } from './k3d.ts';
import { withLock } from './lock.ts';
import { ENTER_NETNS, isInsideLab, netnsExists, outsideEnvironment } from './netns.ts';
import { say } from './progress.ts';
import { GATEWAY_URL, labEnvironment, LabError, labKind, prometheusUrlForPods, PROMETHEUS_URL } from './settings.ts';
import { showStatus } from './status.ts';
import { toolsFolder } from './tools.ts';

const USAGE = `A real Kubernetes with a gateway and Prometheus, on this machine, for tests and demos.

usage: npm run -s lab -- COMMAND

  up [--gateway envoy-gateway|traefik|istio] [--argocd] [--flux] [--dns]
                        bring the lab up, with what is asked for beside Contour; quick and harmless when it is up
  down                  end it and remove what it left
  status                what runs, in which version; exit code 1 unless all is well
  env                   print shell exports: KUBECONFIG GATEWAY_URL PROMETHEUS_URL LAB_KIND ...
  exec -- CMD...        run a command where those addresses answer, with those variables and kubectl on the PATH
  stop PART             end one part: ${STOPPABLE.join(' ')}
  start PART            start it again
  scrape INTERVAL       make Prometheus scrape every ${SCRAPE_INTERVALS.join(', ')}
  image FOLDER TAG      build FOLDER/Dockerfile and load it into the lab as TAG

Variables: GLIDEPATH_LAB_KIND (bare, k3d), GLIDEPATH_LAB_STATE (default /var/tmp/glidepath-lab; another folder is another lab
beside it), XDG_CACHE_HOME.
`;

type Command = (args: readonly string[]) => Promise<number>;

/** A mistake on the command line: one line, exit code 2. */
class UsageError extends Error {}

function expectNone(args: readonly string[]): void {
  if (args[0] !== undefined) throw new UsageError(`"${args[0]}" is unknown here.`);
}

/** Extras with a flag of their own. */
const FLAGS = ['argocd', 'flux', 'dns'] as const satisfies readonly Extra[];

/** `--argocd`, `--flux`, `--dns`, and `--gateway NAME` or `--with EXTRA` as often as wanted. */
function readExtras(args: readonly string[]): readonly Extra[] {
  const [word, ...rest] = args;
  if (word === undefined) return [];
  const flagged = FLAGS.find((extra) => word === `--${extra}`);
  if (flagged !== undefined) return [flagged, ...readExtras(rest)];
  if (word !== '--gateway' && word !== '--with') throw new UsageError(`"${word}" is unknown here.`);
  const [name = '', ...others] = rest;
  // Contour is there in every lab.
  if (name === 'contour' && word === '--gateway') return readExtras(others);
  const known = word === '--gateway' ? GATEWAY_EXTRAS : EXTRAS;
  const extra = known.find((one) => one === name);
  if (extra === undefined) throw new UsageError(`"${name}" is nothing that ${word} takes; it takes ${known.join(' ')}.`);
  return [extra, ...readExtras(others)];
}

async function up(args: readonly string[]): Promise<number> {
  const extras = readExtras(args);
  const startedAt = performance.now();
  const bare = labKind() === 'bare';
  if (extras.length > 0 && !bare) say(`${extras.join(', ')}: a part of the bare lab only; this one comes up without it.`);
  await withLock(() => (bare ? upBare(extras) : upK3d()));
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  say(
    `The lab (${labKind()}) is up after ${seconds} s: gateway ${GATEWAY_URL}, Prometheus ${PROMETHEUS_URL} (for pods ${prometheusUrlForPods()}).`,
  );
  say('Reach it with: npm run -s lab -- exec -- kubectl get pods -A');
  return 0;
}

async function down(args: readonly string[]): Promise<number> {
  expectNone(args);
  await withLock(labKind() === 'bare' ? downBare : downK3d);
  say('The lab is down.');
  return 0;
}

async function status(args: readonly string[]): Promise<number> {
  expectNone(args);
  if (labKind() === 'k3d') return statusK3d();
  if (!netnsExists()) {
    process.stdout.write('The lab (bare) is down.\n');
    return 1;
  }
  if (isInsideLab()) return showStatus();
  return (await runInside('status')) ? 0 : 1;
}

function quote(value: string): string {
  return `'${value.replaceAll("'", "'\\''")}'`;
}

async function env(args: readonly string[]): Promise<number> {
  expectNone(args);
  for (const [name, value] of Object.entries(labEnvironment())) process.stdout.write(`export ${name}=${quote(value)}\n`);
  return 0;
}

/** Runs the command with our terminal, hands signals on, and ends as it ended. */
async function exec(args: readonly string[]): Promise<number> {
  const command = args[0] === '--' ? args.slice(1) : args;
  if (command[0] === undefined) throw new UsageError('exec needs a command: exec -- CMD...');
  const bare = labKind() === 'bare';
  if (bare && !netnsExists()) throw new LabError('The lab is down; bring it up with: npm run lab -- up');
  const [program = '', ...words] = bare && !isInsideLab() ? [...ENTER_NETNS, '--', ...command] : command;
  const path = bare ? `${toolsFolder()}:${process.env['PATH'] ?? ''}` : (process.env['PATH'] ?? '');
  const outside = bare ? outsideEnvironment() : {};
  const child = spawn(program, words, { stdio: 'inherit', env: { ...process.env, ...labEnvironment(), ...outside, PATH: path } });
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'] as const;
  for (const signal of signals) process.on(signal, () => child.kill(signal));
  return new Promise((resolve, reject) => {
    child.on('error', (cause) => reject(new LabError(`Cannot run ${command[0]}: ${cause.message}`, { cause })));
    child.on('close', (code, signal) => resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal])));
  });
}

/** A part by its name on the command line. */
async function control(args: readonly string[], act: typeof startComponent): Promise<number> {
  const [name = '', ...rest] = args;
  expectNone(rest);
  if (!isStoppable(name)) throw new UsageError(`"${name}" is no part that can be stopped and started; those are ${STOPPABLE.join(' ')}.`);
  expectUp();
  await act(name);
  return 0;
}

function expectUp(): void {
  if (labKind() === 'bare' && !netnsExists()) throw new LabError('The lab is down; bring it up with: npm run lab -- up');
}

async function scrape(args: readonly string[]): Promise<number> {
  const [interval = '', ...rest] = args;
  expectNone(rest);
  if (!isScrapeInterval(interval))
    throw new UsageError(`"${interval}" is no scrape interval of the lab; those are ${SCRAPE_INTERVALS.join(' ')}.`);
  expectUp();
  await setScrapeInterval(interval);
  return 0;
}

async function image(args: readonly string[]): Promise<number> {
  const [folder, tag, ...rest] = args;
  expectNone(rest);
  if (folder === undefined || tag === undefined) throw new UsageError('image needs a folder and a tag: image FOLDER TAG');
  expectUp();
  say(`Pods can use the image as ${await buildImage(folder, tag)}.`);
  return 0;
}

const COMMANDS: Readonly<Record<string, Command>> = {
  up,
  down,
  status,
  env,
  exec,
  image,
  scrape,
  stop: (args) => control(args, stopComponent),
  start: (args) => control(args, startComponent),
  // Second half of `up`, which has to run in the lab's namespace.
  'start-inside': (args) => {
    expectNone(args);
    return startInside().then(() => 0);
  },
};

/** Runs one command line; resolves to the exit code. */
export async function runCommand(args: readonly string[]): Promise<number> {
  const [word, ...rest] = args;
  if (word === undefined || word === 'help' || word === '--help' || word === '-h') {
    process.stdout.write(USAGE);
    return 0;
  }
  try {
    const command = Object.hasOwn(COMMANDS, word) ? COMMANDS[word] : undefined;
    if (command === undefined) throw new UsageError(`"${word}" is no command of the lab; run it without arguments to see them all.`);
    return await command(rest);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    say(error.message);
    return 2;
  }
}

// `kubectl canary completion`: prints the script with which kubectl completes this plugin. kubectl runs kubectl_complete-canary, or
// kubectl_complete-glidepath if the plugin is installed under that name, with the words so far; the script runs `__complete` here,
// which prints one choice a line and the directive for the shell.

import { withoutUndefined } from '../../api/absence.ts';
import type { Command, Option } from 'commander';
import { listDeploymentNames } from '../cluster/deployments.ts';
import { type ClusterLink, listContexts, withCluster } from '../cluster/link.ts';
import { type ClusterOptions, namespaceOf } from '../cluster/options.ts';
import { listReleases } from '../cluster/releases.ts';
import { EXIT, type CliIo } from '../io.ts';
import type { CommandEntry } from '../entry.ts';

const SCRIPT = `#!/bin/sh
# Save this as kubectl_complete-canary on your PATH and make it executable; kubectl's own completion runs it. For
# kubectl glidepath save it as kubectl_complete-glidepath as well: it runs the plugin that it is named after.
exec "kubectl-\${0##*kubectl_complete-}" __complete "$@"
`;

const EXAMPLE = `
Example, for kubectl canary and for kubectl glidepath:
  kubectl canary completion > ~/bin/kubectl_complete-canary && chmod +x ~/bin/kubectl_complete-canary
  ln -s kubectl_complete-canary ~/bin/kubectl_complete-glidepath`;

/** No file names, or whatever the shell would complete; the numbers are kubectl's. */
const [NO_FILES, FILES] = [':4', ':0'];

/** The command. */
export const completionCommand: CommandEntry = {
  name: 'completion',
  add: (program, io, end) => {
    program
      .command('completion')
      .description('Print the script with which kubectl completes commands, options and names.')
      .addHelpText('after', EXAMPLE)
      .action(() => {
        io.out(SCRIPT);
        end(EXIT.ok);
      });
    program
      .command('__complete', { hidden: true })
      .argument('[words...]')
      .helpOption(false)
      .allowUnknownOption()
      .action(async (words: readonly string[]) => {
        io.out(`${(await complete(program, words, io)).join('\n')}\n`);
        end(EXIT.ok);
      });
  },
};

/** Choices for the last word, and the directive. */
async function complete(program: Command, words: readonly string[], io: CliIo): Promise<readonly string[]> {
  const last = words.at(-1) ?? '';
  const { command, before } = descend(program, words.slice(0, -1));
  const asked = findOption(command, before.at(-1));
  if (asked !== undefined) return completeValue(asked, before, last, io);
  if (last.startsWith('-')) return [...begin(command.options.map(nameOption), last), NO_FILES];
  const subcommands = command.commands.filter((sub) => !sub.name().startsWith('__')).map((sub) => `${sub.name()}\t${sub.description()}`);
  const argument = hasName(command, before) ? undefined : command.registeredArguments[0]?.name();
  const names = argument === 'name' ? await listNames(before, io) : argument === 'deploy/name' ? await listDeployments(before, io) : [];
  return [...begin([...subcommands, ...names], last), NO_FILES];
}

async function completeValue(option: Option, before: readonly string[], last: string, io: CliIo): Promise<readonly string[]> {
  if (option.argChoices !== undefined) return [...begin(option.argChoices, last), NO_FILES];
  if (option.long === '--for') return [...begin(await listDeployments(before, io), last), NO_FILES];
  if (option.long === '--context') return [...begin(listContexts(optionsIn(before)), last), NO_FILES];
  return [FILES];
}

/** The command that the words name, and the words behind it. */
function descend(program: Command, words: readonly string[]): { readonly command: Command; readonly before: readonly string[] } {
  const [word, ...rest] = words;
  const found = program.commands.find((command) => command.name() === word || command.aliases().includes(word ?? ''));
  return found === undefined ? { command: program, before: words } : descend(found, rest);
}

function begin(choices: readonly string[], word: string): readonly string[] {
  return choices.filter((choice) => choice.startsWith(word));
}

function nameOption(option: Option): string {
  return `${option.long ?? option.short ?? ''}\t${option.description}`;
}

/** The option of this name, if a value must follow it. */
function findOption(command: Command, word: string | undefined): Option | undefined {
  if (word === undefined) return undefined;
  return command.options.find((option) => (option.long === word || option.short === word) && (option.required || option.optional));
}

/** True when a word behind the command is no option and no value of one. */
function hasName(command: Command, before: readonly string[]): boolean {
  return before.some((word, index) => !word.startsWith('-') && findOption(command, before[index - 1]) === undefined);
}

/** The options that say which cluster, as far as they are typed. */
function optionsIn(before: readonly string[]): ClusterOptions {
  const wordBehind = (...names: readonly string[]) => before.find((_word, index) => names.includes(before[index - 1] ?? ''));
  const [namespace, context, kubeconfig] = [wordBehind('-n', '--namespace'), wordBehind('--context'), wordBehind('--kubeconfig')];
  return {
    ...withoutUndefined({ namespace, context, kubeconfig }),
  };
}

/** A cluster that does not answer has no names. */
async function ask(before: readonly string[], io: CliIo, list: (link: ClusterLink, namespace: string) => Promise<readonly string[]>) {
  const options = optionsIn(before);
  try {
    return await withCluster(options, io, (link) => list(link, namespaceOf(options, link)));
  } catch {
    return [];
  }
}

function listNames(before: readonly string[], io: CliIo): Promise<readonly string[]> {
  return ask(before, io, async (link, namespace) => {
    const releases = await listReleases(link, namespace);
    return releases.map(({ name, status }) => `${name}\t${status.phase ?? ''}`);
  });
}

function listDeployments(before: readonly string[], io: CliIo): Promise<readonly string[]> {
  return ask(before, io, async (link, namespace) => (await listDeploymentNames(link, namespace)).map((name) => `deploy/${name}`));
}

// The option `-o` of commands that print releases.

import { type Command, Option } from 'commander';

/** What is printed: for people, with more columns, or for programs. */
export type Format = 'text' | 'wide' | 'json' | 'yaml';

/** What programs ask for. */
export function isForPrograms(format: Format): format is 'json' | 'yaml' {
  return format === 'json' || format === 'yaml';
}

/** `-o text|wide|json|yaml`. */
export function addFormat(command: Command, formats: readonly Format[] = ['text', 'wide', 'json', 'yaml']): Command {
  return command.addOption(new Option('-o, --output <format>', 'what is printed').choices([...formats]).default('text'));
}

// A world for the command line that only remembers: what was printed, and files that were never on a disk.

import type { CliIo, ExitCode } from '../../../src/cli/io.ts';
import { runCli } from '../../../src/cli/program.ts';

/** What a call printed and ended with. */
export interface Called {
  readonly code: ExitCode;
  readonly out: string;
  readonly err: string;
}

/** Where the clock of these calls stands. */
export const NOW = Date.UTC(2030, 0, 1, 14);

/** Calls `kubectl canary` with these files. */
export async function call(
  argv: readonly string[],
  files: Readonly<Record<string, string>> = {},
  change: Partial<CliIo> = {},
): Promise<Called> {
  const printed = { out: '', err: '' };
  const io: CliIo = {
    out: (text) => {
      printed.out += text;
    },
    err: (text) => {
      printed.err += text;
    },
    outIsTerminal: false,
    errIsTerminal: false,
    columns: 100,
    env: {},
    readText: (path) => (files[path] === undefined ? Promise.reject(new Error('no such file')) : Promise.resolve(files[path])),
    now: () => NOW,
    spent: () => 0,
    breathe: () => Promise.resolve(),
    ...change,
  };
  const code = await runCli(argv, '1.2.3', io);
  return { code, ...printed };
}

/** A manifest in Services mode. @param spec more of the spec, as YAML lines */
export function aManifest(spec: readonly string[] = [], name = 'web'): string {
  return [
    'apiVersion: glidepath.dev/v1alpha1',
    'kind: CanaryRelease',
    `metadata: {name: ${name}, namespace: shop}`,
    'spec:',
    '  services: [{name: web-v1}, {name: web-v2}]',
    ...spec.map((line) => `  ${line}`),
    '',
  ].join('\n');
}

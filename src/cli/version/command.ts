// `kubectl canary version`.

import { API_VERSION } from '../../api/names.ts';
import { EXIT } from '../io.ts';
import { printObject } from '../output.ts';
import { addFormat, type Format, isForPrograms } from '../output-format.ts';
import type { CommandEntry } from '../entry.ts';

/** The command. The version is that of the package. */
export const versionCommand: CommandEntry = {
  name: 'version',
  add: (program, io, end) =>
    void addFormat(program.command('version').description('Print the version of this command and of the API it knows.'), [
      'text',
      'json',
      'yaml',
    ]).action(({ output }: { readonly output: Format }) => {
      const version = program.version() ?? '';
      io.out(
        isForPrograms(output)
          ? printObject({ apiVersion: 'cli.glidepath.dev/v1', kind: 'Version', version, api: API_VERSION }, output)
          : `kubectl-canary ${version}, API ${API_VERSION}\n`,
      );
      end(EXIT.ok);
    }),
};

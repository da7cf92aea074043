// `kubectl canary version`.

import { API_VERSION } from '../../api/names.ts';
import { EXIT } from '../io.ts';
import type { CommandEntry } from './registry.ts';

/** The command. The version is that of the package. */
export const versionCommand: CommandEntry = {
  name: 'version',
  add: (program, io, end) =>
    void program
      .command('version')
      .description('Print the version of this command and of the API it knows.')
      .action(() => {
        io.out(`kubectl-canary ${program.version() ?? ''}, API ${API_VERSION}\n`);
        end(EXIT.ok);
      }),
};

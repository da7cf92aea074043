// Builds the operator into one file. What it never uses of its libraries stays out: memory and the time of a start go with
// every line that Node reads. `node esbuild.config.ts [FILE [ENTRY]]`; the other entry is the command line, src/cli/main.ts.

import { join } from 'node:path';
import { build, type Plugin } from 'esbuild';
import manifest from './package.json' with { type: 'json' };

/** Says in place of a package that importing its modules does nothing but define things, so that unused ones can go. */
const PURE_PACKAGES = /node_modules\/@kubernetes\/client-node\//;

/** Of our own package.json the version is used. */
const SOURCES = join(import.meta.dirname, 'src/');

/** The parts of undici that are used, by themselves: its index loads fetch, mocks, caches and WebSockets, too. Nobody calls `fetch`. */
const UNDICI = `
import Agent from 'undici/lib/dispatcher/agent.js';
import Pool from 'undici/lib/dispatcher/pool.js';
import ProxyAgent from 'undici/lib/dispatcher/proxy-agent.js';
import Dispatcher from 'undici/lib/dispatcher/dispatcher.js';
import api from 'undici/lib/api/index.js';
Object.assign(Dispatcher.prototype, api);
export { Agent, Pool, ProxyAgent };
export const fetch = (...wanted) => globalThis.fetch(...wanted);
`;

const trim: Plugin = {
  name: 'trim',
  setup(bundle) {
    bundle.onResolve({ filter: /^(\.\.\/)+package\.json$/ }, ({ importer }) =>
      importer.startsWith(SOURCES) ? { path: 'package.json', namespace: 'trim' } : undefined,
    );
    bundle.onLoad({ filter: /^package\.json$/, namespace: 'trim' }, () => ({
      contents: JSON.stringify({ version: manifest.version }),
      loader: 'json',
    }));
    bundle.onResolve({ filter: /^undici$/ }, () => ({ path: 'undici', namespace: 'trim' }));
    bundle.onLoad({ filter: /^undici$/, namespace: 'trim' }, () => ({ contents: UNDICI, resolveDir: import.meta.dirname }));
    bundle.onResolve({ filter: /^@kubernetes\/client-node$/ }, async ({ path, importer, resolveDir, kind, pluginData }) => {
      if (pluginData === trim) return undefined;
      const found = await bundle.resolve(path, { importer, resolveDir, kind, pluginData: trim });
      return { path: found.path, sideEffects: false };
    });
    bundle.onResolve({ filter: /^\.\.?\/.*\.js$/ }, ({ path, importer, resolveDir }) =>
      PURE_PACKAGES.test(importer) ? { path: join(resolveDir, path), sideEffects: false } : undefined,
    );
  },
};

await build({
  entryPoints: [process.argv[3] ?? 'src/main.ts'],
  outfile: process.argv[2] ?? 'dist/glidepath.mjs',
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node24',
  minifySyntax: true,
  // Comments alone are a third of it, and one character beyond Latin-1 in them doubles all of it in memory.
  minifyWhitespace: true,
  lineLimit: 120,
  // Names stay as they are written. `keepNames` would say them again of every function that is made while the program runs: a fifth of
  // the time that a decision takes.
  legalComments: 'none',
  logLevel: 'warning',
  banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
  plugins: [trim],
});

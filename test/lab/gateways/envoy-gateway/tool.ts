// Envoy Gateway's control plane, built from pinned modules, and its resource definitions.
import { chmodSync, globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { ensurePinned, folderOf, type PinnedTool, versionOf } from '../../pinned-tool.ts';
import { buildGo, findModule } from '../../tools.ts';

const PIN_FOLDER = join(import.meta.dirname, 'tool');
const MODULE = 'github.com/envoyproxy/gateway';

const TOOL: PinnedTool = {
  name: 'envoy-gateway',
  pinFolder: PIN_FOLDER,
  module: MODULE,
  usually: '6 min',
  make: async (out, step) => {
    const variables = [`${MODULE}/internal/cmd/version.envoyGatewayVersion=${envoyGatewayVersion()}`];
    await buildGo(PIN_FOLDER, `${MODULE}/cmd/envoy-gateway`, join(out, 'envoy-gateway'), step, variables);
    await copyDefinitions(out);
  },
};

/** Builds Envoy Gateway unless the cache has it. */
export const ensureEnvoyGateway = (): Promise<void> => ensurePinned(TOOL);

/** The version that go.mod pins. */
export const envoyGatewayVersion = (): string => versionOf(TOOL);

/** Its program, with the resource definitions in the folder `crds` beside it. */
export const envoyGatewayPath = (): string => join(folderOf(TOOL), 'envoy-gateway');

/** The files are Helm templates whose only directives are whole lines. */
async function copyDefinitions(out: string): Promise<void> {
  const module = await findModule(PIN_FOLDER, MODULE);
  mkdirSync(join(out, 'crds'));
  for (const file of globSync('charts/gateway-crds-helm/templates/generated/*.yaml', { cwd: module })) {
    const text = readFileSync(join(module, file), 'utf8');
    const copy = join(out, 'crds', basename(file));
    writeFileSync(
      copy,
      text
        .split('\n')
        .filter((line) => !line.startsWith('{{'))
        .join('\n'),
    );
    chmodSync(copy, 0o644);
  }
}

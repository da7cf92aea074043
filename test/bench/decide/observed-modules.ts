// Puts a counter before functions of the core while modules are loaded, so that counting costs the product nothing.

import { registerHooks } from 'node:module';

const TALLY = new URL('tally.ts', import.meta.url).href;
const MARK = '?counted';

/** Functions that are counted: their file, and what notes a call with its arguments. */
const COUNTED: ReadonlyMap<string, { readonly name: string; readonly note: string }> = new Map(
  [
    { file: 'decide.ts', name: 'decide', note: 'noteDecide' },
    { file: 'facts/gather.ts', name: 'gather', note: 'noteGather' },
    { file: 'assess.ts', name: 'assess', note: 'noteAssess' },
  ].map(({ file, ...counted }) => [new URL(`../../../src/core/release/${file}`, import.meta.url).href, counted]),
);

/** Modules that are imported from now on see the counted functions. To be called before anything of `src` is loaded. */
export function countCalls(): void {
  registerHooks({
    resolve: (specifier, context, next) => {
      const found = next(specifier, context);
      return COUNTED.has(found.url) && !(context.parentURL?.endsWith(MARK) ?? false) ? { ...found, url: `${found.url}${MARK}` } : found;
    },
    load: (url, context, next) => {
      const file = url.endsWith(MARK) ? url.slice(0, -MARK.length) : undefined;
      const counted = file === undefined ? undefined : COUNTED.get(file);
      if (file === undefined || counted === undefined) return next(url, context);
      return { format: 'module', source: wrap(file, counted.name, counted.note), shortCircuit: true };
    },
  });
}

function wrap(file: string, name: string, note: string): string {
  const [real, tally] = [JSON.stringify(file), JSON.stringify(TALLY)];
  return `import { ${name} as plain } from ${real};
import { ${note} } from ${tally};
export * from ${real};
export const ${name} = (...words) => {
  ${note}(...words);
  return plain(...words);
};
`;
}

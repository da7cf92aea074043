// Runs Lua as Argo CD does: a real Lua with the base, package and table libraries, an `os` that only knows the time, and the
// resource as the global `obj`. There is no string library, because Argo CD has none unless somebody sets useOpenLibs.

import { LuaFactory } from 'wasmoon';

const factory = new LuaFactory();

/** What Argo CD does not offer goes; of `os` stays what `require` finds. The methods of strings go too. */
const SANDBOX = `
local time = { time = os.time, date = os.date }
package.loaded.os, package.loaded.string, package.loaded.math, package.loaded.io, package.loaded.utf8 = time, nil, nil, nil, nil
package.path, package.cpath = "", ""
debug.setmetatable("", nil)
os, string, math, io, utf8, debug, coroutine = nil, nil, nil, nil, nil, nil, nil
`;

/** A value as Lua source, so that the script meets plain Lua tables as it does in Argo CD. */
function toLua(value: unknown): string {
  if (value === null || value === undefined) return 'nil';
  if (Array.isArray(value)) return `{${value.map(toLua).join(', ')}}`;
  if (typeof value === 'object') {
    const fields = Object.entries(value).filter(([, field]) => field !== undefined && field !== null);
    return `{${fields.map(([key, field]) => `[${quote(key)}] = ${toLua(field)}`).join(', ')}}`;
  }
  return typeof value === 'string' ? quote(value) : JSON.stringify(value);
}

function quote(text: string): string {
  const bytes = [...Buffer.from(text)].map((byte) => `\\${String(byte).padStart(3, '0')}`);
  return `"${bytes.join('')}"`;
}

/** What the script returns for this object. */
export async function runLua(script: string, obj: object): Promise<unknown> {
  const lua = await factory.createEngine();
  try {
    await lua.doString(`${SANDBOX}\nobj = ${toLua(obj)}`);
    return await lua.doString(script);
  } finally {
    lua.global.close();
  }
}

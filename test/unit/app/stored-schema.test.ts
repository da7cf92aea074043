import { describe, expect, test } from 'vitest';
import { SCHEMA_NUMBER } from '../../../src/api/names.ts';
import { StoredSchema } from '../../../src/app/stored-schema.ts';
import { createLogger } from '../../../src/app/telemetry/log.ts';

async function readSchema(schemaLevel: () => Promise<number | undefined>) {
  const lines: { readonly level: string; readonly msg: string }[] = [];
  const log = createLogger({
    level: 'info',
    destination: { write: (line) => void lines.push(JSON.parse(line) as (typeof lines)[number]) },
  });
  const schema = new StoredSchema();
  await schema.read({ schemaLevel }, log);
  return { schema, lines };
}

describe('the schema of the stored CRD', () => {
  test('a CRD with the number of this operator, or a later one, is fine', async () => {
    for (const level of [SCHEMA_NUMBER, SCHEMA_NUMBER + 1]) {
      const { schema, lines } = await readSchema(async () => level);
      expect([schema.isOld, lines]).toEqual([false, []]);
    }
  });

  test('a CRD with a lower number, or without one, is old, and the log says what to do', async () => {
    for (const level of [SCHEMA_NUMBER - 1, undefined]) {
      const { schema, lines } = await readSchema(async () => level);
      expect(schema.isOld).toBe(true);
      expect(lines).toMatchObject([{ level: 'error', stored: level ?? 'none', msg: expect.stringContaining('apply config/crd') }]);
    }
  });

  test('a CRD that cannot be read counts as the one that we know, and the log says why', async () => {
    const { schema, lines } = await readSchema(async () => {
      throw new Error('forbidden');
    });
    expect(schema.isOld).toBe(false);
    expect(lines).toMatchObject([{ level: 'warn', msg: expect.stringContaining('forbidden') }]);
  });
});

import { existsSync, globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CLAIMS, mayRunBeside, orderFiles } from '../../../tools/test/cluster-files.ts';

const FOLDER = join(import.meta.dirname, '../../cluster');
const FILES = globSync('*.test.ts', { cwd: FOLDER }).map((file) => basename(file, '.test.ts'));
const sourceOf = (file: string) => readFileSync(join(FOLDER, `${file}.test.ts`), 'utf8');
const filesWith = (words: RegExp) => FILES.filter((file) => words.test(sourceOf(file)));

describe('cluster tests side by side', () => {
  it('every claim of a cluster test names a file that is there', () => {
    expect(Object.keys(CLAIMS).filter((file) => !existsSync(join(FOLDER, `${file}.test.ts`)))).toEqual([]);
  });

  it('a file that stops a part of the lab, uninstalls, or installs the operator for all namespaces runs alone', () => {
    const disturbing = filesWith(/stopComponent\(|withoutApiServer\(|canary\('uninstall'|installOperator\(/);
    expect(disturbing.toSorted()).toEqual(['api-outage', 'deployment-leaving', 'outage', 'pod', 'webhook-pods']);
    expect(disturbing.filter((file) => CLAIMS[file]?.alone !== true)).toEqual([]);
  });

  it('every cluster test about Deployments says that it uses Deployment mode or changes it', () => {
    const isSaid = (file: string) => {
      const { uses = [], changes = [], alone = false } = CLAIMS[file] ?? {};
      return alone || [...uses, ...changes].includes('Deployment mode');
    };
    expect(filesWith(/deployment-stand|config\/deployment-mode/).filter((file) => !isSaid(file))).toEqual([]);
  });

  it('every cluster test that takes Deployment mode away says that it changes it', () => {
    const taking = filesWith(/'delete', '--ignore-not-found', '-k', MODE|'absent'\)|kind: 'ClusterRole', name: 'glidepath/);
    expect(taking.length).toBeGreaterThan(3);
    const isSaid = (file: string) => CLAIMS[file]?.alone === true || CLAIMS[file]?.changes?.includes('Deployment mode') === true;
    expect(taking.filter((file) => !isSaid(file))).toEqual([]);
  });

  it('two files never run together that change the same, or of which one changes what the other uses', () => {
    expect(mayRunBeside('argocd', ['argocd-deployment'])).toBe(false);
    expect(mayRunBeside('webhook', ['deployment-undo'])).toBe(false);
    expect(mayRunBeside('deployment-undo', ['webhook'])).toBe(false);
    expect(mayRunBeside('deployment-undo', ['deployment-pods'])).toBe(true);
    expect(mayRunBeside('webhook', ['argocd'])).toBe(true);
    expect(mayRunBeside('routes', ['rollback'])).toBe(true);
  });

  it('nothing runs beside a file that needs the lab for itself, on whichever side it is', () => {
    expect(mayRunBeside('outage', ['routes'])).toBe(false);
    expect(mayRunBeside('routes', ['outage'])).toBe(false);
    expect(mayRunBeside('outage', [])).toBe(true);
  });

  it('cluster tests begin with what takes longest and end with what has to be alone', () => {
    const ordered = orderFiles(FILES);
    expect(ordered[0]).toBe('argocd-deployment');
    expect(ordered.slice(-4).every((file) => CLAIMS[file]?.alone === true)).toBe(true);
    expect(ordered).toHaveLength(FILES.length);
  });
});

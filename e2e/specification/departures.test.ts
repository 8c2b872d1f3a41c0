import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { DEPARTURES } from './departures.js';
import { ROOT } from './running_cluster.js';

const FOLDER = join(ROOT, 'e2e/specification');

describe('departures', () => {
  it.each(Object.keys(DEPARTURES))('%s is named by a check', async (name) => {
    const files = (await readdir(FOLDER)).filter((file) => file.endsWith('.test.ts'));
    const checks = await Promise.all(files.map((file) => readFile(join(FOLDER, file), 'utf8')));
    const named = checks.flatMap((text) => [...text.matchAll(/departs\(([^)]*)\)/g)].map(([, names = '']) => names));
    expect(named.some((names) => names.includes(`'${name}'`))).toBe(true);
  });
});

/** docs/operations.md says of each problem what it means and what to do. */
import { readFileSync } from 'node:fs';
import { expect, it } from '@jest/globals';
import { PROBLEM_CODES } from '../api-gateway/src/contract.js';
import { PROBLEMS } from '../node/src/base/problems.js';

const text = readFileSync(new URL('../docs/operations.md', import.meta.url), 'utf8');

/** The codes of a table, with its last column. */
function rowsOf(heading: string): [string, string][] {
  const table = text.slice(text.indexOf(heading)).split('\n\n')[0] ?? '';
  return table.split('\n').slice(2).flatMap((line): [string, string][] => {
    const cells = line.split('|').map((cell) => cell.trim());
    return [...(cells[1] ?? '').matchAll(/`([a-z_]+)`/g)].map(([, code = '']) => [code, cells.at(-2) ?? '']);
  });
}

it('the problems of the gateway are in its table', () => {
  expect(rowsOf('| code of the gateway').map(([code]) => code)).toEqual([...PROBLEM_CODES]);
});

it('the problems of a node are in its table, which says whether it signs meanwhile', () => {
  expect(rowsOf('| code of a node')).toEqual(Object.entries(PROBLEMS).map(([code, stops]) => [code, stops ? 'no' : 'yes']));
});

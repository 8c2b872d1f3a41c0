import { describe, expect, it } from '@jest/globals';
import { simulate } from '../../src/testing/simulate.js';
import { plausible } from '../util/alterations.js';
import { ending, expectBlame } from '../util/blame.js';
import { editing, type Tamper } from '../util/messages.js';
import { replaceAt, type Json } from '../util/proofs.js';
import { smallShares } from '../util/small_shares.js';
import { CHEAT, expectedOf, TamperedSigning, type Row } from '../util/tampered_signing.js';

const run = new TamperedSigning(smallShares(3, 4), [2, 0, 3]);

function valueAt(body: Json, path: string): Json {
  return path.split('/').slice(1).reduce<Json>((node, key) => (node as { [key: string]: Json })[key] ?? null, body);
}

/** The same field altered in what each recipient gets. */
function alteringFor(row: Row): Tamper {
  const { variant, field } = row;
  const edit = (body: Json): Json => replaceAt(body, field.path, plausible({ ...field, value: valueAt(body, field.path) }));
  return variant === 'Round1a' ? run.altering(variant, edit(row.body)) : editing(CHEAT, variant, edit);
}

describe('one cheat, before all honest signers', () => {
  it.each(run.rowsTo(0))('$where altered', (row) => {
    const { code, culprits } = expectedOf(row);
    expectBlame(simulate(run.sessions(), { tamper: alteringFor(row) }), run.honest, code, culprits);
  });
});

describe('one cheat, before one recipient of what is for one alone', () => {
  it.each(run.rowsTo(2).filter(({ variant }) => variant === 'Round1b' || variant === 'Round2'))('$where altered', (row) => {
    const { code, culprits } = expectedOf(row);
    const outcomes = simulate(run.sessions(), {
      tamper: editing(CHEAT, row.variant, () => replaceAt(row.body, row.field.path, plausible(row.field)), [2]),
    });
    expect([ending(outcomes[2]), ending(outcomes[0])]).toEqual([`${code}:${culprits.join()}`, 'waiting']);
  });
});

describe('points', () => {
  it.each(run.rowsTo(0).filter(({ field }) => field.kind === 'point'))('$where the identity', (row) => {
    run.expectIdentityRefused(row);
  });
});

describe('integers outside their groups', () => {
  const rows = run.rowsTo(0).filter(({ field }) => field.kind === 'integer');

  it('have a range where they have no group', () => {
    const ranged = rows.filter(({ where }) => !(where in run.groups));
    expect(ranged.map(({ field }) => field.path.split('/').at(-1))).toEqual([
      'z1',
      'z3',
      'z1',
      'z3',
      'z1',
      'z2',
      'z3',
      'z4',
      'z1',
      'z2',
      'z3',
      'z4',
    ]);
  });

  it.each(rows.filter(({ where }) => where in run.groups))('$where', (row) => {
    run.expectOutsideRefused(row);
  });
});

import { describe, expect, it } from '@jest/globals';
import { receive, type Protocol } from '../../src/runtime/protocol.js';
import { Session } from '../../src/runtime/session.js';
import { round1a, signingRounds } from '../../src/signing/messages.js';
import { outputs } from '../../src/testing/simulate.js';
import { malformedForms, plausible, without } from '../util/alterations.js';
import { abortOfCall, blamed } from '../util/blame.js';
import { replaceAt } from '../util/proofs.js';
import { smallShares } from '../util/small_shares.js';
import { CHEAT, expectedOf, IS_BROADCAST, TamperedSigning } from '../util/tampered_signing.js';

const run = new TamperedSigning(smallShares(2, 3), [2, 0]);

/** A signing session at position 0 that only parses: making a real one for each malformed form would take long. */
function idle(): Session<void> {
  function* waiting(): Protocol<void> {
    yield* receive(round1a);
  }
  return new Session({ protocol: waiting(), rounds: signingRounds, index: 0, parties: 2 });
}

describe('one cheat', () => {
  const rows = run.rowsTo(0);

  it('has a row for every field', () => {
    const enc = (name: string): string[] =>
      ['commitment/s', 'commitment/t', 'commitment/d', 'commitment/y', 'commitment/z', 'proof/z1', 'proof/z2', 'proof/z3', 'proof/w'].map(
        (f) => `${name}/${f}`,
      );
    const aff = (name: string): string[] =>
      ['a', 'b_x', 'b_y', 'e', 's', 'f', 't']
        .map((f) => `${name}/commitment/${f}`)
        .concat(['z1', 'z2', 'z3', 'z4', 'w', 'w_y'].map((f) => `${name}/proof/${f}`));
    const log = (name: string): string[] =>
      ['commitment/a', 'commitment/n', 'commitment/b', 'proof/z', 'proof/u'].map((f) => `${name}/${f}`);
    const expected = {
      Round1a: ['K', 'G', 'Y', 'A1', 'A2', 'B1', 'B2'],
      Round1b: [...enc('psi0'), ...enc('psi1')],
      Round2: ['Gamma', 'D', 'F', 'hat_D', 'hat_F', ...log('tilde_psi'), ...aff('psi_j'), ...aff('hat_psi_j')],
      Round3: ['delta', 'S', 'Delta', ...log('psi_prime')],
      Round4: ['partial_sig/sigma'],
    };
    const paths = Object.entries(expected).flatMap(([variant, fields]) => fields.map((field) => `${variant}/${field}`));
    expect(rows.map(({ where }) => where).sort()).toEqual(['ReliabilityCheck', ...paths].sort());
  });

  // psi1 and hat_psi_j are made and verified by the code of psi0 and psi_j: here one field of each, in the slow suite all.
  const twins = /^Round1b\/psi1|^Round2\/hat_psi_j/;
  it.each(rows.filter(({ where }) => !twins.test(where) || where.endsWith('/proof/z1')))('$where altered', (row) => {
    const { code, culprits } = expectedOf(row);
    const abort = run.abortOf(run.altering(row.variant, replaceAt(row.body, row.field.path, plausible(row.field))));
    expect(blamed(abort)).toBe(`${code}:${culprits.join()}`);
  });

  const signed = /\/proof\/z[134]?$/;
  it.each(rows)('$where malformed, missing or negative', ({ variant, body, field }) => {
    const { path, kind } = field;
    const forms = [...malformedForms(field).map(([, form]) => replaceAt(body, path, form)), ...(path === '' ? [] : [without(body, path)])];
    if (kind === 'integer' && !signed.test(path) && !path.endsWith('/z2')) forms.push(replaceAt(body, path, { radix: 16, value: '-1' }));
    for (const form of forms) {
      const payload = JSON.stringify({ [variant]: form });
      const abort = abortOfCall(() => { idle().receive({ sender: CHEAT, broadcast: IS_BROADCAST[variant] === true, payload }); });
      expect(blamed(abort)).toBe(`malformed_message:${CHEAT}`);
    }
  });

  it.each(rows.filter(({ field }) => field.kind === 'point' && !field.path.includes('/commitment/')))('$where the identity', (row) => {
    run.expectIdentityRefused(row);
  });

  it.each(rows.filter(({ where }) => /^Round(1a|2)\/[^/]+$/.test(where) && where in run.groups))('$where outside its group', (row) => {
    run.expectOutsideRefused(row);
  });
});

it('the run that is tampered with is a good one', () => {
  const [first, second] = outputs(run.honestRun.outcomes);
  expect(second).toEqual(first);
});

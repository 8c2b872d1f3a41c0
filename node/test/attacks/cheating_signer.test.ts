import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { SMALL_FOR_TESTS } from 'cggmp24/testing';
import { PARTIAL_SIGNATURE } from 'sealing/kinds';
import type { StatementKind } from 'sealing/statement';
import { convictions } from '../../src/evidence/evidence.js';
import { Seals } from '../../src/mail/seals.js';
import { eventually, SigningCluster, type ClusterOptions } from '../util/cluster.js';

/** Signs wrong partial signatures. */
class WrongParts extends Seals {
  override state<Claims>(kind: StatementKind<Claims>, claims: Claims): Promise<string> {
    return super.state(kind, kind.typ === PARTIAL_SIGNATURE.typ ? { ...claims, sigma: '11'.repeat(32) } : claims);
  }
}

/** Seals rubbish instead of its last message. */
class WrongMessages extends Seals {
  override seal(...[place, plaintext]: Parameters<Seals['seal']>): ReturnType<Seals['seal']> {
    return super.seal(place, place.round === 4 && !place.session.startsWith('presig') ? '{"Round3":7}' : plaintext);
  }
}

const CHEAT = 2;
const start = (Cheating: typeof Seals, options: ClusterOptions): Promise<SigningCluster> => {
  return SigningCluster.start({
    ...options,
    sealsOf: (index, roster, identity) => new (index === CHEAT ? Cheating : Seals)(roster, identity),
  });
};

/** The culprits that the honest nodes tell of. */
const named = (cluster: SigningCluster): string[] => [...new Set([0, 1, 3].flatMap((index) => cluster.status(index)?.culprits ?? []))];
/** How many of them know of one. */
const knowing = (cluster: SigningCluster): number => [0, 1, 3].filter((index) => cluster.status(index)?.culprits.length !== 0).length;

/** What the honest nodes' evidence proves to somebody who has the roster alone. */
async function proven(cluster: SigningCluster): Promise<string[]> {
  const { roster } = cluster.members;
  const folders = [0, 1, 3].map((index) => cluster.evidenceOf(index)).filter((folder) => existsSync(folder));
  const texts = await Promise.all(
    folders.map(async (folder) => Promise.all((await readdir(folder)).map((name) => readFile(join(folder, name), 'utf8')))),
  );
  const found = await Promise.all(texts.flat().map((text) => convictions(roster, SMALL_FOR_TESTS, text)));
  return [...new Set(found.map((each) => each.map(({ member, code }) => `${member} ${code}`).join() || 'nothing'))];
}

describe('a cluster with a signer that cheats', () => {
  it('goes on without the maker of a wrong partial signature', async () => {
    const cluster = await start(WrongParts, { settings: { POOL_TARGET: '8', POOL_MAX: '12', FAST_SIGNING_TIMEOUT_MS: '10000' } });
    try {
      await eventually('the pool is filled', () => cluster.pooled() >= 3 * 8);
      // Each sees for itself; with two of them it is in no signer set any more, so the third never does.
      for (let k = 0; knowing(cluster) < 2; k++) {
        const record = await cluster.finished((await cluster.request(`request ${k}`)).id);
        expect(cluster.isSigned(record)).toBe(true);
      }
      expect(named(cluster)).toEqual(['node-3']);
      const before = cluster.log.lines.length;
      const records = await Promise.all([1, 2, 3].map(async (k) => cluster.finished((await cluster.request(`without it, ${k}`)).id)));
      expect(records.every((record) => cluster.isSigned(record))).toBe(true);
      const signers = cluster.log.lines
        .slice(before)
        .flatMap((line) => (line.event === 'signature_generated' && line.node !== 'node-3' ? [line.signers] : []));
      expect(new Set(signers)).toEqual(new Set(['1-2-4']));
      expect(await proven(cluster)).toEqual(['node-3 invalid_partial_signature']);
    } finally {
      await cluster.stop();
    }
  });

  it('goes on without the sender of a wrong message', async () => {
    const cluster = await start(WrongMessages, { settings: { POOL_TARGET: '0', POOL_MAX: '0' } });
    try {
      for (let k = 0; named(cluster).length === 0; k++) {
        const record = await cluster.finished((await cluster.request(`request ${k}`)).id);
        expect(cluster.isSigned(record)).toBe(true);
      }
      expect(named(cluster)).toEqual(['node-3']);
      const codes = new Set(
        cluster.log.lines.flatMap((line) => (line.event === 'culprit' ? [`${String(line.culprit)} ${String(line.code)}`] : [])),
      );
      expect(codes).toEqual(new Set(['node-3 malformed_message']));
      expect(await proven(cluster)).toEqual(['node-3 malformed_message']);
    } finally {
      await cluster.stop();
    }
  });
});

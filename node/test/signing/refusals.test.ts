import { beforeEach, describe, expect, it } from '@jest/globals';
import { refusalOf } from 'message-board/outcome';
import { NAMING, REFUSAL } from 'sealing/kinds';
import { sign } from 'sealing/statement';
import { PLAIN_CLUSTER, SEALED_CLUSTER } from '../../src/signing/cluster_kind.js';
import { Refusals, UnwillingSigner } from '../../src/signing/refusals.js';
import { memoryLog } from '../util/cluster.js';
import { present } from 'testkit/present';
import { members } from 'testkit/roster';

const { roster, identities, gateway } = members(4, 3);
const request = { id: 'req_1', origin: 'the origin' };
const refusal = (index: number, code = 'policy_refused', of: Parameters<typeof refusalOf>[0] = request): Promise<string> =>
  sign(present(identities[index]), roster, REFUSAL, refusalOf(of, code));

let log: ReturnType<typeof memoryLog>;
let refusals: Refusals;
beforeEach(() => {
  log = memoryLog();
  refusals = new Refusals({ roster, n: 4, cluster: SEALED_CLUSTER, logger: log.logger }, request);
});

describe('the refusals of a request', () => {
  it('are the nodes that have refused, and the first code of each', async () => {
    await refusals.learn([await refusal(3, 'unauthorized'), await refusal(1), await refusal(3, 'rate_limited')]);
    expect([...refusals.parties].sort()).toEqual([1, 3]);
    expect([0, 1, 2, 3].map((party) => refusals.codeOf(party))).toEqual([undefined, 'policy_refused', undefined, 'unauthorized']);
  });

  it('are only what a node has signed for this very request', async () => {
    const other = members(5, 3).roster;
    const wrong = [
      await refusal(1, 'unauthorized', { ...request, id: 'req_2' }),
      await refusal(1, 'unauthorized', { ...request, origin: 'another' }),
      await refusal(1, 'unauthorized', { id: 'req_1' }),
      await sign(gateway, roster, REFUSAL, refusalOf(request, 'unauthorized')),
      await sign(present(identities[1]), other, REFUSAL, refusalOf(request, 'unauthorized')),
      await sign(present(identities[1]), roster, NAMING, { request_id: 'req_1', presignature_id: 'p' }),
      (await refusal(1)).slice(0, -8),
      'a.b.c',
    ];
    await refusals.learn([...wrong, ...wrong]);
    expect(refusals.parties.size).toBe(0);
    expect(log.lines.map(({ event }) => event)).toEqual(wrong.map(() => 'refusal_ignored'));
  });

  it('end what waits for a node that refuses, before or after', async () => {
    const watches = [[0, 1], [0, 2], [0, 1]].map((signers) => refusals.watch(signers));
    watches[2]?.stop();
    await refusals.learn([await refusal(1)]);
    expect([...watches, refusals.watch([1, 2])].map(({ signal }) => signal.aborted)).toEqual([true, false, false, true]);
    expect(watches[0]?.signal.reason).toBeInstanceOf(UnwillingSigner);
    expect(watches[0]?.signal.reason).toMatchObject({ party: 1 });
  });

  it('do not exist in a plain cluster', async () => {
    const plain = members(4, 3, 'plain');
    const none = new Refusals({ roster: plain.roster, n: 4, cluster: PLAIN_CLUSTER, logger: log.logger }, request);
    await none.learn([await sign(present(plain.identities[1]), plain.roster, REFUSAL, refusalOf(request, 'unauthorized'))]);
    expect(none.parties.size).toBe(0);
  });
});

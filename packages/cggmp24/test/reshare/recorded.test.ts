/**
 * The messages of one run, kept. A program in Python that knows only the encoding has computed every hash, pad and proof of them
 * again, from the setting, the messages and the receivers' keys. Another version of this library has to send the same.
 */
import { expect, it } from '@jest/globals';
import { z } from 'zod';
import { serializeCase } from '../../src/evidence/case.js';
import { judge } from '../../src/evidence/judge.js';
import { at } from '../../src/base/at.js';
import { SECURITY_128 } from '../../src/params.js';
import { outputs } from '../../src/testing/simulate.js';
import { CompactScalarJson } from '../../src/wire/json.js';
import { recordRun, RecordedMessage, sorted } from '../util/messages.js';
import { deal, optionsOf, sessionsOf, type Change } from '../util/resharing.js';
import { loadVectors } from '../util/vectors.js';

const Run = z.object({
  setting: z.json(),
  messages: z.array(RecordedMessage),
  /** x'_j of each receiver, by key. */
  shares: z.array(z.array(CompactScalarJson)),
});

const CHANGE: Change = { dealers: [2, 0], parties: 4, threshold: 3, name: 'recorded' };

it('a recorded resharing is made again, and judged', () => {
  const recorded = loadVectors('reshare_2of3_to_3of4', Run);
  const base = deal(2, 2, 3);
  const setting = { kind: 'reshare', keys: at(base, 0), ...optionsOf(CHANGE) } as const;
  const submitted = {
    params: SECURITY_128,
    setting,
    messages: recorded.messages.map(({ sender, msg }) => ({ sender, recipient: 'all' as const, payload: JSON.stringify(msg) })),
  };
  expect((JSON.parse(serializeCase(submitted)) as { setting: unknown }).setting).toEqual(recorded.setting);
  expect(judge(submitted)).toEqual([]);

  const { outcomes, messages } = recordRun(sessionsOf(base, CHANGE));
  expect(sorted(messages)).toEqual(sorted(recorded.messages));
  const shares = outputs(outcomes).slice(2).map((keys) => keys.map(({ core }) => ('secretShare' in core ? core.secretShare.reveal() : 0n)));
  expect(shares).toEqual(recorded.shares);
});

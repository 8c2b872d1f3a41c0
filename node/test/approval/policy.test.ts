import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Payload } from 'message-board/contract';
import { ALLOW_ALL, parsePolicy, PolicyFile, type Policy, type PolicyAnswer } from '../../src/approval/policy.js';
import { inFolder } from 'testkit/folder';
import { VirtualClock } from 'testkit/virtual_clock';

const clock = new VirtualClock();
let ids = 0;
function check(policy: Policy, message: string, id = `req_${++ids}`): PolicyAnswer {
  return policy.check({ id, payload: { message }, time: new Date() });
}
const answer = (policy: Policy, message: string, id?: string): string => {
  const given = check(policy, message, id);
  return given.allowed ? 'allowed' : given.code;
};
const policyOf = (file: object, now = () => 0): Policy => parsePolicy(JSON.stringify({ version: 1, ...file }), { monotonic: now });

describe('a policy', () => {
  it('allows everything when there is no file, and no more than the file says when there is one', () =>
    inFolder(async (folder) => {
      expect(answer(await PolicyFile.open(undefined, clock), 'anything')).toBe('allowed');
      const path = join(folder, 'policy.json');
      await writeFile(path, JSON.stringify({ version: 1, allow: ['pay *'] }));
      const policy = await PolicyFile.open(path, clock);
      expect([answer(policy, 'pay 5'), answer(policy, 'anything')]).toEqual(['allowed', 'policy_refused']);
      expect(policy.sha256).toMatch(/^[0-9a-f]{64}$/);
      await writeFile(path, Buffer.from('{"version":1,"deny":["pay\xe9/*"]}', 'latin1'));
      await expect(PolicyFile.open(path, clock)).rejects.toThrow(`POLICY_FILE: ${path}: is not UTF-8`);
      const gone = PolicyFile.open(join(folder, 'gone.json'), clock);
      await expect(gone).rejects.toThrow(/^POLICY_FILE: .*gone\.json: cannot be read \(ENOENT\)$/);
    }));

  it('is another one once it is read again and used, and goes on counting', () =>
    inFolder(async (folder) => {
      const path = join(folder, 'policy.json');
      const write = (policy: object) => writeFile(path, JSON.stringify({ version: 1, max_requests_per_minute: 2, ...policy }));
      await write({ allow: ['pay *'] });
      const policy = await PolicyFile.open(path, clock);
      const { sha256 } = policy;
      expect([answer(policy, 'pay 1'), answer(policy, 'send 1')]).toEqual(['allowed', 'policy_refused']);
      await write({ allow: ['send *'] });
      const next = await policy.read();
      expect([answer(policy, 'send 2'), policy.sha256]).toEqual(['policy_refused', sha256]);
      policy.use(next);
      const answers = ['pay 2', 'send 3', 'send 4'].map((message) => answer(policy, message));
      expect(answers).toEqual(['policy_refused', 'allowed', 'rate_limited']);
      expect(policy.sha256).toBe(next.sha256);
      await writeFile(path, '{');
      await expect(policy.read()).rejects.toThrow(/^POLICY_FILE: .*policy\.json: /);
      expect(policy.sha256).toBe(next.sha256);
    }));

  it.each([
    ['a limit in each minute', { max_requests_per_minute: 100 }],
    ['no limit', {}],
  ])('counts the last hour already when a limit in each hour is added to %s', (_what, before) =>
    inFolder(async (folder) => {
      const path = join(folder, 'policy.json');
      const write = (policy: object) => writeFile(path, JSON.stringify({ version: 1, ...policy }));
      let now = 0;
      await write(before);
      const policy = await PolicyFile.open(path, { monotonic: () => now });
      for (let k = 0; k < 3; k++) {
        now += 10 * 60_000;
        expect(answer(policy, 'm', `req_early_${k}`)).toBe('allowed');
      }
      await write({ max_requests_per_hour: 3 });
      policy.use(await policy.read());
      expect([answer(policy, 'm', 'req_early_0'), answer(policy, 'm')]).toEqual(['allowed', 'rate_limited']);
      now = 70 * 60_000;
      expect([answer(policy, 'm'), answer(policy, 'm')]).toEqual(['allowed', 'rate_limited']);
    }));

  const payloadAnswer = (policy: Policy, payload: Payload): string => {
    const given = policy.check({ id: `req_${++ids}`, payload, time: new Date() });
    return given.allowed ? 'allowed' : `${given.code}: ${given.why}`;
  };
  const bytes = (content: string | Uint8Array): Payload => ({ message: Buffer.from(content).toString('hex'), kind: 'bytes' });
  const DIGEST: Payload = { message: 'ab'.repeat(32), kind: 'digest' };
  const notAllowed = (kind: string): string => `policy_refused: the payload is of the kind ${kind}, which payloads does not allow`;

  it('allows the kinds of payload that it names: without it messages and bytes', () => {
    const answers = (policy: Policy): string[] => [{ message: 'm' }, bytes('m'), DIGEST].map((payload) => payloadAnswer(policy, payload));
    for (const usual of [ALLOW_ALL, policyOf({}), policyOf({ payloads: ['bytes', 'message'] })]) {
      expect(answers(usual)).toEqual(['allowed', 'allowed', notAllowed('digest')]);
    }
    expect(answers(policyOf({ payloads: ['digest'] }))).toEqual([notAllowed('message'), notAllowed('bytes'), 'allowed']);
    expect(answers(policyOf({ payloads: ['message'] }))).toEqual(['allowed', notAllowed('bytes'), notAllowed('digest')]);
  });

  it('compares bytes with its patterns as it compares the text that they are', () => {
    const policy = policyOf({ allow: ['pay é*'], deny: ['*mallory*'], max_message_bytes: 20 });
    const of = (content: string | Uint8Array): string => payloadAnswer(policy, bytes(content)).split(':')[0] ?? '';
    expect([of('pay é5'), of('pay e5'), of('pay é mallory'), of(`pay é${'5'.repeat(20)}`)]).toEqual([
      'allowed', 'policy_refused', 'policy_refused', 'policy_refused',
    ]);
    const [prefix, noText] = [Buffer.from('pay é'), Buffer.of(0xff, 0x00)];
    expect([of(Buffer.concat([prefix, noText])), of(Buffer.concat([noText, prefix]))]).toEqual(['allowed', 'policy_refused']);
    expect(of(Buffer.concat([prefix, noText, Buffer.from('mallory')]))).toBe('policy_refused');
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1 }), fc.string({ unit: 'grapheme' }), (text, pattern) => {
        const one = policyOf({ allow: [`${pattern}*`] });
        expect(payloadAnswer(one, bytes(text)).split(':')[0]).toBe(payloadAnswer(one, { message: text }).split(':')[0]);
      }),
    );
  });

  it.each([
    ['allow', { allow: ['*'] }], ['deny', { deny: ['bad'] }], ['max_message_bytes', { max_message_bytes: 10 }],
  ])('is refused with digests and %s: a digest of anything could be asked for', (_what, rule) => {
    expect(() => policyOf({ payloads: ['message', 'digest'], ...rule })).toThrow(/payloads: digest cannot be combined with allow, deny or/);
  });

  it.each([[[]], [['text']], ['digest'], [null]])('is refused with payloads %j', (payloads) => {
    expect(() => policyOf({ payloads })).toThrow(/payloads/);
  });

  it.each([
    ['pay 5', 'pay 5', true],
    ['pay 5', 'pay 55', false],
    ['pay 5', 'Pay 5', false],
    ['pay *', 'pay ', true],
    ['pay *', 'do not pay 5', false],
    ['*', '', true],
    ['*', 'line\nline', true],
    ['a*b*c', 'aXbYc', true],
    ['a*b*c', 'abc', true],
    ['a*b*c', 'acb', false],
    ['ab*ba', 'aba', false],
    ['a*a', 'a', false],
    ['*x*x*', 'x', false],
    ['*.*', '.', true],
    ['pay (a|b)+', 'pay aa', false],
    ['*b', 'abab', true],
  ])('matches %j with %j: %p', (pattern, message, matches) => {
    expect(answer(policyOf({ allow: [pattern] }), message)).toBe(matches ? 'allowed' : 'policy_refused');
    expect(answer(policyOf({ deny: [pattern] }), message)).toBe(matches ? 'policy_refused' : 'allowed');
  });

  it('matches as the regular expression with the same meaning does', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b', '*'), minLength: 1, maxLength: 8 });
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '\n'), maxLength: 10 });
    fc.assert(
      fc.property(letters, text, (pattern, message) => {
        const same = new RegExp(`^${pattern.replaceAll('*', '[^]*')}$`).test(message);
        expect(answer(policyOf({ allow: [pattern] }), message)).toBe(same ? 'allowed' : 'policy_refused');
      }),
      { numRuns: 1_000 },
    );
  });

  it('is decided at once whatever the message is', () => {
    const nasty = `${'*a'.repeat(100)}*b`;
    expect(answer(policyOf({ allow: [nasty] }), 'a'.repeat(65_536))).toBe('policy_refused');
  });

  it('denies what is denied even if it is allowed', () => {
    const policy = policyOf({ allow: ['pay *', 'ask *'], deny: ['*mallory*'] });
    expect(['pay bob', 'ask bob', 'pay mallory', 'take'].map((message) => answer(policy, message))).toEqual([
      'allowed',
      'allowed',
      'policy_refused',
      'policy_refused',
    ]);
  });

  it('compares letters as they are encoded: é of one code point is not é of two, so a deny of one lets the other pass', () => {
    const [nfc, nfd] = ['pay\u00e9/1', 'paye\u0301/1'];
    expect(nfd.normalize('NFC')).toBe(nfc);
    const denied = policyOf({ deny: ['pay\u00e9/*'] });
    expect([nfc, nfd].map((message) => answer(denied, message))).toEqual(['policy_refused', 'allowed']);
    const allowed = policyOf({ allow: ['pay\u00e9/*'] });
    expect([nfc, nfd].map((message) => answer(allowed, message))).toEqual(['allowed', 'policy_refused']);
  });

  it('measures a message in bytes of UTF-8', () => {
    const policy = policyOf({ max_message_bytes: 4 });
    expect(['abcd', 'abcde', 'éé', 'ééé', '𝕒', '𝕒a'].map((message) => answer(policy, message))).toEqual([
      'allowed',
      'policy_refused',
      'allowed',
      'policy_refused',
      'allowed',
      'policy_refused',
    ]);
  });

  it('lets at most the given number through in any minute and in any hour; each request counts once, a refused one not at all', () => {
    let now = 0;
    const policy = policyOf({ deny: ['no'], max_requests_per_minute: 2, max_requests_per_hour: 3 }, () => now);
    expect([
      answer(policy, 'no'),
      answer(policy, 'm', 'a'),
      answer(policy, 'm', 'a'),
      answer(policy, 'no'),
      answer(policy, 'm', 'b'),
    ]).toEqual(['policy_refused', 'allowed', 'allowed', 'policy_refused', 'allowed']);
    expect(answer(policy, 'm', 'c')).toBe('rate_limited');
    now = 59_999;
    expect([answer(policy, 'm', 'c'), answer(policy, 'm', 'b')]).toEqual(['rate_limited', 'allowed']);
    now = 60_000;
    expect([answer(policy, 'm', 'c'), answer(policy, 'm', 'd')]).toEqual(['allowed', 'rate_limited']);
    now = 3_599_999;
    expect(answer(policy, 'm', 'd')).toBe('rate_limited');
    now = 3_600_000;
    expect([answer(policy, 'm', 'd'), answer(policy, 'm', 'e')]).toEqual(['allowed', 'allowed']);
    expect(answer(policy, 'm', 'f')).toBe('rate_limited');
  });

  it('never lets more through in any 60 seconds than it says', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(30_000), { maxLength: 60 }), fc.integer({ min: 1, max: 5 }), (pauses, limit) => {
        let now = 0;
        const policy = policyOf({ max_requests_per_minute: limit }, () => now);
        const through = pauses.flatMap((pause) => {
          now += pause;
          return answer(policy, 'm') === 'allowed' ? [now] : [];
        });
        for (const end of through) expect(through.filter((at) => at <= end && at > end - 60_000).length).toBeLessThanOrEqual(limit);
      }),
    );
  });

  it.each([
    ['{', /^policy: is not JSON$/],
    ['{"version":2}', /^policy: version: /],
    ['{"version":1,"deny":["*"],"deny":["a"]}', /^policy: deny: is there twice$/],
    ['{"version":1,"max_requests_per_hour":1,"max_requests_per_hour":9}', /^policy: max_requests_per_hour: is there twice$/],
    ['{"version":1,"alow":["*"]}', /^policy: .*alow/],
    ['{"version":1,"allow":[]}', /^policy: allow: must have a pattern, or not be there$/],
    ['{"version":1,"allow":[""]}', /^policy: allow\.0: /],
    ['{"version":1,"allow":[".*", 5]}', /^policy: allow\.1: /],
    [JSON.stringify({ version: 1, deny: ['a'.repeat(257)] }), /^policy: deny\.0: /],
    [JSON.stringify({ version: 1, deny: Array(101).fill('a') }), /^policy: deny: /],
    ['{"version":1,"max_message_bytes":0}', /^policy: max_message_bytes: /],
    ['{"version":1,"max_requests_per_minute":1.5}', /^policy: max_requests_per_minute: /],
    ['{"version":1,"max_requests_per_hour":"9"}', /^policy: max_requests_per_hour: /],
  ])('refuses the file %s and names the field', (text, message) => {
    expect(() => parsePolicy(text, clock)).toThrow(message);
  });
});

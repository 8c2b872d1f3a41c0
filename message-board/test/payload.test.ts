import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { runs } from 'testkit/fuzz';
import { newSigner, signedBytes } from 'testkit/signer';
import {
  BytesHexSchema, digestOf, isSamePayload, isSignatureOf, messageHash, payloadOf, payloadProblem, payloadSha256, type Payload,
} from '../src/contract/payload.js';

const bytesHex = fc.uint8Array({ minLength: 1, maxLength: 40 }).map((bytes) => Buffer.from(bytes).toString('hex'));
const digestHex = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes).toString('hex'));
const hash = fc.constantFrom(undefined, 'sha256d' as const, 'keccak256' as const);
const payload: fc.Arbitrary<Payload> = fc.oneof(
  fc.record({ message: fc.oneof(fc.string({ minLength: 1 }), bytesHex), hash }),
  fc.record({ message: fc.oneof(bytesHex, digestHex), kind: fc.constant('bytes' as const), hash }),
  fc.record({ message: digestHex, kind: fc.constant('digest' as const) }),
).filter((one) => payloadProblem(one) === undefined);

describe('a payload', () => {
  it('has the same digest with OpenSSL, and signs as that', () => {
    const signer = newSigner();
    fc.assert(
      fc.property(payload, payload, (one, other) => {
        expect(Buffer.from(digestOf(one)).equals(signedBytes(one))).toBe(true);
        const key = Buffer.from(signer.publicKey, 'hex');
        expect(isSignatureOf(one, signer.sign(one), key)).toBe(true);
        expect(isSignatureOf(other, signer.sign(one), key)).toBe(signedBytes(one).equals(signedBytes(other)));
      }),
      runs(30),
    );
  });

  it('has a name of its own: as before for a text with SHA-256, and none that the text of another could have', () => {
    expect(payloadSha256({ message: 'é' })).toBe(createHash('sha256').update('é').digest('hex'));
    expect(payloadSha256({ message: 'é' })).toBe(messageHash('é'));
    fc.assert(
      fc.property(payload, payload, (one, other) => {
        expect(payloadSha256(one) === payloadSha256(other)).toBe(isSamePayload(one, other));
        expect(isSamePayload(one, payloadOf(one))).toBe(true);
      }),
      runs(200),
    );
    const digits = 'ab'.repeat(32);
    const forms: Payload[] = [undefined, 'bytes', 'digest'].flatMap((kind) =>
      [undefined, 'sha256d', 'keccak256'].map((each) => payloadOf({ message: digits, kind, hash: each } as Payload)),
    ).filter((form) => payloadProblem(form) === undefined);
    expect(new Set(forms.map(payloadSha256)).size).toBe(7);
    // Its hash begins with a byte that no text has.
    for (const form of forms.slice(1)) {
      const hashed = form.kind === 'digest' ? null : (form.hash ?? 'sha256');
      const text = JSON.stringify(['threshold-signing/payload', form.kind ?? 'message', hashed, digits]);
      expect(payloadSha256({ message: text })).not.toBe(payloadSha256(form));
    }
  });

  it('is signed by nothing when it has a problem', () => {
    const signer = newSigner();
    for (const wrong of [{ message: 'AB', kind: 'bytes' }, { message: 'ab', kind: 'digest' }, { message: '' }] as const) {
      expect(payloadProblem(wrong)?.field).toBe('message');
      expect(isSignatureOf(wrong, signer.sign('m'), Buffer.from(signer.publicKey, 'hex'))).toBe(false);
    }
  });

  it('has at most 64 KiB of bytes', () => {
    expect(payloadProblem({ message: 'ab'.repeat(65_536), kind: 'bytes' })).toBeUndefined();
    expect(payloadProblem({ message: 'ab'.repeat(65_537), kind: 'bytes' })?.problem).toMatch(/at most 65536 bytes/);
    expect(BytesHexSchema.parse('aBcD')).toBe('abcd');
  });
});

import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { DER } from '@noble/curves/abstract/weierstrass.js';

const TAG = { integer: 0x02, bitString: 0x03, octetString: 0x04, objectId: 0x06, sequence: 0x30 } as const;
/** 1.2.840.113549.1.3.1, Diffie-Hellman as of PKCS #3. */
const DH_KEY_AGREEMENT = '2a864886f70d010301';

function element(tag: keyof typeof TAG, ...contents: readonly string[]): string {
  return DER._tlv.encode(TAG[tag], contents.join(''));
}

function integer(x: bigint): string {
  return element('integer', DER._int.encode(x));
}

function algorithm(n: bigint): string {
  return element('sequence', element('objectId', DH_KEY_AGREEMENT), element('sequence', integer(n), integer(2n)));
}

/** The private key `exponent` modulo n. OpenSSL computes its public half with it, and does not test n. */
export function dhPrivateKey(n: bigint, exponent: bigint): KeyObject {
  const pkcs8 = Buffer.from(element('sequence', integer(0n), algorithm(n), element('octetString', integer(exponent))), 'hex');
  try {
    return createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' });
  } finally {
    pkcs8.fill(0);
  }
}

/** The public key `y` modulo n. */
export function dhPublicKey(n: bigint, y: bigint): KeyObject {
  const spki = element('sequence', algorithm(n), element('bitString', '00', integer(y)));
  return createPublicKey({ key: Buffer.from(spki, 'hex'), format: 'der', type: 'spki' });
}

/**
 * Three parties make a key that none of them ever has; two of them sign. All run in this process, over a network in
 * memory.
 *
 *   node two_of_three.ts            real parameters; about a minute, most of it for the safe primes
 *   node two_of_three.ts --small    small parameters, which protect nothing; a few seconds
 */
import { randomUUID } from 'node:crypto';
import { auxInfo, combine, completeKeyShare, encodePoint, generatePrimes, keygen, presign, run } from 'cggmp24';
import { SECURITY_128, verify, type IncomingMessage, type KeyShare, type PrimesProgress, type Transport } from 'cggmp24';
import { SMALL_FOR_TESTS } from 'cggmp24/testing';

const small = process.argv.includes('--small');
const params = small ? SMALL_FOR_TESTS : SECURITY_128;
const kind = small ? 'small ones, which protect nothing' : 'real ones, 128-bit security';
console.log(`Parameters: ${kind}; safe primes of ${params.primeBits} bits`);

/** The messages that wait for one party in one run. */
class Inbox {
  readonly #messages: IncomingMessage[] = [];
  #wake = (): void => {};

  put(message: IncomingMessage): void {
    this.#messages.push(message);
    this.#wake();
  }

  async take(): Promise<IncomingMessage> {
    for (;;) {
      const message = this.#messages.shift();
      if (message !== undefined) return message;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }
}

/** The parties of one run, by index. A real network authenticates senders, and encrypts what is for one party. */
class Network {
  /** Names this run and no other, ever: every proof is bound to it. */
  readonly executionId = new TextEncoder().encode(randomUUID());
  readonly #inboxes: readonly Inbox[];

  constructor(parties: number) {
    this.#inboxes = Array.from({ length: parties }, () => new Inbox());
  }

  transport(sender: number): Transport {
    return {
      send: ({ to, payload }) => {
        for (const [party, inbox] of this.#inboxes.entries()) {
          const isRecipient = party !== sender && (to === 'all' || to === party);
          if (isRecipient) inbox.put({ sender, broadcast: to === 'all', payload });
        }
      },
      next: async () => (await this.#inboxes[sender]?.take()) ?? Promise.reject(new Error('no such party')),
    };
  }
}

const [keygenNet, auxInfoNet] = [new Network(3), new Network(3)];

/** What each party does once. `serializeKeyShare` makes text of the result, which is the party's secret. */
async function makeShare(index: number): Promise<KeyShare> {
  const parties = 3;
  const generation = keygen({ executionId: keygenNet.executionId, index, parties, threshold: 2 });
  const core = await run(generation, keygenNet.transport(index));
  const onProgress = ({ found, tested }: PrimesProgress): void => {
    if (tested % 500 === 0 || found === 4) console.log(`  party ${index}: ${found} of 4 primes, ${tested} candidates`);
  };
  const primes = await generatePrimes({ params, onProgress });
  const proving = auxInfo({ executionId: auxInfoNet.executionId, index, parties, primes });
  const aux = await run(proving, auxInfoNet.transport(index));
  return completeKeyShare(core, aux);
}

console.log('Each party makes its share of the key, and its safe primes');
const [first, , third] = await Promise.all([makeShare(0), makeShare(1), makeShare(2)]);
const publicKey = first.core.sharedPublicKey;
console.log(`Public key: ${Buffer.from(encodePoint(publicKey, true)).toString('hex')}`);

const message = new TextEncoder().encode('Hello, threshold signing!');
const signers = [0, 2];
const presignNet = new Network(2);

/** What a signer does. A presignature is made before the message is known, signs once, and is kept in memory only. */
async function sign(share: KeyShare, position: number) {
  const presigning = presign({ executionId: presignNet.executionId, share, signers });
  const presignature = await run(presigning, presignNet.transport(position));
  return { partial: presignature.issuePartialSignature(message), publicData: presignature.publicData };
}

console.log(`Parties ${signers.join(' and ')} sign; party 1 takes no part`);
const [one, other] = await Promise.all([sign(first, 0), sign(third, 1)]);
const signature = combine([one.partial, other.partial], one.publicData, publicKey, message);
console.log(`Signature: r ${signature.r.toString(16)}\n           s ${signature.s.toString(16)}`);
if (!verify(signature, publicKey, message)) throw new Error('the signature is not valid');
console.log('The signature is valid');

/** What nobody but its owner, or its recipient, may know: collected where it arises, and looked for where it must not be. */
import { GROUP_ORDER, parseAuxInfo, parseCoreKeyShare, type SecurityParams } from 'cggmp24';
import type { FromThread } from '../../src/workers/jobs.js';
import type { StartThread } from '../../src/workers/worker_pool.js';

/** Shorter ones are found by chance. */
const SHORTEST = 12;

type DecryptionKey = ReturnType<typeof parseAuxInfo>['decryptionKey'];

/** The secrets of whole nodes: what their protocol threads send to one node alone, and end with. */
export class Secrets {
  /** Texts as they are. */
  readonly #texts = new Set<string>();
  readonly #numbers = new Set<bigint>();
  readonly #public = new Set<string>();
  /** By party. */
  readonly #keys = new Map<number, DecryptionKey>();
  /** What each party has encrypted to itself: its k and gamma, which never leave its threads. */
  readonly #ciphertexts = new Map<bigint, number>();

  constructor(private readonly params: SecurityParams) {}

  get size(): number {
    return this.#texts.size + this.#numbers.size;
  }

  /** Threads of a party whose every secret is noted. */
  threads(party: number, start: StartThread): StartThread {
    return (onMessage, onExit) =>
      start((message) => {
        this.#note(party, message);
        onMessage(message);
      }, onExit);
  }

  addNumber(secret: bigint): void {
    this.#numbers.add(secret);
  }

  addText(secret: string): void {
    if (secret.length >= SHORTEST) this.#texts.add(secret);
  }

  /** Every form in which one could be written, by what it is a form of. */
  forms(): Map<string, string> {
    const forms = new Map<string, string>();
    for (const text of this.#texts) {
      if (!this.#public.has(text)) for (const form of [text, ...base64Forms(Buffer.from(text))]) forms.set(form, `text ${text}`);
    }
    for (const number of [...this.#numbers, ...this.nonces()]) {
      for (const form of numberForms(number)) forms.set(form, `number ${number.toString(16)}`);
    }
    return new Map([...forms].filter(([form]) => form.length >= SHORTEST));
  }

  /** Every k_i and gamma_i, as scalar and as the magnitude that is encrypted. */
  nonces(): bigint[] {
    return [...this.#ciphertexts].flatMap(([ciphertext, party]) => {
      const nonce = this.#keys.get(party)?.decrypt(ciphertext);
      if (nonce === undefined || 2n * nonce > GROUP_ORDER || -2n * nonce > GROUP_ORDER) {
        throw new Error(`party ${party} encrypts under another key`);
      }
      return nonce < 0n ? [-nonce, GROUP_ORDER + nonce] : [nonce, GROUP_ORDER - nonce];
    });
  }

  #note(party: number, message: FromThread): void {
    if (message.kind === 'send') {
      const { to, payload } = message.message;
      const [, K, G] = /^{"Round1a":{"K":{"radix":16,"value":"([0-9a-f]+)"},"G":{"radix":16,"value":"([0-9a-f]+)"}/.exec(payload) ?? [];
      for (const ciphertext of [K, G]) if (ciphertext !== undefined) this.#ciphertexts.set(BigInt(`0x${ciphertext}`), party);
      const leaves = payload.match(/[0-9a-f]{16,}/g) ?? [];
      for (const leaf of leaves) if (to === 'all') this.#public.add(leaf);
      else this.addText(leaf);
    }
    if (message.kind === 'done' && typeof message.result === 'string') this.#noteResult(party, message.result);
  }

  #noteResult(party: number, text: string): void {
    if (text.startsWith('{"p":')) this.addAux(party, text);
    else if (text.includes('"tilde_k"')) this.#addScalars(text);
    else if (text.startsWith('{')) this.addNumber(parseCoreKeyShare(text).secretShare.reveal());
  }

  #addScalars(text: string): void {
    for (const [, hex = ''] of text.matchAll(/"scalar":"([0-9a-f]+)"/g)) this.addNumber(BigInt(`0x${hex}`));
  }

  /** @param text of an aux info */
  addAux(party: number, text: string): void {
    const { decryptionKey } = parseAuxInfo(text, this.params);
    this.#keys.set(party, decryptionKey);
    const { p, q } = decryptionKey.primes;
    for (const { prime } of [p, q]) this.addNumber(prime);
  }
}

/** At each of the three places that bytes may have in a longer text. */
function base64Forms(bytes: Uint8Array): string[] {
  return [0, 1, 2].flatMap((before) => {
    const padded = Buffer.concat([Buffer.alloc(before), bytes]);
    // What the neighbouring bytes have a part in is cut off.
    const [from, to] = [Math.ceil((before * 8) / 6), Math.floor((padded.length * 8) / 6)];
    return [padded.toString('base64').slice(from, to), padded.toString('base64url').slice(from, to)];
  });
}

export function numberForms(number: bigint): string[] {
  const hex = number.toString(16);
  const bytes = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex');
  const reversed = Buffer.from(bytes).reverse();
  const ofBytes = [bytes, reversed].flatMap((each) => [each.toString('latin1'), each.toString('hex'), ...base64Forms(each)]);
  return [hex, hex.toUpperCase(), number.toString(), bytes.join(','), ...ofBytes];
}

/** A text and everything that is encoded in it, however deep. */
function* unfolded(text: string): Generator<string> {
  yield text;
  for (const [encoded] of text.matchAll(/[A-Za-z0-9_+/-]{24,}/g)) {
    const inner = Buffer.from(encoded, 'base64url').toString('latin1');
    // Anything else is no text: only the outermost has it.
    if (/^[[{"]/.test(inner)) yield* unfolded(inner);
  }
}

/** Of so many characters a hash is compared. */
const WINDOW = SHORTEST;
const BASE = 0x01000193;

/** Those forms that are somewhere in what somebody knows. One pass over it, however many there are. */
export function found(memory: Iterable<string>, forms: ReadonlyMap<string, string>): string[] {
  let last = 1;
  for (let k = 0; k < WINDOW; k++) last = Math.imul(last, BASE);
  const byHash = new Map<number, string[]>();
  const filter = new Uint8Array(1 << 21);
  for (const form of forms.keys()) {
    let hash = 0;
    for (let k = 0; k < WINDOW; k++) hash = (Math.imul(hash, BASE) + form.charCodeAt(k)) | 0;
    byHash.set(hash, [...(byHash.get(hash) ?? []), form]);
    filter[(hash >>> 3) & 0x1fffff] = 1;
  }
  const hits = new Set<string>();
  for (const outer of memory) {
    for (const text of unfolded(outer)) {
      let hash = 0;
      for (let k = 0; k < text.length; k++) {
        hash = (Math.imul(hash, BASE) + text.charCodeAt(k) - (k >= WINDOW ? Math.imul(last, text.charCodeAt(k - WINDOW)) : 0)) | 0;
        if (k < WINDOW - 1 || filter[(hash >>> 3) & 0x1fffff] === 0) continue;
        for (const form of byHash.get(hash) ?? []) {
          if (text.startsWith(form, k - WINDOW + 1)) hits.add(`${forms.get(form) ?? ''} as ${form}`);
        }
      }
    }
  }
  return [...hits];
}

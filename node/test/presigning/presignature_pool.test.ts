import { beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { presign, Presignature, ScalarJson } from 'cggmp24';
import { generateShares, outputs, seededRng, simulate, SMALL_FOR_TESTS } from 'cggmp24/testing';
import { PresignaturePool } from '../../src/presigning/presignature_pool.js';

const rng = seededRng('presignature pool');
let copy: () => Presignature;
let message: Uint8Array;

beforeAll(() => {
  const shares = generateShares({ parties: 2, threshold: 2, params: SMALL_FOR_TESTS, rng });
  const executionId = rng(8);
  const [first] = outputs(simulate(shares.map((share) => presign({ executionId, share, signers: [0, 1], rng }))));
  if (first === undefined) throw new Error('no presignature');
  const { publicData } = first;
  const { tilde_k, tilde_chi } = JSON.parse(first.handOver()) as Record<string, unknown>;
  copy = () => new Presignature(publicData, { tildeK: ScalarJson.parse(tilde_k), tildeChi: ScalarJson.parse(tilde_chi) });
  message = new TextEncoder().encode('message');
});

const make = (id: string, participants: number[]) => ({ id, participants, presignature: copy(), making: null });
let pool: PresignaturePool;

beforeEach(() => {
  pool = new PresignaturePool(3);
});

describe('the presignature pool', () => {
  it('hands one out once', () => {
    pool.add(make('a', [0, 1, 2]));
    expect(pool.take('a')?.id).toBe('a');
    expect(pool.take('a')).toBeNull();
    expect(pool.has('a')).toBe(false);
  });

  it('gives a presignature that signs once, although others keep a reference to it', () => {
    pool.add(make('a', [0, 1, 2]));
    const taken = pool.take('a');
    expect(taken?.presignature.issuePartialSignature(message).sigma).toBeGreaterThan(0n);
    expect(() => taken?.presignature.issuePartialSignature(message)).toThrow('used already');
  });

  it('holds no id twice', () => {
    expect(pool.add(make('a', [0, 1, 2]))).toBe(true);
    expect(pool.add(make('a', [0, 1, 2]))).toBe(false);
    expect(pool.size).toBe(1);
  });

  it('is full when as many as allowed are free, and still keeps what was begun before', () => {
    for (const id of ['a', 'b']) pool.add(make(id, [0, 1, 2]));
    expect(pool.isFull).toBe(false);
    pool.add(make('c', [0, 1, 2]));
    expect(pool.isFull).toBe(true);
    expect(pool.add(make('d', [0, 1, 2]))).toBe(true);
    pool.setAside('a');
    expect(pool.isFull).toBe(true);
    pool.setAside('b');
    expect(pool.isFull).toBe(false);
    expect(pool.size).toBe(4);
    pool.take('a');
    expect(pool.isFull).toBe(false);
    pool.release('b');
    expect(pool.isFull).toBe(true);
  });

  it('reserves the newest of some for one request, until it is released', () => {
    pool.add(make('a', [0, 1, 2]));
    pool.add(make('b', [1, 2, 3]));
    pool.add(make('c', [0, 1, 2]));
    expect(pool.counts()).toEqual({ '1-2-3': 2, '2-3-4': 1 });
    const some = ['c', 'unknown', 'a'];
    expect(pool.reserve(some)).toBe('c');
    expect(pool.reserve(some)).toBe('a');
    expect(pool.reserve(some)).toBeNull();
    expect(pool.counts()).toEqual({ '2-3-4': 1 });
    pool.release('a');
    expect(pool.reserve(some)).toBe('a');
  });

  it('states the free presignatures of each set, the oldest first', () => {
    pool.add(make('a', [0, 1, 2]));
    pool.add(make('b', [0, 1, 3]));
    pool.add(make('c', [1, 2, 3]));
    for (let k = 0; k < 60; k++) pool.add(make(`d${k}`, [0, 1, 2]));
    pool.reserve(['b']);
    pool.setAside('d0');
    expect(pool.offers()).toEqual({ '1-2-3': ['a', ...Array.from({ length: 47 }, (_, k) => `d${k + 1}`)], '2-3-4': ['c'] });
    expect(pool.offers()['1-2-3']).not.toContain('d59');
  });

  it('states fewer of each set where there are many sets', () => {
    for (let last = 2; last < 12; last++) for (let k = 0; k < 12; k++) pool.add(make(`${last} ${k}`, [0, 1, last]));
    expect(Object.values(pool.offers()).map((ids) => ids.length)).toEqual(Array(10).fill(10));
    for (let last = 12; last < 100; last++) pool.add(make(`${last}`, [0, 1, last]));
    expect(Object.values(pool.offers()).map((ids) => ids.length)).toEqual(Array(98).fill(1));
  });

  it('sets aside what another node has assigned', () => {
    pool.add(make('a', [0, 1, 2]));
    pool.setAside('a');
    expect(pool.reserve(['a'])).toBeNull();
    expect(pool.take('a')?.id).toBe('a');
  });

  it('does not remember the name of a presignature that it never held', () => {
    pool.setAside('a');
    pool.add(make('a', [0, 1, 2]));
    expect(pool.reserve(['a'])).toBe('a');
  });

  it('drops what a party took part in', () => {
    pool.add(make('a', [0, 1, 2]));
    pool.add(make('b', [1, 2, 3]));
    pool.reserve(['a']);
    expect(pool.dropParticipant(0)).toBe(1);
    expect(pool.has('a')).toBe(false);
    expect(pool.has('b')).toBe(true);
    expect(pool.dropParticipant(0)).toBe(0);
  });
});

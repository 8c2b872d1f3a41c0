/** A node that cheats in the way that `SOAK_VICE` names. Everything else it does as the program `SOAK_PROGRAM`, an honest node. */
import { BoardClient } from 'message-board/client';
import { announce, Presence, Seals } from 'node/parts';
import { PARTIAL_SIGNATURE, REQUEST_STATUS } from 'sealing/kinds';
import { z } from 'zod';
import { VICES, type Vice } from './vices.js';

/** A slow member sends each message this much too late. Two rounds then take longer than a turn of the rule of attempts. */
const SLOW_MS = 2_500;
/** The numbers of the last messages: Round4 of signing in full, Round3 of presigning. */
const LAST = { full: 5, presigning: 4 };
/** How many requests it announces false attempts at, the youngest ones, and how often it announces new ones. */
const [ANNOUNCED, ANNOUNCES_EVERY_MS] = [8, 500];
const ALL = ['node-1', 'node-2', 'node-3', 'node-4'];

const board = BoardClient.prototype;
const seals = Seals.prototype;
const presence = Presence.prototype;
/** Own party index. */
const SELF = ALL.indexOf(process.env['NODE_ID'] ?? '');

/** Replaces a method of all objects of a class. */
function replace<C extends object, Name extends keyof C>(methods: C, name: Name, by: (before: C[Name]) => C[Name]): void {
  methods[name] = by(methods[name]);
}

type Posts = 'postMessage' | 'postPresignatureMessage' | 'exchangePartialSignature';

const never = (): Promise<never> => new Promise(() => undefined);
const later = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, SLOW_MS));

function delay(name: Posts): void {
  const { [name]: before } = board as unknown as Record<Posts, (this: BoardClient, ...call: unknown[]) => Promise<unknown>>;
  Object.assign(board, {
    [name]: async function post(this: BoardClient, ...call: unknown[]) {
      await later();
      return before.apply(this, call);
    },
  });
}

/** What this member signs with, once it has spoken. */
const speakers = new Set<Seals>();
replace(seals, 'nodeStatement', (before) => function spoken(this: Seals, claims) {
  speakers.add(this);
  return before.call(this, claims);
});

/** What it states its topics with. */
const speaking = new Set<Presence>();

const pending = new Set<string>();
/** Calls back for each pending request that it sees first. */
function onRequest(see: (client: BoardClient, id: string) => Promise<unknown>): void {
  replace(board, 'listRequests', (before) => async function list(this: BoardClient, query) {
    const records = await before.call(this, query);
    for (const { id, status } of records) {
      if (status !== 'pending' || pending.has(id) || !id.startsWith('req_')) continue;
      pending.add(id);
      void see(this, id).catch(() => undefined);
    }
    return records;
  });
}

/** Says something else than an honest node on one topic. */
function onTopic(topic: string, contentNow: () => Record<string, unknown>): void {
  replace(seals, 'nodeStatement', (before) => function stating(this: Seals, claims) {
    return before.call(this, claims.topic === topic ? { ...claims, content: contentNow() } : claims);
  });
}

/** What each vice changes. */
const BEGIN: Record<Vice, () => void> = {
  silent: () => {
    Object.assign(board, { postMessage: never, postPresignatureMessage: never, exchangePartialSignature: never });
  },
  quits: () => {
    replace(board, 'postMessage', (before) => function post(this: BoardClient, ...call) {
      return call[0].round >= LAST.full ? never() : before.apply(this, call);
    });
    replace(board, 'postPresignatureMessage', (before) => function post(this: BoardClient, ...call) {
      return call[0].round >= LAST.presigning ? never() : before.apply(this, call);
    });
  },
  withholds_partials: () => {
    Object.assign(board, { exchangePartialSignature: never });
  },
  slow: () => {
    for (const name of ['postMessage', 'postPresignatureMessage', 'exchangePartialSignature'] as const) delay(name);
  },
  wrong_partials: () => {
    replace(seals, 'state', (before) => function altered(this: Seals, kind, claims) {
      return before.call(this, kind, (kind as unknown) === PARTIAL_SIGNATURE ? { ...claims, sigma: '1'.repeat(64) } : claims);
    });
  },
  fails_requests: () => {
    onRequest(async (client, id) => {
      const claims = { request_id: id, status: 'failed', reason: 'unauthorized: node-1, node-2' } as const;
      for (const own of speakers) {
        const statement = await own.state(REQUEST_STATUS, claims);
        await client.updateRequest(id, { status: 'failed', reason: claims.reason, statement });
      }
    });
  },
  accuses: () => {
    onTopic('accusations', () => ({ culprits: ALL.filter((_name, party) => party !== SELF) }));
  },
  announces: () => {
    let [round, announced]: [number, readonly string[]] = [0, []];
    onRequest(() => Promise.resolve());
    const falsely = (): string[] => [...pending].slice(-ANNOUNCED).map((requestId) => {
      // One of the sets with itself, under one of its own numbers.
      const signers = ALL.flatMap((_name, party) => (party === (SELF + 1 + (round % 3)) % ALL.length ? [] : [party]));
      return announce({ requestId, number: SELF + 1 + ALL.length * round, signers });
    });
    replace(presence, 'update', (before) => function update(this: Presence, patch) {
      announced = patch.attempts ?? announced;
      before.call(this, { ...patch, attempts: [...announced, ...falsely()] });
      speaking.add(this);
    });
    setInterval(() => {
      round += 1;
      for (const each of speaking) each.update({});
    }, ANNOUNCES_EVERY_MS);
  },
};

BEGIN[z.enum(VICES).parse(process.env['SOAK_VICE'])]();
await import(z.string().parse(process.env['SOAK_PROGRAM']));

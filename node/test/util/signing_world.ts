import { Presignature } from 'cggmp24';
import type { BoardClient } from 'message-board/client';
import type { RequestRecord } from 'message-board/contract';
import type { PeerView } from 'message-board/peer_view';
import { systemRandom } from 'service/random';
import { present } from 'testkit/present';
import { members } from 'testkit/roster';
import { VirtualClock } from 'testkit/virtual_clock';
import { ALLOW_ALL } from '../../src/approval/policy.js';
import { PLAIN_ACCUSER } from '../../src/evidence/accuser.js';
import { Seals } from '../../src/mail/seals.js';
import { PoolDemand } from '../../src/presigning/pool_demand.js';
import type { PresignatureMaker } from '../../src/presigning/presignature.js';
import { PresignaturePool, type StoredPresignature } from '../../src/presigning/presignature_pool.js';
import { Assignments } from '../../src/signing/assignments.js';
import { DecidedRequestsFile } from '../../src/storage/decided_requests.js';
import { SEALED_CLUSTER } from '../../src/signing/cluster_kind.js';
import type { SigningDeps } from '../../src/signing/signing_deps.js';
import { SigningTask } from '../../src/signing/signing_task.js';
import { SigningWork } from '../../src/signing/signing_work.js';
import { Suspicion } from '../../src/signing/suspicion.js';
import { accepted, refused, type TaskState } from '../../src/signing/task_state.js';
import { memoryLog } from './cluster.js';
import { smallShares } from 'testkit/key_shares';
import { FakePresence } from './transport.js';

const { roster, identities } = members(4, 3);
const nobody = (): Promise<never> => Promise.reject(new Error('nobody does this here'));

/** Peers of which each holds its half of whatever this node holds, of the signer sets of which it states any. */
class PeersWithHalves extends FakePresence {
  constructor(private readonly pool: PresignaturePool) {
    super();
  }

  override peers(): PeerView[] {
    return super.peers().map((peer) => {
      const { status } = peer;
      if (status === undefined || Object.keys(status.offers ?? {}).length > 0) return peer;
      const offers = Object.entries(this.pool.offers()).filter(([label]) => (status.pool[label] ?? 0) > 0);
      return { ...peer, status: { ...status, offers: Object.fromEntries(offers) } };
    });
  }
}

/** The signing of node-2 of four, three of whom sign, on virtual time. All four are ready. What the board answers is up to the test. */
export class SigningWorld {
  readonly clock = new VirtualClock();
  readonly pool = new PresignaturePool(3);
  readonly presence: FakePresence = new PeersWithHalves(this.pool);
  readonly log = memoryLog();
  readonly demand = new PoolDemand({ target: 20, max: 30 }, this.clock);
  readonly config = {
    poolTarget: 20,
    poolMax: 30,
    workers: 1,
    poolLeaderTimeoutMs: 30_000,
    fastSigningTimeoutMs: 600_000,
  };
  /** Does somebody fill the pool? */
  filling = true;
  /** All that the node works on. */
  tasks: SigningTask[] = [];
  readonly deps: SigningDeps;
  readonly maker: PresignatureMaker;
  readonly assignments: Assignments;
  readonly suspicion: Suspicion;
  readonly work: SigningWork;

  /** @param client what the board answers */
  constructor(client: Partial<BoardClient>) {
    // Whatever this node holds, the other makers hold their halves of it.
    for (const index of [0, 1, 2, 3]) this.presence.set(index, 'a', { pool: { '1-2-3': 1, '2-3-4': 1 } });
    this.deps = {
      index: 1,
      n: 4,
      t: 3,
      cluster: SEALED_CLUSTER,
      roster,
      seals: new Seals(roster, present(identities[1])),
      presence: this.presence,
      peers: this.presence,
      incarnation: 'own',
      accuser: PLAIN_ACCUSER,
      culprits: { has: () => false },
      client: client as BoardClient,
      runner: { heldMs: 0, run: () => { throw new Error('nothing is signed in full here'); } },
      journal: { claim: nobody, ids: () => [] },
      audit: { record: () => Promise.resolve(), note: () => undefined },
      authorize: nobody,
      decided: DecidedRequestsFile.open(':memory:', { clock: this.clock }),
      policy: ALLOW_ALL,
      keyShare: { materialDigest: '', sharedPublicKey: present(smallShares(3, 4)[0]).core.sharedPublicKey },
      demand: this.demand,
      clock: this.clock,
      random: systemRandom,
      logger: this.log.logger,
      config: this.config,
    };
    this.maker = this.#maker();
    this.assignments = new Assignments(this.deps, this.maker);
    this.suspicion = new Suspicion(this.deps, new AbortController().signal);
    this.work = new SigningWork(this.deps, this.maker, this.assignments, this.suspicion, () => this.tasks);
  }

  #maker(): PresignatureMaker {
    const { pool } = this;
    const isFilling = (): boolean => this.filling;
    const maker = {
      pool,
      enabled: true,
      get isFilling() { return isFilling(); },
      has: (id: string) => pool.has(id),
      makersOf: (id: string) => Promise.resolve(pool.makersOf(id)),
      take: (id: string) => pool.take(id),
    };
    return maker as unknown as PresignatureMaker;
  }

  /** A request about which this node has come to a state. */
  task(record: RequestRecord, state: TaskState): SigningTask {
    const task = new SigningTask(this.deps, record);
    task.move('deciding', () => state);
    return task;
  }

  /** A request that this node signs. @param proposal the gateway's */
  accepted(record: RequestRecord, proposal?: string): SigningTask {
    return this.task(record, accepted(proposal, this.clock.monotonic()));
  }

  /** A request that this node does not sign. */
  refused(record: RequestRecord): SigningTask {
    return this.task(record, refused('a refusal'));
  }
}

/** A presignature in name only. */
export function half(id: string, participants: number[]): StoredPresignature {
  return { id, participants, presignature: Object.create(Presignature.prototype) as Presignature, making: null };
}

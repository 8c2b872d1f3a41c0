/**
 * What a node does differently where messages are in clear text, and where Rust nodes may be members. It is chosen here, but for settings,
 * which config.ts fits to the kind of cluster; nothing else in the node asks which kind it is in.
 */
import type { Identity } from 'sealing/identity';
import type { Roster } from 'sealing/roster';
import type { Presence } from './cluster/presence.js';
import type { Config } from './config.js';
import { PLAIN_ACCUSER, SealedAccuser, type Accuser, type AccuserDeps } from './evidence/accuser.js';
import { PlainSeals, Seals } from './mail/seals.js';
import { agree } from './setup/agreement.js';
import type { SetupStrategy } from './setup/key_setup.js';
import { runOnlyAttempt } from './setup/only_attempt.js';
import { PLAIN_CLUSTER, SEALED_CLUSTER, type ClusterKind } from './signing/cluster_kind.js';
import { UNKNOWN_PEERS, type PeerSource } from './transport/peer_watch.js';

/** How members speak with each other, and what their messages prove. */
export interface MessageMode {
  readonly seals: Seals;
  /** What sessions know of the peers that they wait for. */
  readonly peers: (presence: Presence) => PeerSource;
  readonly accuser: (deps: AccuserDeps) => Accuser;
}

export function messageMode(roster: Roster, identity: Identity): MessageMode {
  return roster.sealed
    ? { seals: new Seals(roster, identity), peers: (presence) => presence, accuser: (deps) => new SealedAccuser(deps) }
    : { seals: new PlainSeals(roster, identity), peers: () => UNKNOWN_PEERS, accuser: () => PLAIN_ACCUSER };
}

/** What this node can expect of the others beside the protocols themselves. */
export interface MemberMode {
  readonly setup: SetupStrategy;
  readonly signing: ClusterKind;
  /** The Rust crate's form of Π^prm. */
  readonly prmFirstWordOnly: boolean;
  /** The node is ready when this many nodes, itself included, are known to be able to sign together. */
  readonly requiredSigners: number;
}

export function memberMode({ rustInterop, t }: Config): MemberMode {
  return rustInterop
    ? // Rust nodes announce nothing, and do not tell whether they are alive.
      { setup: runOnlyAttempt, signing: PLAIN_CLUSTER, prmFirstWordOnly: true, requiredSigners: 1 }
    : { setup: agree, signing: SEALED_CLUSTER, prmFirstWordOnly: false, requiredSigners: t };
}

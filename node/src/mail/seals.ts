import { NO_PROOF, proofBy, type StatementProof } from 'message-board/node_statement';
import { check, freshSalt, open, seal, type Disclosure, type Place } from 'sealing/envelope';
import type { Identity } from 'sealing/identity';
import { NODE_STATEMENT } from 'sealing/kinds';
import type { Roster } from 'sealing/roster';
import { sign, verify, type StatementKind } from 'sealing/statement';
import type { z } from 'zod';

type NodeClaims = z.infer<typeof NODE_STATEMENT.claims>;

/** A protocol message as it travels, and what is in it. */
export interface TravellingMessage {
  /** What is posted. */
  readonly text: string;
  readonly plaintext: string;
  /** What opens it for a third party; null when it is for all, or in clear text. */
  readonly disclosure: Disclosure | null;
}

/** A message that was received. `incarnation` is its sender's; null when it is in clear text and so does not tell. */
export interface OpenedMessage extends TravellingMessage {
  readonly incarnation: string | null;
}

/** How this node speaks with the other members: its messages are signed, and encrypted when they are for one member. */
export class Seals {
  constructor(
    protected readonly roster: Roster,
    protected readonly identity: Identity,
  ) {}

  /** Seals a protocol message. Sealing it again gives another text. */
  async seal(place: Omit<Place, 'from'>, plaintext: string): Promise<TravellingMessage> {
    const salt = freshSalt();
    const text = await seal(this.identity, this.roster, place, plaintext, salt);
    return { text, plaintext, disclosure: place.to === '*' ? null : { salt, plaintext } };
  }

  /** @param place where it was found @throws Refused when it is not a message of that place, or not for this node */
  async open(place: Omit<Place, 'incarnation'>, text: string): Promise<OpenedMessage> {
    const { plaintext, disclosure, place: signed } = await open(this.identity, this.roster, place, text);
    return { text, plaintext, disclosure, incarnation: signed.incarnation };
  }

  /** Has its sender sent this, in any session of that name? @throws Refused when it has not */
  async check(place: Omit<Place, 'incarnation' | 'setting'>, text: string): Promise<void> {
    await check(this.roster, place, text);
  }

  /** Signs in the name of this node. */
  state<Claims>(kind: StatementKind<Claims>, claims: Claims): Promise<string> {
    return sign(this.identity, this.roster, kind, claims);
  }

  /** @throws Refused when no member has stated this */
  stated<Claims>(kind: StatementKind<Claims>, statement: string): Promise<{ signer: string; claims: Claims }> {
    return verify(this.roster, kind, statement);
  }

  /** What this node says about itself on one topic, as others can read it. */
  nodeStatement(claims: NodeClaims): Promise<string> {
    return this.state(NODE_STATEMENT, claims);
  }

  /** What such texts of other nodes prove. */
  get proof(): StatementProof {
    return proofBy(this.roster);
  }
}

/** In a plain cluster, where Rust nodes may be members: protocol messages are in clear text, and anybody may have posted them. */
export class PlainSeals extends Seals {
  override seal(_place: Omit<Place, 'from'>, plaintext: string): Promise<TravellingMessage> {
    return Promise.resolve({ text: plaintext, plaintext, disclosure: null });
  }

  override open(_place: Omit<Place, 'incarnation'>, text: string): Promise<OpenedMessage> {
    return Promise.resolve({ text, plaintext: text, disclosure: null, incarnation: null });
  }

  override check(): Promise<void> {
    return Promise.resolve();
  }

  override nodeStatement(claims: NodeClaims): Promise<string> {
    return Promise.resolve(JSON.stringify(claims));
  }

  override get proof(): StatementProof {
    return NO_PROOF;
  }
}

/** Signers that follow the protocol but for what a test has them say and hear. */
import { PerPeer, type Effect, type Protocol, type Recipient, type Round } from '../../src/runtime/protocol.js';

/** Changes one kind of message on its way out of or into the honest code. */
export interface Lie {
  readonly direction: 'says' | 'hears';
  readonly variant: string;
  /** @param peer to whom, or from whom */
  readonly change: (body: unknown, peer: Recipient) => unknown;
}

/** Sends another body than the honest one. */
export function says<Body>({ variant }: Round<Body>, change: (body: Body, to: Recipient) => Body): Lie {
  return { direction: 'says', variant, change: (body, to) => change(body as Body, to) };
}

/** Goes on as if another body had arrived. */
export function hears<Body>({ variant }: Round<Body>, change: (body: Body, from: number) => Body): Lie {
  return { direction: 'hears', variant, change: (body, from) => change(body as Body, Number(from)) };
}

function applied(lies: readonly Lie[], direction: Lie['direction'], variant: string, body: unknown, peer: Recipient): unknown {
  return lies
    .filter((lie) => lie.direction === direction && lie.variant === variant)
    .reduce((said, { change }) => change(said, peer), body);
}

function said(effect: Effect, lies: readonly Lie[]): Effect {
  return effect.kind === 'send' ? { ...effect, body: applied(lies, 'says', effect.round.variant, effect.body, effect.to) } : effect;
}

function heard(effect: Effect, answer: unknown, peers: readonly number[], lies: readonly Lie[]): unknown {
  if (effect.kind !== 'receive') return answer;
  const bodies = answer as PerPeer<unknown>;
  return new PerPeer(new Map(peers.map((peer) => [peer, applied(lies, 'hears', effect.round.variant, bodies.of(peer), peer)])));
}

/** The honest protocol behind lies, which are told in order. */
export function* cheating<T>(protocol: Protocol<T>, peers: readonly number[], lies: readonly Lie[]): Protocol<T> {
  let answer: unknown;
  for (;;) {
    const next = protocol.next(answer);
    if (next.done === true) return next.value;
    answer = heard(next.value, yield said(next.value, lies), peers, lies);
  }
}

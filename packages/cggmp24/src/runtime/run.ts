import { setImmediate as nextTurn } from 'node:timers/promises';
import { z } from 'zod';
import { Callback, checkArgument, fields, instanceOf } from '../base/arguments.js';
import type { IncomingMessage } from './message.js';
import { Session, type OutgoingMessage } from './session.js';

/** The `AbortSignal` of Node.js or of browsers; for a program with the types of neither, the two members that `run` uses. */
export type Signal = typeof globalThis extends { AbortSignal: { prototype: infer T } }
  ? T
  : { readonly aborted: boolean; throwIfAborted(): void };

/**
 * Carries the messages of one session. It has to authenticate senders, because `IncomingMessage.sender` is believed, and to
 * encrypt messages for one party. It may deliver late, twice and in any order.
 */
export interface Transport {
  /** Sends to one party, or to all others. Resolves when the message is on its way, rejects when it cannot be sent. */
  send(message: OutgoingMessage): Promise<void> | void;
  /** The next message to this party, from anybody. Rejects when no more will come. @param signal the one that `run` was given */
  next(signal?: Signal): Promise<IncomingMessage>;
}

export interface DriverOptions {
  /** Ends the run between two steps. `Transport.next` gets it too, to end a wait. */
  readonly signal?: Signal;
  /** Called at every pause of a computation with what it does, for people to read. */
  readonly onProgress?: (progress: string) => void;
}

const isFunction = (value: unknown): boolean => typeof value === 'function';
const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;
const TransportShape = z.custom(
  (value) => isObject(value) && 'send' in value && isFunction(value.send) && 'next' in value && isFunction(value.next),
  'must have the methods send and next',
);
const SignalShape = z.custom<Signal>((value) => isObject(value) && 'throwIfAborted' in value, 'must be an AbortSignal');
const OptionsShape = fields({ signal: SignalShape.optional(), onProgress: Callback.optional() });

/**
 * Runs one session to its end over a transport. At full size its computations block this thread for tenths of a second at a
 * time. Between them, the event loop gets a turn.
 *
 * Closes the session when it ends without a result: whoever wants to try again begins a new one.
 *
 * @returns the result of the session
 * @throws InvalidArgument
 * @throws ProtocolAborted when a peer misbehaved; what the transport throws; the signal's reason
 */
export async function run<Output>(session: Session<Output>, transport: Transport, options: DriverOptions = {}): Promise<Output> {
  checkArgument('session', instanceOf(Session, 'a Session'), session);
  checkArgument('transport', TransportShape, transport);
  checkArgument('', OptionsShape, options);
  try {
    return await drive(session, transport, options);
  } finally {
    session.close();
  }
}

async function drive<Output>(session: Session<Output>, transport: Transport, { signal, onProgress }: DriverOptions): Promise<Output> {
  for (;;) {
    signal?.throwIfAborted();
    const step = session.proceed();
    switch (step.kind) {
      case 'send':
        await transport.send(step.message);
        break;
      case 'waiting':
        session.receive(await transport.next(signal));
        break;
      case 'paused':
        onProgress?.(step.progress);
        await nextTurn();
        break;
      case 'settling':
        // The next step settles the claims of this session by themselves.
        await nextTurn();
        break;
      case 'done':
        return step.output;
    }
  }
}

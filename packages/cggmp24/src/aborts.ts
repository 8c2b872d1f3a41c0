/** The aborts of this package's protocols: the runtime's class, with all their codes in one list that a `switch` can exhaust. */
import type { AuxInfoAbortCode } from './aux_info/checks.js';
import type { KeygenAbortCode } from './keygen/context.js';
import { ProtocolAborted as AnyProtocolAborted, type Blame, type MessageAbortCode } from './runtime/abort.js';
import type { ReshareAbortCode } from './reshare/context.js';
import type { SigningAbortCode } from './signing/context.js';

/** Why a protocol stopped. */
export type AbortCode = MessageAbortCode | KeygenAbortCode | AuxInfoAbortCode | SigningAbortCode | ReshareAbortCode;

/** A peer misbehaved. An empty blame says that it could not be attributed to anyone. */
export type ProtocolAborted = AnyProtocolAborted<AbortCode>;
export const ProtocolAborted: {
  new (code: AbortCode, round: string, blame: readonly Blame[], detail?: string): ProtocolAborted;
  readonly prototype: ProtocolAborted;
} = AnyProtocolAborted;

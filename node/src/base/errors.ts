export { ProtocolAborted, ProtocolBug } from 'cggmp24';

/** Peers stayed silent, died or restarted while a session waited for them. Silence is never an accusation. */
export class SessionTimeout extends Error {
  override readonly name = 'SessionTimeout';

  /**
   * @param round the variant that was waited for
   * @param missing ids of the nodes whose message did not come
   */
  constructor(
    readonly round: string,
    readonly missing: readonly string[],
  ) {
    super(`no ${round} from ${missing.join(', ')}`);
  }
}

/** The thread that ran a job is gone, or the job itself broke; not the doing of a peer. */
export class WorkerFailed extends Error {
  override readonly name = 'WorkerFailed';
}

/** A file that must not be used as it is. The message says which, why and what to do; never what is in it. */
export class DamagedFile extends Error {
  override readonly name = 'DamagedFile';
}

/** This node must not go on: the cluster does not agree on its key. Only an operator can resolve it. */
export class SetupRefused extends Error {
  override readonly name = 'SetupRefused';
}

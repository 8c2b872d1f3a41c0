export { ProtocolAborted, ProtocolBug } from 'cggmp24';

/** Peers stayed silent, died or were restarted while a session waited for them. Silence is never an accusation. */
export class SessionTimeout extends Error {
  override readonly name = 'SessionTimeout';

  /**
   * @param round the variant of the missing messages
   * @param missing ids of the nodes whose message did not come
   */
  constructor(
    readonly round: string,
    readonly missing: readonly string[],
  ) {
    super(`no ${round} from ${missing.join(', ')}`);
  }
}

/** The thread that ran a job is gone, or the job itself broke. No peer has caused it. */
export class WorkerFailed extends Error {
  override readonly name = 'WorkerFailed';
}

/** A file that must not be used as it is. The message says which file, why, and what to do. It never says what is in the file. */
export class DamagedFile extends Error {
  override readonly name = 'DamagedFile';
}

/** The set-up must not go on: the cluster does not agree on its key. Only an operator can resolve that. */
export class SetupStopped extends Error {
  override readonly name = 'SetupStopped';
}

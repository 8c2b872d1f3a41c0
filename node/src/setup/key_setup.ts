import { completeKeyShare, encodePoint, parseAuxInfo, parseCoreKeyShare, type KeyShare } from 'cggmp24';
import type { SetupStatus } from 'message-board/contract';
import type { ExecutionJournal } from '../storage/execution_journal.js';
import type { ResultStore } from '../storage/key_store.js';
import type { AgreementDeps } from './agreement.js';
import { auxInfoPhase, type AuxInfoDeps } from './aux_info.js';
import { keygenPhase, type KeygenDeps } from './keygen.js';
import { initialStatus, type Phase } from './phase.js';

/** Gets the result of a phase: from its file, or by running the protocol with the others. */
export type SetupStrategy = (phase: Phase, deps: AgreementDeps, signal: AbortSignal) => Promise<string>;

export interface KeySetupDeps extends KeygenDeps, AuxInfoDeps, Omit<AgreementDeps, 'onProblem'> {
  readonly client: KeygenDeps['client'];
  readonly files: { readonly keyShare: ResultStore; readonly auxInfo: ResultStore };
  readonly journal: Pick<ExecutionJournal, 'claim' | 'ids'>;
  readonly strategy: SetupStrategy;
  /** Told what an operator has to resolve about a phase, and null when it is resolved. */
  readonly onProblem: (phase: Phase['name'], reason: string | null) => void;
}

/** A node's way to its key share: key generation, then auxiliary info. The result of each is in a file, or all nodes make it together. */
export class KeySetup {
  private constructor(
    private readonly deps: KeySetupDeps,
    private readonly keygen: Phase,
    private readonly auxInfo: Phase,
    /** What this node has when it starts. */
    readonly status: { readonly keygen: SetupStatus; readonly aux_info: SetupStatus },
  ) {}

  /** @throws DamagedFile */
  static async open(deps: KeySetupDeps): Promise<KeySetup> {
    const keygen = keygenPhase(deps, deps.files.keyShare);
    const auxInfo = auxInfoPhase(deps, deps.files.auxInfo);
    const statusOf = (phase: Phase): Promise<SetupStatus> => initialStatus(phase, deps.journal);
    return new KeySetup(deps, keygen, auxInfo, { keygen: await statusOf(keygen), aux_info: await statusOf(auxInfo) });
  }

  /**
   * Begins the longest part, the search for primes, if this node needs any. Never throws: `run` waits for the primes, and throws what
   * failed.
   */
  async prepare(signal: AbortSignal): Promise<void> {
    const { completed, committed } = this.status.aux_info;
    if (completed === null && committed === null) await this.auxInfo.prepare(signal).catch(() => undefined);
  }

  /** @throws DamagedFile; SetupStopped; the signal's reason */
  async run(signal: AbortSignal): Promise<KeyShare> {
    const { logger, params, presence } = this.deps;
    const core = parseCoreKeyShare(await this.#result(this.keygen, signal));
    const publicKey = Buffer.from(encodePoint(core.sharedPublicKey, true)).toString('hex');
    const isFromFile = ({ name }: Phase): boolean => this.status[name].committed !== null;
    logger.info({ event: 'keygen_completed', public_key: publicKey, from_file: isFromFile(this.keygen) }, 'Keygen completed');
    presence.update({ public_key: publicKey });
    const auxInfo = parseAuxInfo(await this.#result(this.auxInfo, signal), params);
    logger.info({ event: 'aux_info_completed', from_file: isFromFile(this.auxInfo) }, 'AuxInfo generation completed');
    return completeKeyShare(core, auxInfo);
  }

  #result(phase: Phase, signal: AbortSignal): Promise<string> {
    const { deps } = this;
    const onProblem = (reason: string | null): void => {
      deps.onProblem(phase.name, reason);
    };
    return deps.strategy(phase, { ...deps, onProblem }, signal);
  }
}

import type { Blame } from 'cggmp24';
import type { Logger } from 'pino';
import { nodeId } from '../base/utils.js';
import type { Accusation } from './accusation.js';
import type { Culprits } from './culprits.js';
import type { EvidenceFolder } from './evidence_folder.js';

/** Acts on the cheats that protocols find. */
export interface Accuser {
  /**
   * Takes note of what the parties' own messages show.
   * @returns the part of the blame that stands: nobody else can have written those messages
   */
  accuse(accusation: Accusation): readonly Blame[];
}

export interface AccuserDeps {
  readonly culprits: Pick<Culprits, 'add'>;
  readonly evidence: Pick<EvidenceFolder, 'save'>;
  readonly logger: Logger;
}

/** In a sealed cluster: messages are signed, so they are evidence. */
export class SealedAccuser implements Accuser {
  constructor(private readonly deps: AccuserDeps) {}

  accuse(accusation: Accusation): readonly Blame[] {
    const { culprits, evidence, logger } = this.deps;
    const { code, round, blame, record } = accusation;
    void evidence.save(accusation);
    for (const { party, reason } of blame) {
      const fields = { event: 'culprit', culprit: nodeId(party), session: record.requestId, code, round, reason };
      logger.error(fields, `${nodeId(party)} has cheated`);
      culprits.add(party, code);
    }
    return blame;
  }
}

/** In a plain cluster: nobody is accused, and a contradiction does not even blame its sender, as anybody may have posted one of the two. */
export const PLAIN_ACCUSER: Accuser = {
  accuse: ({ code, blame }) => (code === 'contradicting_messages' ? [] : blame),
};

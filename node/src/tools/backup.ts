import { completeKeyShare, InvalidArgument, parseAuxInfo, parseCoreKeyShare, SECURITY_128 } from 'cggmp24';
import { Identity } from 'sealing/identity';
import { parseJson } from 'sealing/json';
import { Roster } from 'sealing/roster';
import { z } from 'zod';
import { checkCoreKeyShare } from '../storage/key_store.js';
import { nodeIndex } from '../base/utils.js';
import { CommandFailure } from './command.js';

/** The texts of the files that restore a node. There are no presignatures: they are only in memory, so no backup can bring one back. */
const BackupSchema = z.strictObject({ roster: z.string(), identity: z.string(), key_share: z.string(), aux_info: z.string() });
export type Backup = z.infer<typeof BackupSchema>;

/** @throws Refused, CommandFailure that says which part is wrong, and never what is secret in it */
export function parseBackup(owner: string, text: string): Backup {
  const backup = parseJson(BackupSchema, text, 'backup');
  checkBackup(owner, backup);
  return backup;
}

/** Do the parts belong to this node and to each other? @throws Refused, CommandFailure */
export function checkBackup(owner: string, backup: Backup): void {
  const roster = Roster.parse(backup.roster);
  const identity = Identity.parse(backup.identity);
  const index = nodeIndex(owner, roster.n);
  if (index === null || identity.name !== owner) throw new CommandFailure(`it has the identity of ${identity.name}, not of ${owner}`);
  roster.checkContains(identity.publicIdentity);
  try {
    const core = parseCoreKeyShare(backup.key_share);
    checkCoreKeyShare(core, { index, n: roster.n, t: roster.t, params: SECURITY_128 });
    completeKeyShare(core, parseAuxInfo(backup.aux_info, SECURITY_128));
  } catch (error) {
    if (error instanceof InvalidArgument) throw new CommandFailure(error.message);
    throw error;
  }
}

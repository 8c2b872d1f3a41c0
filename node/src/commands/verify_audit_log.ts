import { createReadStream } from 'node:fs';
import { basename } from 'node:path';
import { Refused } from 'sealing/errors';
import { z } from 'zod';
import { AuditChain, LINE_FEED } from '../audit/audit_chain.js';
import { fullFiles } from '../audit/audit_files.js';
import { main, CommandFailure } from '../tools/command.js';

const help = `Usage: verify-audit-log FILE [--head HASH]

Is the chain of a node's audit log whole? If not: where is its first broken link?

  FILE           DATA_DIR/audit_<node id>.log, or a copy while the node runs. The full files of the same log,
                 audit_<node id>.<last line>.log, have to be in the same folder, and are read first
  --head HASH    a head that was noted earlier: SHA-256 of a line, 64 hex digits
  -h, --help     this text

Each line has the SHA-256 of the line before it, across all files. So this finds changed, removed, inserted and moved lines, and missing
files. Lines that are missing at the end are found only with --head: the chain must contain that head. A node logs the head of its log at
every start. Prints the number of lines and the present head.
Exit code: 0 whole, 1 broken or not readable, 2 called wrongly.
`;

/** Nodes write no longer lines. */
const MAX_LINE_BYTES = 1 << 20;

/** The lines of a file, without their line feeds. @throws Refused when it does not end in one */
async function* linesOf(path: string): AsyncGenerator<Buffer> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
    rest = Buffer.concat([rest, chunk]);
    for (let end = rest.indexOf(LINE_FEED); end >= 0; end = rest.indexOf(LINE_FEED)) {
      yield rest.subarray(0, end);
      rest = rest.subarray(end + 1);
    }
    if (rest.length > MAX_LINE_BYTES) throw new Refused('it is longer than any that a node writes');
  }
  if (rest.length > 0) throw new Refused('it is cut short');
}

/** Follows a chain through all files to its end. @returns it, and the number of the line whose hash is `head` */
async function follow(file: string, head: string | undefined): Promise<{ chain: AuditChain; noted: number | null }> {
  let chain = AuditChain.empty;
  let noted: number | null = null;
  for (const { path, last } of [...(await fullFiles(file)), { path: file, last: null }]) {
    const begin = chain;
    try {
      for await (const line of linesOf(path)) {
        chain = chain.follow(line);
        if (chain.head === head) noted = chain.sequence;
      }
      if (last !== null && chain.sequence !== last) throw new Refused(`it is missing; the file should end with line ${last}`);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      const where = path === file ? '' : ` in ${basename(path)}`;
      const isFirst = chain === begin && chain !== AuditChain.empty;
      const hint = isFirst ? '. It is the first of its file: the file before is cut, or one is missing' : '';
      throw new CommandFailure(`✗ line ${chain.sequence + 1}${where}: ${error.message}${hint}`);
    }
  }
  return { chain, noted };
}

const HeadSchema = z.string().toLowerCase().regex(/^[0-9a-f]{64}$/, 'must be 64 hexadecimal digits');

await main({
  name: 'verify-audit-log',
  help,
  options: z.object({ file: z.string(), head: HeadSchema.optional() }),
  argument: 'file',
  run: async ({ file, head }) => {
    const { chain, noted } = await follow(file, head).catch((error: unknown) => {
      if (error instanceof Error && 'code' in error) throw new CommandFailure(`${file}: cannot be read (${String(error.code)})`);
      throw error;
    });
    const found = `${chain.sequence} lines\nhead ${chain.head}\n`;
    if (head === undefined) return `✓ The chain is whole\n${found}`;
    if (noted === null) {
      const problem = 'The chain is whole, but the noted head is not in it: lines at its end were removed or replaced';
      throw new CommandFailure(`✗ ${problem}\n${found.trimEnd()}`);
    }
    return `✓ The chain is whole, and line ${noted} is the noted head\n${found}`;
  },
});

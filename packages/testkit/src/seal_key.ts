import { SealKey } from 'sealing/seal_key';

/** A key as an external command gives it. @param digit that fills all of it */
export function testSealKey(digit = '7'): Promise<SealKey> {
  return SealKey.open({ kind: 'command', program: process.execPath, args: ['-p', `"${digit}".repeat(64)`] });
}

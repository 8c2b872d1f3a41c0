/** What a malicious board says, whatever it has seen. */

/** The answer about an entry that the board hides. */
export const GONE = { status: 404, text: '{"error":{"code":"unknown","message":"gone"}}' };
/** Texts that answer nothing. */
export const NO_ANSWERS = ['', '[]', '{}', 'null', '[null]', '{"error":', '{"error":{"code":"no","message":"no"}}', '[{"id":1}]', '"0"'];
/** Fields that claim another state of a signing request. */
export const OTHER_STATES: readonly Record<string, string>[] = [
  { status: 'failed', reason: 'policy_refused: node-1' },
  { status: 'completed' },
  { status: 'pending', message: 'changed by the board' },
];
/** Plain texts in place of a protocol message. */
export const FORGED_MESSAGES = [
  '{"Round1":{"commitment":[]}}',
  '{"Round2":7}',
  '{"Round3":{}}',
  'x',
  JSON.stringify({ Round2Uni: { sigma: { curve: 'secp256k1', scalar: '1'.repeat(64) } } }),
];

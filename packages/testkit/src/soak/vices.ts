/** The ways in which a soaked cluster's corrupt node cheats. */
export const VICES = [
  /** It is there, and keeps back its messages and its partial signatures. */
  'silent',
  /** It keeps back only its last message of each session, with which the others would have a result. */
  'quits',
  /** It makes presignatures with the others, and signs with none. */
  'withholds_partials',
  /** It sends each of them too late. */
  'slow',
  /** Its partial signatures are wrong. */
  'wrong_partials',
  /** It says of every request that it has failed. */
  'fails_requests',
  /** It accuses all others of cheating. */
  'accuses',
  /** It announces attempts that it does not run, with ever higher numbers. */
  'announces',
] as const;
export type Vice = (typeof VICES)[number];

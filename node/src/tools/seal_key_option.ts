import { SEAL_KEY_FORMS } from 'sealing/seal_key';

/** SEAL_KEY stands in for `--seal-key`. */
export const sealKeyEnvironment = { 'seal-key': 'SEAL_KEY' };
export const SEAL_KEY_TEXT = `SPEC is one of: ${SEAL_KEY_FORMS}.
Without --seal-key the variable SEAL_KEY counts.`;

import { SEAL_KEY_FORMS } from 'sealing/seal_key';

/** SEAL_KEY is the default of `--seal-key`. */
export const sealKeyEnvironment = { 'seal-key': 'SEAL_KEY' };
export const SEAL_KEY_TEXT = `SPEC says where the key or passphrase is: ${SEAL_KEY_FORMS}.
Without --seal-key the environment variable SEAL_KEY is used.`;

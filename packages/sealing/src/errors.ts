/** Upper bound on a message, in characters. It can repeat what came from outside. Larger: a stranger can fill logs and answers. */
const MAX_LENGTH = 500;

/**
 * Something that came from outside is not what it has to be. The message says what is wrong with it, never a secret. Of a message
 * that is too long, the end is cut.
 */
export class Refused extends Error {
  override readonly name: string = 'Refused';

  constructor(message: string, options?: ErrorOptions) {
    super(message.slice(0, MAX_LENGTH), options);
  }
}

/** `ENOENT` and the like, of an error of the operating system; it can be shown to people. */
export function systemCode(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : 'unknown';
}

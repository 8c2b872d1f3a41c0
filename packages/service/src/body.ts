/** What a body of JSON must be before it is parsed: of one meaning, and small enough to be parsed at once. */
import { isUtf8 } from 'node:buffer';
import { hasMoreParts, repeatedKey } from 'sealing/json';
import { ServiceError } from './errors.js';

/**
 * Strings, objects, arrays and commas of one body. With a smaller value, the list of participants of a large cluster does not fit. With a
 * larger one, a body of many small parts holds up all other calls while it is validated.
 */
const MAX_PARTS = 5_000;

/** @throws ServiceError 400, 413 */
export function checkBody(body: Buffer): void {
  if (!isUtf8(body)) throw new ServiceError(400, 'malformed_json', 'body: is not UTF-8');
  if (hasMoreParts(body, MAX_PARTS)) {
    throw new ServiceError(413, 'body_too_complex', `body: has more than ${MAX_PARTS} parts, or is nested too deeply`);
  }
  const key = repeatedKey(body.toString());
  if (key !== null) throw new ServiceError(400, 'malformed_json', `${key}: is there twice`);
}

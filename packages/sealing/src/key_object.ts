import { KeyObject } from 'node:crypto';
import type { Key } from './identity.js';

/** For signing and verifying with `node:crypto`. */
export function keyObject(key: Key): KeyObject {
  if (key instanceof KeyObject) return key;
  throw new TypeError('a key must be made by this package');
}

import { ProtocolBug } from './errors.js';

/** list[k], which must exist. */
export function at<T>(list: readonly T[], k: number): T {
  const value = list[k];
  if (value === undefined) throw new ProtocolBug(`no element ${k} in a list of ${list.length}`);
  return value;
}

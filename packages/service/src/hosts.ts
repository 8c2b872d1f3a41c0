/**
 * Whether a call is meant for this service.
 *
 * A page on the web can give its own name the address of a service in its reader's network (DNS rebinding). The reader's browser then lets
 * the page call the service and read its answers, but it still sends the page's name in the header `Host`. So only names that the operator
 * has given are answered. An address is no such name: a page that is called by its address has been loaded from there.
 */
import { isIP } from 'node:net';
import { z } from 'zod';
import { ServiceError } from './errors.js';

/** `ALLOWED_HOSTS`: names, separated by commas. */
export const AllowedHostsSchema = z
  .string()
  .transform((text) => text.split(',').map((name) => name.trim().toLowerCase()).filter((name) => name !== ''))
  .refine((names) => names.every((name) => /^[a-z0-9_-]+(\.[a-z0-9_-]+)*$/.test(name)), 'must be names, separated by commas, without ports')
  .default([])
  .describe('names by which it is called, separated by commas, besides addresses, localhost and HOST; other names are answered 421');

/**
 * @param host the header; HTTP/1.0 has none
 * @param names of this service, besides addresses and `localhost`
 * @returns the complaint when the call is for another one
 */
export function objectionToHost(host: string | undefined, names: readonly string[]): ServiceError | null {
  const name = (host ?? 'localhost').replace(/:\d{0,5}$/, '').replace(/\.$/, '').toLowerCase();
  if (name === 'localhost' || isIP(name.replace(/^\[(.*)\]$/, '$1')) !== 0 || names.includes(name)) return null;
  const advice = 'call it by its address, or add the name to ALLOWED_HOSTS';
  return new ServiceError(421, 'unknown_host', `host: ${name.slice(0, 255)} is not a name of this service: ${advice}`);
}

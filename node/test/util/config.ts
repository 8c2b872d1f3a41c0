import type { Roster } from 'sealing/roster';
import { parseEnv } from 'service/env';
import { members } from 'testkit/roster';
import { configFor, Environment, type Config } from '../../src/config.js';

/** What a node reads from this environment; its files are in clear text unless it says otherwise. */
export function configOf(env: Readonly<Record<string, string>>, roster: Roster = members().roster): Config {
  return configFor(parseEnv(Environment, { SEAL_KEY: 'none', ...env }), roster);
}

/**
 * Puts the stand-ins in place, for all that is imported after this file. The programs know nothing of it: no part of them can be told to
 * leave out a check.
 */
import { registerHooks } from 'node:module';
import { replaceAbort } from './stand_ins/abort.js';

const STAND_INS = ['cggmp24', 'message-board/node_statement', 'sealing/envelope', 'sealing/statement', 'undici'];

const standIns = new Map(STAND_INS.map((name) => {
  const file = name.replace(/^.*\//, '');
  return [import.meta.resolve(name), new URL(`./stand_ins/${file}.js`, import.meta.url).href];
}));

registerHooks({
  resolve: (specifier, context, nextResolve) => {
    const resolved = nextResolve(specifier, context);
    const standIn = standIns.get(resolved.url);
    // A stand-in takes the rest from what it stands in for.
    return standIn === undefined || context.parentURL === standIn ? resolved : { ...resolved, url: standIn };
  },
});

replaceAbort();

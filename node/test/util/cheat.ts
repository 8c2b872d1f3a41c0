/** Threads of a node that says something else than the protocol does. */
import type { Json } from 'testkit/json';
import type { FromThread, ToThread } from '../../src/workers/jobs.js';
import type { StartThread } from '../../src/workers/worker_pool.js';

/** Another body; undefined where it stays. @param to a position in the session, or `all` */
export type Alter = (variant: string, body: Json, to: number | 'all') => Json | undefined;

type Send = Extract<FromThread, { readonly kind: 'send' }>;
type Hear = Extract<ToThread, { readonly kind: 'message' }>;
const ECHO = 'ReliabilityCheck';

function variantOf(payload: string): string {
  return Object.keys(JSON.parse(payload) as object)[0] ?? '';
}

function altered(message: Send, alter: Alter): Send {
  const { to, payload } = message.message;
  const variant = variantOf(payload);
  const body = alter(variant, (JSON.parse(payload) as Record<string, Json>)[variant] ?? null, to);
  return body === undefined ? message : { ...message, message: { ...message.message, payload: JSON.stringify({ [variant]: body }) } };
}

/** Threads whose messages are altered on their way out. */
export function saying(alter: Alter, start: StartThread): StartThread {
  return (onMessage, onExit) =>
    start((message) => {
      onMessage(message.kind === 'send' ? altered(message, alter) : message);
    }, onExit);
}

/**
 * Threads that echo what the first of the others echoes, and believe that everybody echoes what they do: for a cheat that has sent all
 * others the same first message, and not the one that it computes with. For one session at a time.
 */
export function agreeing(start: StartThread): StartThread {
  return (onMessage, onExit) => {
    let own: Send | null = null;
    const heard: Hear[] = [];
    const thread = start((message) => {
      if (message.kind !== 'send' || variantOf(message.message.payload) !== ECHO) onMessage(message);
      else own = message;
      exchange();
    }, onExit);
    const exchange = (): void => {
      const [first] = heard;
      if (own === null || first === undefined) return;
      const { payload } = own.message;
      if (!said) onMessage({ ...own, message: { ...own.message, payload: first.message.payload } });
      said = true;
      for (const each of heard.splice(0)) thread.post({ ...each, message: { ...each.message, payload } });
    };
    let said = false;
    return {
      post: (message) => {
        if (message.kind !== 'message' || variantOf(message.message.payload) !== ECHO) thread.post(message);
        else heard.push(message);
        exchange();
      },
      terminate: () => thread.terminate(),
    };
  };
}

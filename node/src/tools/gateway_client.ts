import { GatewayClient, InvalidSignature, type Asked } from 'api-gateway/client';
import type { SigningStatus } from 'api-gateway/contract';
import { ServiceError, TransportError } from 'service/errors';
import { z } from 'zod';
import { CommandFailure } from './command.js';

/** Where a gateway listens by default. */
export const DEFAULT_GATEWAY = 'http://localhost:8000';
export const GatewayUrlSchema = z.url({ protocol: /^https?$/, error: 'must be a URL, http:// or https://' });

/** The cluster's public key, compressed, in hexadecimal. @throws CommandFailure when there is none, or no gateway */
export function fetchPublicKey(gateway: string): Promise<string> {
  return answerOf(gateway, '/publickey', (client) => client.publicKey());
}

/** @returns undefined when the gateway knows no such request @throws InvalidSignature; CommandFailure when there is no gateway */
export function fetchStatus(gateway: string, requestId: string, asked: Asked): Promise<SigningStatus | undefined> {
  return answerOf(gateway, `/status/${requestId}`, (client) => client.status(requestId, asked));
}

async function answerOf<T>(gateway: string, path: string, ask: (client: GatewayClient) => Promise<T>): Promise<T> {
  const url = gateway.replace(/\/+$/, '') + path;
  const client = new GatewayClient(gateway);
  try {
    return await ask(client);
  } catch (error) {
    if (error instanceof ServiceError) throw new CommandFailure(`${url} answers: ${error.message}`);
    if (!(error instanceof TransportError) || error instanceof InvalidSignature) throw error;
    if (error.retryable) throw new CommandFailure(`No gateway answers at ${gateway}: give --gateway URL`);
    throw new CommandFailure(`${url} does not answer as a gateway does: ${error.message}`);
  } finally {
    await client.close();
  }
}

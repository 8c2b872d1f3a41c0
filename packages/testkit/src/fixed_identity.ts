import { createHash, createPrivateKey } from 'node:crypto';
import { z } from 'zod';

/** PKCS #8 of a raw private key, without the key (RFC 8410). */
const PREFIX = { signing: '302e020100300506032b657004220420', encryption: '302e020100300506032b656e04220420' };
const JwkSchema = z.object({ x: z.string(), d: z.string() });

function keyPair(use: keyof typeof PREFIX, name: string): z.infer<typeof JwkSchema> {
  const secret = createHash('sha256').update(`${use} key of ${name} in tests`).digest();
  const key = createPrivateKey({ format: 'der', type: 'pkcs8', key: Buffer.concat([Buffer.from(PREFIX[use], 'hex'), secret]) });
  return JwkSchema.parse(key.export({ format: 'jwk' }));
}

/** The text of the same identity in every run. @param name `node-1` …, or `gateway`; @param world another one has other keys */
export function identityText(name: string, world = ''): string {
  const [signing, encryption] = [keyPair('signing', name + world), keyPair('encryption', name + world)];
  return JSON.stringify({
    name,
    signing_key: signing.x,
    encryption_key: encryption.x,
    signing_secret: signing.d,
    encryption_secret: encryption.d,
  });
}

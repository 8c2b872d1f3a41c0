import { etc, getPublicKey, Point, signAsync, utils } from '@noble/secp256k1';

/** A key of one holder, which signs as a cluster would. */
export function newSigner(secretKey = utils.randomSecretKey()) {
  return {
    secretHex: etc.bytesToHex(secretKey),
    publicKey: etc.bytesToHex(getPublicKey(secretKey)),
    /** The gateway's signature text for SHA-256 of the message. */
    async sign(message: string): Promise<string> {
      const compact = etc.bytesToHex(await signAsync(Buffer.from(message), secretKey));
      return JSON.stringify({ r: compact.slice(0, 64), s: compact.slice(64) });
    },
  };
}

/** The same signature with q − s for s: valid for ECDSA, and malleable. */
export function withHighS(signature: string): string {
  const { r, s } = JSON.parse(signature) as { r: string; s: string };
  return JSON.stringify({ r, s: (Point.CURVE().n - BigInt(`0x${s}`)).toString(16).padStart(64, '0') });
}

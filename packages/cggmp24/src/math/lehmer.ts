/** Quotients are found from about this many leading bits; everything computed with them is then exact in a double. */
const LEADING_BITS = 51;

/** (x, y) becomes (a x + b y, c x + d y). */
type Step = readonly [a: bigint, b: bigint, c: bigint, d: bigint];

/**
 * Several steps of Euclid's algorithm in one: as far as the leading parts of x and y, cut at the same bit, determine
 * the quotients (Knuth, The Art of Computer Programming, volume 2, algorithm 4.5.2 L). Null when not even one is certain.
 */
function certainSteps(leadingX: number, leadingY: number): Step | null {
  let [x, y] = [leadingX, leadingY];
  let [a, b, c, d] = [1, 0, 0, 1];
  while (y + c !== 0 && y + d !== 0) {
    // The true quotient lies between the two compared.
    const quotient = Math.floor((x + a) / (y + c));
    if (quotient !== Math.floor((x + b) / (y + d))) break;
    [a, c] = [c, a - quotient * c];
    [b, d] = [d, b - quotient * d];
    [x, y] = [y, x - quotient * y];
  }
  return b === 0 ? null : [BigInt(a), BigInt(b), BigInt(c), BigInt(d)];
}

/** By how much to shift x right to keep its leading bits, a few more or less; `guess`: the shift for a number near x. */
function leadingShift(x: bigint, guess: number): number {
  const top = Number(x >> BigInt(guess));
  const guessed = top > 0 && Number.isFinite(top);
  const length = guessed ? guess + Math.ceil(Math.log2(top)) : 4 * x.toString(16).length;
  return Math.max(0, length - LEADING_BITS);
}

/** Runs Euclid's algorithm on x >= y >= 0, tells `onStep` each linear map it applies, and returns the gcd. */
function euclid(x: bigint, y: bigint, onStep: (...step: Step) => void): bigint {
  for (let shift = 0; y !== 0n; ) {
    shift = leadingShift(x, shift);
    const steps = certainSteps(Number(x >> BigInt(shift)), Number(y >> BigInt(shift)));
    const [a, b, c, d] = steps ?? [0n, 1n, 1n, -(x / y)];
    [x, y] = [a * x + b * y, c * x + d * y];
    onStep(a, b, c, d);
  }
  return x;
}

/** Greatest common divisor of a, b >= 0; three times as fast as Euclid at 3072 bits. Variable time. */
export function gcdLehmer(a: bigint, b: bigint): bigint {
  return a < b ? gcdLehmer(b, a) : euclid(a, b, () => undefined);
}

/** a^-1 mod n in [0, n) for 0 <= a < n, or null when they share a factor. Variable time. */
export function invertLehmer(a: bigint, n: bigint): bigint | null {
  // What the algorithm holds is u a and v a modulo n.
  let [u, v] = [0n, 1n];
  const common = euclid(n, a, (a_, b, c, d) => {
    [u, v] = [a_ * u + b * v, c * u + d * v];
  });
  if (common !== 1n) return null;
  return u < 0n ? u + n : u;
}

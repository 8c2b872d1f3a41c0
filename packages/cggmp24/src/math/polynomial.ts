import { invertScalar, INFINITY, multiplyPublic, toScalar, type Point, type Scalar } from './curve.js';

/** f(x), coefficient of x^0 first. */
export function evaluate(coefficients: readonly Scalar[], x: Scalar): Scalar {
  return coefficients.reduceRight((value, c) => toScalar(value * x + c), 0n);
}

/** F(x) for a polynomial committed to in the exponent; x is public. */
export function evaluateCommitment(coefficients: readonly Point[], x: Scalar): Point {
  return coefficients.reduceRight((value, C) => multiplyPublic(value, x).add(C), INFINITY);
}

/** Lagrange coefficients that give f(at) from f at the distinct nodes `xs`. */
export function lagrange(xs: readonly Scalar[], at: Scalar): Scalar[] {
  return xs.map((x_j) => {
    const others = xs.filter((x) => x !== x_j);
    if (others.length !== xs.length - 1) throw new RangeError('interpolation nodes are not distinct');
    const numerator = others.reduce((product, x) => toScalar(product * (at - x)), 1n);
    const denominator = others.reduce((product, x) => toScalar(product * (x_j - x)), 1n);
    return toScalar(numerator * invertScalar(denominator));
  });
}

/** f(at) G from f(x_j) G at the distinct nodes `xs`; everything is public. */
export function evaluateInExponent(xs: readonly Scalar[], values: readonly Point[], at: Scalar): Point {
  return lagrange(xs, at).reduce((sum, lambda, k) => {
    const value = values[k];
    if (value === undefined) throw new RangeError('fewer values than nodes');
    return sum.add(multiplyPublic(value, lambda));
  }, INFINITY);
}

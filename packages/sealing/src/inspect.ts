/** What Node.js calls to print a value. The registered symbol itself: the types of this package then need none of Node.js's. */
export const inspectSymbol: unique symbol = Symbol.for('nodejs.util.inspect.custom');

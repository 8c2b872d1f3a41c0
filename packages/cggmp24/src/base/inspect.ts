/** Node.js prints a value with the method of this name. The symbol is written out, so that no type of Node.js is needed. */
export const inspectSymbol: unique symbol = Symbol.for('nodejs.util.inspect.custom');

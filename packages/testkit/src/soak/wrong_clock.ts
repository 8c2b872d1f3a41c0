/** Loaded before a node (`--import`), it makes the node's wall clock wrong by `SOAK_CLOCK_MS`. */
const offsetMs = Number(process.env['SOAK_CLOCK_MS']);
const right = Date.now.bind(Date);
const now = (): number => right() + offsetMs;
const Right = Date;
globalThis.Date = new Proxy(Right, {
  construct: (target, args: unknown[]) => Reflect.construct(target, args.length === 0 ? [now()] : args) as Date,
  get: (target, name) => (name === 'now' ? now : (Reflect.get(target, name) as unknown)),
});

export {};

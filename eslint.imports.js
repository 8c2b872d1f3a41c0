/**
 * Which folder may import which. `npm run lint` enforces this table; `docs/architecture.md` explains it.
 *
 * A row is a folder (or a file, without .ts) in the src of a workspace, with the rows that it may import.
 * A row may import itself, and only rows above it: so no two folders ever import each other.
 * A name without a workspace is a row of the same workspace. In the rows of `node`, `base` is node/src/base.
 * `cggmp24` is what that package exports; `service`, `sealing` and `testkit` are all their files.
 */
export const IMPORTS = {
  // ---- Libraries ----
  service: { '.': [] },
  sealing: { '.': [] },
  cggmp24: {
    base: [],
    params: [],
    math: ['base'],
    hash: ['math'],
    wire: ['base', 'math'],
    runtime: ['base', 'math', 'hash', 'wire'],
    ecdsa: ['base', 'math'],
    paillier: ['base', 'math', 'runtime'],
    zk: ['base', 'params', 'math', 'hash', 'wire', 'paillier'],
    key_share: ['base', 'params', 'math', 'wire', 'paillier'],
    keygen: ['base', 'params', 'math', 'hash', 'wire', 'runtime', 'zk', 'key_share'],
    aux_info: ['base', 'params', 'math', 'hash', 'wire', 'runtime', 'paillier', 'zk', 'key_share'],
    signing: ['base', 'params', 'math', 'hash', 'wire', 'runtime', 'ecdsa', 'paillier', 'zk', 'key_share'],
    aborts: ['runtime', 'keygen', 'aux_info', 'signing'],
    evidence: ['base', 'params', 'math', 'hash', 'wire', 'runtime', 'paillier', 'key_share', 'keygen', 'aux_info', 'signing', 'aborts'],
    sessions: ['base', 'params', 'math', 'runtime', 'ecdsa', 'key_share', 'keygen', 'aux_info', 'signing'],
    index: [
      'base', 'params', 'math', 'wire', 'runtime', 'ecdsa', 'key_share', 'keygen', 'aux_info', 'signing', 'aborts', 'evidence', 'sessions',
    ],
    testing: ['base', 'params', 'math', 'hash', 'runtime', 'key_share', 'aux_info', 'aborts', 'sessions'],
  },

  // ---- Programs ----
  'message-board': {
    contract: ['service', 'sealing'],
    client: ['service', 'contract'],
    store: ['service', 'contract'],
    server: ['service', 'sealing', 'cggmp24', 'contract', 'store'],
    config: ['service'],
    main: ['service', 'sealing', 'server', 'config'],
  },
  'api-gateway': {
    contract: ['message-board/contract'],
    '.': ['service', 'sealing', 'cggmp24', 'message-board/contract', 'message-board/client', 'message-board/store', 'contract'],
  },
  node: {
    base: ['service', 'cggmp24'],
    storage: ['sealing', 'cggmp24', 'base'],
    workers: ['cggmp24', 'base'],
    audit: ['sealing', 'base', 'storage'],
    mail: ['sealing', 'message-board/contract', 'base', 'workers'],
    primes: ['sealing', 'cggmp24', 'base', 'storage', 'workers'],
    cluster: ['service', 'sealing', 'message-board/contract', 'message-board/client', 'base', 'mail'],
    evidence: ['sealing', 'cggmp24', 'message-board/contract', 'base', 'storage', 'mail', 'cluster'],
    config: ['service', 'sealing', 'base'],
    transport: ['message-board/contract', 'message-board/client', 'base', 'workers', 'audit', 'mail', 'cluster', 'evidence'],
    setup: [
      'sealing', 'cggmp24', 'message-board/contract',
      'base', 'storage', 'workers', 'primes', 'cluster', 'evidence', 'config', 'transport',
    ],
    approval: ['sealing', 'message-board/contract', 'base'],
    presigning: ['sealing', 'cggmp24', 'message-board/contract', 'base', 'cluster', 'evidence', 'transport'],
    signing: [
      'sealing', 'cggmp24', 'message-board/contract', 'message-board/client',
      'base', 'mail', 'cluster', 'transport', 'approval', 'presigning',
    ],
    health: ['service', 'cggmp24', 'cluster', 'evidence', 'config', 'presigning'],
    context: [
      'sealing', 'cggmp24', 'message-board/client',
      'storage', 'workers', 'audit', 'mail', 'cluster', 'evidence', 'config', 'approval', 'presigning',
    ],
    node: [
      'service', 'sealing', 'cggmp24', 'message-board/contract', 'message-board/client',
      'base', 'storage', 'workers', 'audit', 'mail', 'primes', 'cluster', 'evidence', 'config', 'setup', 'approval',
      'presigning', 'signing', 'health', 'context',
    ],
    main: ['service', 'sealing', 'cggmp24', 'workers', 'config', 'node'],
    tools: ['sealing', 'cggmp24', 'message-board/contract', 'base', 'storage'],
    bin: ['sealing', 'cggmp24', 'message-board/contract', 'base', 'storage', 'workers', 'audit', 'primes', 'evidence', 'tools'],
  },

  // ---- For tests and measurements: no program imports these ----
  testkit: {
    '.': ['service', 'sealing', 'cggmp24', 'cggmp24/testing', 'message-board/contract', 'message-board/client', 'message-board/server', 'api-gateway/contract'],
  },
  bench: {
    '.': [
      'service', 'sealing', 'cggmp24', 'cggmp24/testing', 'message-board/contract', 'message-board/client', 'api-gateway/contract', 'testkit',
      'cggmp24/math', 'cggmp24/hash', 'cggmp24/paillier', 'cggmp24/zk', 'node/workers', 'node/config', 'node/node',
    ],
  },
};

/** What tests may import besides all files of their own workspace's src. */
export const TEST_IMPORTS = {
  'packages/service/test': ['testkit'],
  'packages/sealing/test': ['testkit'],
  'packages/cggmp24/test': ['testkit'],
  'message-board/test': ['service', 'sealing', 'cggmp24', 'testkit'],
  'api-gateway/test': ['service', 'sealing', 'cggmp24', 'message-board/contract', 'message-board/client', 'message-board/server', 'testkit'],
  'node/test': [
    'service', 'sealing', 'cggmp24', 'cggmp24/testing', 'message-board/contract', 'message-board/client', 'message-board/store',
    'message-board/server', 'api-gateway', 'testkit',
  ],
  'packages/testkit/test': ['service'],
  'bench/test': [],
  'interop': ['cggmp24'],
  'e2e': ['sealing', 'cggmp24', 'cggmp24/testing', 'message-board/client', 'api-gateway/contract', 'testkit', 'interop'],
};

/** Imports that the tables forbid, each with the reason why it exists. They are to go. */
export const EXCEPTIONS = [
  { from: 'message-board/store', to: 'message-board/src/server', why: 'limits and rules of requests are with the server' },
  { from: 'node/approval', to: 'node/src/context.ts', why: 'folders still take NodeContext' },
  { from: 'node/cluster', to: 'node/src/context.ts', why: 'folders still take NodeContext' },
  { from: 'node/presigning', to: 'node/src/context.ts', why: 'folders still take NodeContext' },
  { from: 'node/signing', to: 'node/src/context.ts', why: 'folders still take NodeContext' },
  { from: 'node/workers', to: 'node/src/presigning', why: 'the number of presignatures in a batch' },
  { from: 'node/mail', to: 'node/src/evidence', why: 'a record of a session is a type of culprits.ts' },
  { from: 'node/primes', to: 'node/src/cluster', why: 'sleeping until aborted is in reading.ts' },
  { from: 'testkit', to: 'node/dist/primes', why: 'data folders of small clusters get primes' },
  { from: 'api-gateway/test', to: 'message-board/test', why: 'a board under test' },
  { from: 'node/test', to: 'packages/cggmp24/test', why: 'alterations of messages, and recorded vectors' },
  { from: 'node/test', to: 'packages/cggmp24/src/math', why: 'small primes' },
  { from: 'e2e', to: 'node/test', why: 'a board that records' },
];

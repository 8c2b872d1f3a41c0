/**
 * Which folder may import which. `npm run lint` enforces this table; `docs/architecture.md` explains it.
 *
 * A row is a folder (or a file, without .ts) in the src of a workspace, with the rows that it may import.
 * A row may import itself, and only rows above it: so no two folders ever import each other.
 * A name without a workspace is a row of the same workspace. In the rows of `node`, `base` is node/src/base.
 * The row `*` of a workspace is what all its rows may import that stand below; the row `.` is all files without a row of their own.
 * `cggmp24` is what that package exports; `service`, `sealing` and `testkit` are all their files.
 */
export const IMPORTS = {
  // ---- Libraries ----
  sealing: { '.': [] },
  service: { '.': ['sealing'] },
  cggmp24: {
    '*': ['base', 'params', 'math'],
    base: [],
    params: [],
    math: [],
    hash: [],
    wire: [],
    runtime: ['hash', 'wire'],
    ecdsa: [],
    paillier: ['runtime'],
    zk: ['hash', 'wire', 'paillier'],
    key_share: ['wire', 'paillier'],
    keygen: ['hash', 'wire', 'runtime', 'zk', 'key_share'],
    aux_info: ['hash', 'wire', 'runtime', 'paillier', 'zk', 'key_share'],
    signing: ['hash', 'wire', 'runtime', 'ecdsa', 'paillier', 'zk', 'key_share'],
    reshare: ['hash', 'wire', 'runtime', 'zk', 'key_share'],
    aborts: ['runtime', 'keygen', 'aux_info', 'signing', 'reshare'],
    evidence: ['hash', 'wire', 'runtime', 'ecdsa', 'paillier', 'key_share', 'keygen', 'aux_info', 'signing', 'reshare', 'aborts'],
    sessions: ['runtime', 'ecdsa', 'key_share', 'keygen', 'aux_info', 'signing', 'reshare'],
    index: [
      'wire', 'runtime', 'ecdsa', 'paillier', 'key_share', 'keygen', 'aux_info', 'signing',
      'reshare', 'aborts', 'evidence', 'sessions',
    ],
    testing: ['hash', 'wire', 'runtime', 'paillier', 'zk', 'key_share', 'aux_info', 'aborts', 'sessions'],
  },

  // ---- Programs ----
  'message-board': {
    '*': ['service', 'sealing', 'cggmp24'],
    contract: [],
    client: ['contract'],
    peers: ['contract', 'client'],
    store: ['contract'],
    server: ['contract', 'store'],
    config: [],
    program: ['server', 'config'],
    main: ['program'],
  },
  'api-gateway': {
    '*': ['service', 'sealing', 'cggmp24'],
    contract: ['message-board/contract'],
    client: ['message-board/contract', 'contract'],
    store: [],
    '.': ['message-board/contract', 'message-board/client', 'message-board/peers', 'contract', 'store'],
  },
  node: {
    '*': ['service', 'sealing', 'cggmp24', 'base'],
    base: [],
    storage: [],
    workers: [],
    audit: ['storage'],
    mail: ['message-board/contract', 'workers'],
    primes: ['storage', 'workers'],
    cluster: ['message-board/contract', 'message-board/client', 'message-board/peers', 'mail'],
    evidence: ['message-board/contract', 'message-board/peers', 'storage', 'mail', 'cluster'],
    config: ['message-board/peers'],
    transport: ['message-board/contract', 'message-board/client', 'message-board/peers', 'workers', 'audit', 'mail', 'cluster', 'evidence'],
    setup: [
      'message-board/contract', 'message-board/client', 'message-board/peers', 'storage', 'workers', 'mail', 'primes', 'cluster',
      'evidence', 'transport',
    ],
    approval: ['message-board/contract', 'storage', 'audit'],
    presigning: [
      'message-board/contract', 'message-board/client', 'message-board/peers', 'storage', 'workers', 'audit', 'mail', 'cluster',
      'evidence', 'transport',
    ],
    signing: [
      'message-board/contract', 'message-board/client', 'storage', 'workers', 'audit', 'mail', 'cluster', 'evidence', 'transport',
      'approval', 'presigning',
    ],
    health: ['message-board/peers', 'cluster', 'evidence', 'presigning'],
    cluster_modes: ['mail', 'cluster', 'evidence', 'config', 'transport', 'setup', 'signing'],
    node_records: ['storage', 'audit', 'approval'],
    node: [
      'message-board/contract', 'message-board/client', 'storage', 'workers', 'primes', 'cluster', 'evidence', 'config', 'setup',
      'presigning', 'signing', 'health', 'cluster_modes', 'node_records',
    ],
    process: ['message-board/client', 'workers', 'config', 'approval', 'node'],
    program: ['process'],
    main: ['program'],
    testing: ['primes', 'config', 'process'],
    parts: ['storage', 'workers', 'audit', 'mail', 'cluster', 'evidence', 'approval', 'presigning', 'signing'],
    tools: ['message-board/contract', 'api-gateway/contract', 'api-gateway/client', 'storage'],
    commands: ['message-board/contract', 'api-gateway/client', 'storage', 'workers', 'audit', 'primes', 'evidence', 'tools'],
    bin: ['commands'],
  },

  // ---- For tests and measurements: no program imports these ----
  testkit: {
    '*': ['service', 'sealing', 'cggmp24', 'cggmp24/testing'],
    '.': [
      'message-board/contract', 'message-board/client', 'message-board/server',
      'api-gateway/contract', 'api-gateway/client', 'node/testing', 'node/parts',
    ],
  },
  mutants: { '*': ['service'], '.': [] },
  bench: {
    '*': ['service', 'sealing', 'cggmp24', 'cggmp24/testing', 'testkit'],
    '.': [],
  },
  simulation: {
    '*': ['service', 'sealing', 'cggmp24', 'testkit'],
    '.': ['message-board/contract', 'message-board/client', 'message-board/server', 'api-gateway', 'node/parts'],
  },
};

/** What tests may import besides all files of their own workspace's src. */
export const TEST_IMPORTS = {
  'packages/cggmp24/test': ['testkit'],
  'packages/sealing/test': ['testkit'],
  'packages/service/test': ['testkit'],
  'packages/testkit/test': ['service', 'message-board/contract'],
  'message-board/test': ['service', 'sealing', 'cggmp24', 'testkit'],
  'api-gateway/test': [
    'service', 'sealing', 'cggmp24', 'testkit',
    'message-board/contract', 'message-board/client', 'message-board/peers', 'message-board/server',
  ],
  'node/test': [
    'service', 'sealing', 'cggmp24', 'cggmp24/testing', 'testkit',
    'message-board/contract', 'message-board/client', 'message-board/peers', 'message-board/server', 'api-gateway',
  ],
  'bench/test': [],
  'mutants/test': [],
  'simulation/test': [],
  'interop': ['cggmp24'],
  'e2e': ['sealing', 'cggmp24', 'cggmp24/testing', 'testkit', 'message-board/client', 'api-gateway/contract', 'interop'],
  // It checks the project from outside: what it shared with it could not catch a change of it.
  'e2e/specification': [],
};

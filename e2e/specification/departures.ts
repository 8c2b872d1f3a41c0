/**
 * Where this project departs from the specification (Threshold Signing System 1.0.0) on purpose. The suite checks what we do, and
 * a check that rests on a departure names it in its title with `departs`. What is not in this table is kept as it is specified;
 * more fields, routes and programs than it names are no departure.
 */
export interface Departure {
  readonly specified: string;
  readonly here: string;
  readonly why: string;
}

export const DEPARTURES = {
  // ---- the programs ----
  typescript: {
    specified: 'nodes in Rust, services in Go; `cargo run --bin verify-from-api -- …`; types.go, store.go, Cargo.toml',
    here: 'TypeScript: `node/dist/bin/verify_from_api.js`, or `verify-from-api`; files of nodes keep their names, with .ts',
    why: 'the project is this system in TypeScript',
  },
  sharedClient: {
    specified: 'node/src/message_board_client.rs',
    here: 'the package export `message-board/client`',
    why: 'nodes and gateway use the same client, beside the contract that it parses',
  },
  oneContainerfile: {
    specified: 'a Dockerfile for each service',
    here: 'one Containerfile: podman-compose.yml says which service a container is',
    why: 'the services share their dependencies',
  },
  containerNames: {
    specified: 'containers called node-1, message-board and so on: `podman logs node-1`',
    here: 'services of these names: `podman-compose logs node-1`, `scripts/logs.sh node-1`',
    why: 'with fixed names, the second cluster on a machine takes over the containers of the first, and its key',
  },
  verdictText: {
    specified: '`Error: Signature verification failed`',
    here: 'a line that begins with ✗ and says what is wrong; exit code 1, and 2 for a wrong call',
    why: 'an answer "no" is not an error of the program, and its reader needs the reason',
  },
  // ---- files and logs ----
  dataFolder: {
    specified: '/tmp/key_share_node-1.json, /tmp/aux_info_node-1.json, readable by other users',
    here: 'the same names in DATA_DIR, with mode 0700',
    why: '/tmp does not survive a restart of the machine, and is open to its other users',
  },
  sealedFiles: {
    specified: 'the share as clear JSON',
    here: 'JSON around the share encrypted under SEAL_KEY; `export-pubkey --key-share` and `backup-share` read it',
    why: 'three files in clear text are the key',
  },
  logLines: {
    specified: 'lines of text; about thirty messages in the samples of code',
    here: 'lines of JSON; the eight messages that its instructions search for are kept word for word, figures and signers are fields',
    why: 'logs are read by programs; the other messages are nowhere relied on',
  },
  // ---- HTTP, all services ----
  errorBody: {
    specified: 'plain text, such as "Request not found"',
    here: '`{"error":{"code","message"}}`; only the gateway\'s 404 is `{"request_id","status":"not_found"}`',
    why: 'the code is stable, the message names the field',
  },
  strictBodies: {
    specified: 'unknown fields are ignored',
    here: '400 that names the field',
    why: 'a misspelt field must not be dropped in silence',
  },
  boardUnavailable: {
    specified: 'the gateway answers 500 when the message board is unavailable',
    here: '503; a gateway that has not noticed yet accepts a request, which is pending until the board is back',
    why: '500 says that the gateway is broken, 503 that it is worth trying again; what was accepted is on the gateway\'s disk',
  },
  // ---- the message board ----
  protocolRecords: {
    specified: 'GET /messages with an unknown request_id makes a pending request with an empty message',
    here: 'the record is in_progress, never pending and never signed',
    why: 'nodes would otherwise be asked to sign an empty message',
  },
  messagesNeedPlace: {
    specified: 'GET /messages without request_id and to_node, to look at everything',
    here: '400 that names both',
    why: 'all messages together are hundreds of megabytes',
  },
  checkedSignature: {
    specified: 'PUT /requests/{id} stores any signature and any status',
    here: 'the signature is verified: 400, or 409 without a key; completed without one is 409; failed needs a reason; a final state stays',
    why: 'what the board shows as completed is signed',
  },
  presignatureIds: {
    specified: 'presig_gen_<counter>; the PresignatureRequest has no participants, as they are always node-1 to node-3',
    here: 'presig_gen_<leader>_<128 random bits>, with participants',
    why: 'a counter repeats after a restart, and two leaders use the same one',
  },
  partialSignature: {
    specified: 'the payload of a partial signature is {"s","e"}',
    here: '{"sigma","presignature_id"}, among the claims of its maker\'s JWS',
    why: 'CGGMP24 has no e; presignature_id says what was used up',
  },
  signedEntries: {
    specified: 'anybody may post messages, presignature requests, partial signatures and public keys',
    here: 'a board with a roster takes from members alone what changes anything, and answers others 403; a board without one takes it',
    why: 'the board need not be trusted, nor whoever reaches it',
  },
  // ---- signing ----
  gatewayAsks: {
    specified: 'nodes sign what is posted to the board',
    here: 'nodes sign what their gateway has signed; with UNSIGNED_REQUESTS=keep the rest fails, `unauthorized`, else it is 403',
    why: 'whoever reaches the board could otherwise sign anything',
  },
  namedPresignature: {
    specified: 'each node takes the first presignature of its own pool',
    here: 'a request names the presignature that all its signers use, in presignature_id',
    why: 'pools of several nodes are not in the same order, and parts of two presignatures do not fit together',
  },
  signerSets: {
    specified: 'signers are the first three bytes of BLAKE2b(id) mod 4, in practice always node-1 to node-3; node-1 alone fills the pools',
    here: 'the "production fix" of the specification: an offset from BLAKE2b(id), then three in a row; any node may be missing',
    why: 'the first rule often picks fewer than three nodes, and none of them may be down',
  },
} as const satisfies Record<string, Departure>;

export type DepartureName = keyof typeof DEPARTURES;

/** Marks the title of a check that rests on departures. */
export function departs(...names: DepartureName[]): string {
  return `(≠ ${names.join(', ')})`;
}

import { authorizeAnybody, authorizeSigned, type AuthorizationOptions, type Authorize } from '../approval/authorization.js';
import { BY_TURNS, FIRST_ATTEMPT_ONLY, type Planner } from './signing_plan.js';

/** What the nodes of a cluster can do beside the protocol itself. */
export interface ClusterKind {
  /** What tells whether a client has asked for a request. */
  readonly authorizer: (options: AuthorizationOptions) => Authorize;
  readonly planner: Planner;
  /** Does the gateway propose presignatures? */
  readonly proposals: boolean;
  /** Do all signers know the phase of full signing that finds a cheat? */
  readonly identification: boolean;
  /** Can others tell who has said something? Only then does a refusal count. */
  readonly refusals: boolean;
}

/** All nodes run this program, and sign what they say. */
export const SEALED_CLUSTER: ClusterKind = {
  authorizer: authorizeSigned,
  planner: BY_TURNS,
  proposals: true,
  identification: true,
  refusals: true,
};

/** Some nodes may be Rust nodes: they announce nothing, sign nothing that they say, and know only the protocol itself. */
export const PLAIN_CLUSTER: ClusterKind = {
  authorizer: () => authorizeAnybody,
  planner: FIRST_ATTEMPT_ONLY,
  proposals: false,
  identification: false,
  refusals: false,
};

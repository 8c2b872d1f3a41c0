import type { TravellingMessage } from './seals.js';
import type { SessionSetting } from './session_setting.js';

/** What was said in a session: all messages that this node has received and accepted, and all that it has sent. */
export interface SessionRecord {
  readonly kind: 'session';
  /** The board's id of the session. */
  readonly requestId: string;
  readonly setting: SessionSetting;
  readonly received: readonly TravellingMessage[];
  readonly sent: readonly TravellingMessage[];
}

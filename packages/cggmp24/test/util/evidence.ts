/** What a run leaves with a party, and what a judge makes of it. */
import { expect } from '@jest/globals';
import { messagesOfRecord, parseCase, serializeCase, type Case, type Setting } from '../../src/evidence/case.js';
import { judge } from '../../src/evidence/judge.js';
import type { Verdict } from '../../src/evidence/transcript.js';
import type { SecurityParams } from '../../src/params.js';
import { ProtocolAborted } from '../../src/aborts.js';
import type { IncomingMessage } from '../../src/runtime/message.js';
import type { OutgoingMessage, Session } from '../../src/runtime/session.js';
import { simulate, type Outcome, type SimulateOptions } from '../../src/testing/simulate.js';

export interface View {
  readonly received: IncomingMessage[];
  readonly sent: OutgoingMessage[];
}

/** Remembers what a session receives and sends from now on. */
export function observe<T>(session: Session<T>): View {
  const view: View = { received: [], sent: [] };
  const receive = session.receive.bind(session);
  const proceed = session.proceed.bind(session);
  session.receive = (message) => {
    view.received.push(message);
    receive(message);
  };
  session.proceed = () => {
    const step = proceed();
    if (step.kind === 'send') view.sent.push(step.message);
    return step;
  };
  return view;
}

/** The case that a party makes of its view, after a passage through JSON. */
export function caseOf(params: SecurityParams, setting: Setting, index: number, view: View, culprits: readonly number[]): Case {
  return parseCase(serializeCase({ params, setting, messages: messagesOfRecord({ index, ...view, culprits }) }), params);
}

/**
 * Does a judge, who has only the messages, say of an abort what the party says that aborted? Of cheats it may say more: it also reads what
 * came before it was its turn.
 */
export function expectSameVerdict(
  params: SecurityParams,
  setting: Setting,
  index: number,
  view: View,
  error: unknown,
  cheats: readonly number[] = [],
): void {
  if (!(error instanceof ProtocolAborted)) return;
  const { code, blame } = error;
  const blamed = blame.map(({ party }) => party);
  const verdicts = judge(caseOf(params, setting, index, view, blamed));
  const expected = verdicts.filter(({ party }) => blamed.includes(party) || !cheats.includes(party));
  expect(expected.map(({ party, reason }) => ({ party, reason }))).toEqual(blame);
  if (blame.length > 0) expect(verdicts.map((verdict: Verdict) => verdict.code)).toContain(code);
}

/** Does a judge find nothing against these parties? Against others there may be what came too late, or is not looked at yet. */
function expectNothingAgainst(parties: readonly number[], params: SecurityParams, setting: Setting, index: number, view: View): void {
  const convicted = judge(caseOf(params, setting, index, view, [])).map(({ party }) => party);
  expect(convicted.filter((party) => parties.includes(party))).toEqual([]);
}

/** `simulate`, with a judge looking at what each of the honest parties is left with. */
export function simulateJudged<T>(
  params: SecurityParams,
  setting: Setting,
  honest: readonly number[],
  sessions: readonly Session<T>[],
  options?: SimulateOptions,
): Outcome<T>[] {
  const views = sessions.map(observe);
  const cheats = [...sessions.keys()].filter((party) => !honest.includes(party));
  const outcomes = simulate(sessions, options);
  for (const [party, view] of views.entries()) {
    if (!honest.includes(party)) continue;
    const outcome = outcomes[party];
    if (outcome?.kind === 'aborted') expectSameVerdict(params, setting, party, view, outcome.error, cheats);
    else expectNothingAgainst(honest, params, setting, party, view);
  }
  return outcomes;
}

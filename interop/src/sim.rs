//! All parties of a protocol in this thread, without serialization: for timings.

use std::collections::VecDeque;

use round_based::state_machine::{ProceedResult, StateMachine};
use round_based::{Incoming, MessageDestination, MessageType};

pub type Party<'a, O, M> = Box<dyn StateMachine<Output = O, Msg = M> + 'a>;

/// Round-robin: each party runs until it waits for a message.
pub fn simulate<O, M: Clone>(mut parties: Vec<Party<'_, O, M>>) -> Vec<O> {
    let n = parties.len();
    let mut inboxes: Vec<VecDeque<Incoming<M>>> = (0..n).map(|_| VecDeque::new()).collect();
    let mut outputs: Vec<Option<O>> = (0..n).map(|_| None).collect();
    let mut waiting = vec![false; n];
    let mut next_id = 0;
    while outputs.iter().any(Option::is_none) {
        for i in 0..n {
            while outputs[i].is_none() {
                if waiting[i] {
                    let Some(message) = inboxes[i].pop_front() else { break };
                    assert!(parties[i].received_msg(message).is_ok(), "party {i} refused a message");
                    waiting[i] = false;
                }
                match parties[i].proceed() {
                    ProceedResult::SendMsg(out) => {
                        let (to, msg_type) = match out.recipient {
                            MessageDestination::AllParties => (None, MessageType::Broadcast),
                            MessageDestination::OneParty(j) => (Some(usize::from(j)), MessageType::P2P),
                        };
                        for (j, inbox) in inboxes.iter_mut().enumerate() {
                            if j != i && to.map_or(true, |to| to == j) {
                                inbox.push_back(Incoming { id: next_id, sender: i as u16, msg_type, msg: out.msg.clone() });
                            }
                        }
                        next_id += 1;
                    }
                    ProceedResult::NeedsOneMoreMessage => waiting[i] = true,
                    ProceedResult::Yielded => {}
                    ProceedResult::Output(output) => outputs[i] = Some(output),
                    ProceedResult::Error(error) => panic!("party {i}: {error}"),
                }
            }
        }
    }
    outputs.into_iter().flatten().collect()
}

//! Runs one party's state machine over a transport.

use anyhow::{anyhow, bail, Context, Result};
use round_based::state_machine::{ProceedResult, StateMachine};
use round_based::{Incoming, MessageDestination, MessageType};
use serde::{de::DeserializeOwned, Serialize};

/// A message for this party. `sender` is a protocol index.
pub struct Received {
    pub sender: u16,
    pub broadcast: bool,
    pub payload: String,
}

pub trait Transport {
    /// `to` is a protocol index; `None` = everybody.
    fn send(&mut self, to: Option<u16>, payload: String) -> Result<()>;
    /// Blocks until there is a message.
    fn receive(&mut self) -> Result<Received>;
}

pub fn run<O, Err, M>(mut party: impl StateMachine<Output = Result<O, Err>, Msg = M>, transport: &mut impl Transport) -> Result<O>
where
    M: Serialize + DeserializeOwned,
    Err: std::error::Error + Send + Sync + 'static,
{
    let mut next_id = 0;
    loop {
        match party.proceed() {
            ProceedResult::SendMsg(out) => {
                let to = match out.recipient {
                    MessageDestination::AllParties => None,
                    MessageDestination::OneParty(j) => Some(j),
                };
                transport.send(to, serde_json::to_string(&out.msg)?)?;
            }
            ProceedResult::NeedsOneMoreMessage => {
                let Received { sender, broadcast, payload } = transport.receive()?;
                let msg = serde_json::from_str(&payload).with_context(|| format!("unreadable message of party {sender}"))?;
                let msg_type = if broadcast { MessageType::Broadcast } else { MessageType::P2P };
                let incoming = Incoming { id: next_id, sender, msg_type, msg };
                next_id += 1;
                party.received_msg(incoming).map_err(|_| anyhow!("the state machine refused a message"))?;
            }
            ProceedResult::Yielded => {}
            ProceedResult::Output(result) => return result.context("protocol failed"),
            ProceedResult::Error(error) => bail!("state machine: {error}"),
        }
    }
}

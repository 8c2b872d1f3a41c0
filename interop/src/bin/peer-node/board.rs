//! Client of the message board, by plain polling.

use std::collections::{HashSet, VecDeque};
use std::time::{Duration, Instant};

use anyhow::{bail, Context, Result};
use rust_peer::drive::{Received, Transport};
use serde_json::{json, Value};

#[derive(Clone)]
pub struct Board {
    base: String,
    agent: ureq::Agent,
}

/// Party 0 is "node-1".
pub fn node_name(index: u16) -> String {
    format!("node-{}", index + 1)
}
pub fn node_index(name: &str) -> Option<u16> {
    name.strip_prefix("node-")?.parse::<u16>().ok()?.checked_sub(1)
}

impl Board {
    pub fn new(base: &str) -> Self {
        let agent = ureq::AgentBuilder::new().timeout(Duration::from_secs(30)).build();
        Self { base: base.trim_end_matches('/').into(), agent }
    }

    /// Tries again for a while when there is no answer or it is 5xx; 4xx is final.
    fn retry(&self, what: &str, call: impl Fn() -> Result<ureq::Response, Box<ureq::Error>>) -> Result<ureq::Response> {
        let mut wait = Duration::from_millis(100);
        for _ in 0..8 {
            match call().map_err(|error| *error) {
                Ok(response) => return Ok(response),
                Err(ureq::Error::Status(code, response)) if code < 500 => {
                    bail!("{what}: {code} {}", response.into_string().unwrap_or_default())
                }
                Err(error) => eprintln!("{what}: {error}; trying again"),
            }
            std::thread::sleep(wait);
            wait = (wait * 2).min(Duration::from_secs(3));
        }
        bail!("{what}: the board does not answer")
    }

    pub fn post(&self, path: &str, body: &Value) -> Result<()> {
        let url = format!("{}{path}", self.base);
        self.retry(&format!("POST {path}"), || self.agent.post(&url).send_json(body).map_err(Box::new)).map(drop)
    }
    pub fn put(&self, path: &str, body: &Value) -> Result<()> {
        let url = format!("{}{path}", self.base);
        self.retry(&format!("PUT {path}"), || self.agent.put(&url).send_json(body).map_err(Box::new)).map(drop)
    }
    pub fn list(&self, path: &str, query: &[(&str, &str)]) -> Result<Vec<Value>> {
        let url = format!("{}{path}", self.base);
        let response = self.retry(&format!("GET {path}"), || {
            query.iter().fold(self.agent.get(&url), |request, (key, value)| request.query(key, value)).call().map_err(Box::new)
        })?;
        response.into_json().with_context(|| format!("GET {path}: not a JSON array"))
    }
}

/// One run of a protocol, seen by one node.
pub struct Session {
    board: Board,
    request_id: String,
    me: u16,
    /// Protocol index -> node index.
    participants: Vec<u16>,
    poll: Duration,
    deadline: Instant,
    seen: HashSet<String>,
    inbox: VecDeque<Received>,
}

impl Session {
    pub fn new(board: Board, request_id: &str, me: u16, participants: Vec<u16>, poll: Duration, timeout: Duration) -> Self {
        let deadline = Instant::now() + timeout;
        Self { board, request_id: request_id.into(), me, participants, poll, deadline, seen: HashSet::new(), inbox: VecDeque::new() }
    }

    fn take(&mut self, message: &Value) {
        let (Some(id), Some(from), Some(to), Some(payload)) =
            (message["id"].as_str(), message["from_node"].as_str(), message["to_node"].as_str(), message["payload"].as_str())
        else {
            return;
        };
        let sender = node_index(from).filter(|node| *node != self.me).and_then(|node| self.participants.iter().position(|p| *p == node));
        if let (Some(sender), true) = (sender, self.seen.insert(id.into())) {
            self.inbox.push_back(Received { sender: sender as u16, broadcast: to == "*", payload: payload.into() });
        }
    }
}

/// Where a message belongs in its protocol; for people.
fn round_of(payload: &str) -> u32 {
    match payload.trim_start_matches("{\"").split('"').next().unwrap_or("") {
        "Round1" | "Round1a" | "Round1b" => 1,
        "ReliabilityCheck" => 2,
        "Round2" | "Round2Broad" | "Round2Uni" => 3,
        "Round3" => 4,
        "Round4" => 5,
        _ => 0,
    }
}

impl Transport for Session {
    fn send(&mut self, to: Option<u16>, payload: String) -> Result<()> {
        let to_node = match to {
            None => "*".to_owned(),
            Some(j) => node_name(*self.participants.get(usize::from(j)).context("recipient out of range")?),
        };
        let body = json!({
            "request_id": self.request_id, "from_node": node_name(self.me), "to_node": to_node,
            "round": round_of(&payload), "payload": payload,
        });
        self.board.post("/messages", &body)
    }

    /// In the board's order, each message once.
    fn receive(&mut self) -> Result<Received> {
        loop {
            if let Some(message) = self.inbox.pop_front() {
                return Ok(message);
            }
            if Instant::now() > self.deadline {
                bail!("no message came for {}", self.request_id);
            }
            let query = [("request_id", self.request_id.as_str()), ("to_node", &node_name(self.me))];
            for message in self.board.list("/messages", &query)? {
                self.take(&message);
            }
            if self.inbox.is_empty() {
                std::thread::sleep(self.poll);
            }
        }
    }
}

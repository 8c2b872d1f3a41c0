//! A node made of the crate: key generation, aux info and full signing over the message board.
//!
//! | variable | preset | |
//! |---|---|---|
//! | `NODE_ID`, `MESSAGE_BOARD_URL` | | `node-1` … ; where the board is |
//! | `N_NODES`, `THRESHOLD` | 4, 3 | |
//! | `DATA_DIR` | | `incomplete_key_share_<node>.json` and `aux_info_<node>.json`, written or, when there, used |
//! | `PRIMES_FILE` | | see `primes.rs`; without it safe primes are generated, which takes minutes |
//! | `POLL_MS`, `PROTOCOL_TIMEOUT_SECS` | 200, 300 | |
//!
//! It cannot join a protocol again that it was stopped in.

mod board;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{bail, Context, Result};
use blake2::{Blake2b512, Digest as _};
use cggmp24::signing::DataToSign;
use cggmp24::{ExecutionId, PregeneratedPrimes};
use rand::rngs::OsRng;
use rust_peer::drive::run;
use rust_peer::primes::primes_of;
use rust_peer::{AuxInfo, CoreShare, KeyShare, Signature, BACKEND, D, E};
use serde::{de::DeserializeOwned, Serialize};
use serde_json::{json, Value};

use board::{node_index, node_name, Board, Session};

fn env(name: &str, preset: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| preset.into())
}

struct Config {
    me: u16,
    n: u16,
    t: u16,
    data_dir: PathBuf,
    primes_file: Option<PathBuf>,
    poll: Duration,
    timeout: Duration,
}

impl Config {
    fn from_env() -> Result<Self> {
        let config = Config {
            me: node_index(&env("NODE_ID", "")).context("NODE_ID: must be node-1 …")?,
            n: env("N_NODES", "4").parse().context("N_NODES")?,
            t: env("THRESHOLD", "3").parse().context("THRESHOLD")?,
            data_dir: std::env::var_os("DATA_DIR").context("DATA_DIR: is required")?.into(),
            primes_file: std::env::var_os("PRIMES_FILE").map(Into::into),
            poll: Duration::from_millis(env("POLL_MS", "200").parse().context("POLL_MS")?),
            timeout: Duration::from_secs(env("PROTOCOL_TIMEOUT_SECS", "300").parse().context("PROTOCOL_TIMEOUT_SECS")?),
        };
        if !(2 <= config.t && config.t <= config.n && config.me < config.n) {
            bail!("2 <= THRESHOLD <= N_NODES, and NODE_ID among them");
        }
        Ok(config)
    }

    fn file(&self, what: &str) -> PathBuf {
        self.data_dir.join(format!("{what}_{}.json", node_name(self.me)))
    }
}

fn log(me: u16, what: impl std::fmt::Display) {
    println!("[{}] {what}", node_name(me));
}

fn load<T: DeserializeOwned>(path: &Path) -> Result<Option<T>> {
    let name = || path.display().to_string();
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes).with_context(name)?)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(name),
    }
}

fn load_or<T: Serialize + DeserializeOwned>(path: &Path, make: impl FnOnce() -> Result<T>) -> Result<T> {
    if let Some(found) = load(path)? {
        return Ok(found);
    }
    let made = make()?;
    std::fs::write(path, serde_json::to_vec(&made)?).with_context(|| path.display().to_string())?;
    Ok(made)
}

/// `t` nodes in a row, round the ring, from LE64(BLAKE2b-512(request id)) mod n; ascending.
fn signers_of(request_id: &str, t: u16, n: u16) -> Vec<u16> {
    let hash = Blake2b512::digest(request_id.as_bytes());
    let offset = u64::from_le_bytes(hash[..8].try_into().expect("8 bytes")) % u64::from(n);
    let mut signers: Vec<u16> = (0..t).map(|k| ((offset + u64::from(k)) % u64::from(n)) as u16).collect();
    signers.sort_unstable();
    signers
}

struct Node {
    config: Config,
    board: Board,
    key_share: KeyShare,
}

fn key_share(config: &Config, board: &Board) -> Result<KeyShare> {
    let Config { me, n, t, .. } = *config;
    let session = |id: &str| Session::new(board.clone(), id, me, (0..n).collect(), config.poll, config.timeout);
    let core: CoreShare = load_or(&config.file("incomplete_key_share"), || {
        let eid = ExecutionId::new(b"threshold_keygen_initial_2024___");
        let mut rng = OsRng;
        let party = cggmp24::keygen::<E>(eid, me, n).set_threshold(t).into_state_machine(&mut rng);
        let core = run(party, &mut session("keygen")).context("key generation")?;
        log(me, "key generation done");
        Ok(core)
    })?;
    let aux: AuxInfo = load_or(&config.file("aux_info"), || {
        let primes = match &config.primes_file {
            Some(file) => primes_of(file, me)?,
            None => PregeneratedPrimes::generate(&mut OsRng),
        };
        let started = Instant::now();
        let eid = ExecutionId::new(b"threshold_auxgen_initial_2024__");
        let mut rng = OsRng;
        let party = cggmp24::aux_info_gen(eid, me, n, primes).into_state_machine(&mut rng);
        let aux = run(party, &mut session("auxgen")).context("aux info generation")?;
        log(me, format!("aux info done in {:?}", started.elapsed()));
        Ok(aux)
    })?;
    KeyShare::from_parts((core, aux)).map_err(|error| error.into_error()).context("the two files do not make a key share")
}

impl Node {
    fn submit(&self, request_id: &str, signature: &Signature, data: &DataToSign<E>) -> Result<()> {
        signature.verify(&self.key_share.core.shared_public_key, data).context("own check of the signature")?;
        let text = json!({"r": hex::encode(signature.r.to_be_bytes().as_bytes()), "s": hex::encode(signature.s.to_be_bytes().as_bytes())});
        self.board.put(&format!("/requests/{request_id}"), &json!({"signature": text.to_string()}))?;
        self.board.put(&format!("/requests/{request_id}"), &json!({"status": "completed"}))
    }

    /// The full protocol among the signers that the request id chooses; the first of them submits.
    fn sign(&self, request_id: &str, message: &[u8]) -> Result<()> {
        let Config { me, n, t, poll, timeout, .. } = self.config;
        let signers = signers_of(request_id, t, n);
        let Some(position) = signers.iter().position(|signer| *signer == me) else { return Ok(()) };
        let started = Instant::now();
        let data = DataToSign::<E>::digest::<D>(message);
        let mut rng = OsRng;
        let party = cggmp24::signing(ExecutionId::new(request_id.as_bytes()), position as u16, &signers, &self.key_share).sign_sync(&mut rng, &data);
        let mut session = Session::new(self.board.clone(), request_id, me, signers.clone(), poll, timeout);
        let signature = run(party, &mut session).context("signing")?;
        log(me, format!("signed {request_id} with {} in {:?}", signers.iter().map(|s| (s + 1).to_string()).collect::<Vec<_>>().join("-"), started.elapsed()));
        if position == 0 {
            self.submit(request_id, &signature, &data)?;
        }
        Ok(())
    }
}

fn main() -> Result<()> {
    let config = Config::from_env()?;
    let board = Board::new(&std::env::var("MESSAGE_BOARD_URL").context("MESSAGE_BOARD_URL: is required")?);
    std::fs::create_dir_all(&config.data_dir)?;
    log(config.me, format!("cggmp24 0.7.0-alpha.3 with {BACKEND}"));
    let key_share = key_share(&config, &board)?;
    let public_key = hex::encode(key_share.core.shared_public_key.to_bytes(true));
    board.post("/publickey", &json!({"public_key": public_key}))?;
    log(config.me, format!("ready, public key {public_key}"));

    let node = Arc::new(Node { config, board, key_share });
    let mut started = HashSet::new();
    loop {
        for request in node.board.list("/requests", &[("status", "pending")]).unwrap_or_default() {
            let (Some(id), Some(message)) = (request["id"].as_str().map(str::to_owned), text(&request["message"])) else { continue };
            if started.insert(id.clone()) {
                // A thread for each: nodes may see requests in different orders.
                let node = node.clone();
                std::thread::spawn(move || {
                    if let Err(error) = node.sign(&id, message.as_bytes()) {
                        log(node.config.me, format!("{id}: {error:#}"));
                    }
                });
            }
        }
        std::thread::sleep(node.config.poll);
    }
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

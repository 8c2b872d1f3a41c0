//! One party of one protocol on a pipe: JSON lines.
//!
//! In: first the job, then `{"sender": j, "broadcast": bool, "payload": text}` for each message.
//! Out: `{"send": {"to": j | null, "payload": text}}` for each message, last `{"output": …}` or `{"error": text}`.
//!
//! | job | fields besides `job` | output |
//! |---|---|---|
//! | `keygen` | `run`, `index`, `parties`, `threshold` (null: all sign), `chain_code` (bool; with the feature `hd` only) | key share without aux info |
//! | `aux_info` | `run`, `index`, `parties`, `primes` (the crate's JSON) | aux info |
//! | `presign` | `run`, `signers`, `key_share`, `message` | `{"public_data", "partial_signature"}`, the latter of `message` |
//! | `sign` | `run`, `signers`, `key_share`, `message`, `path` (with `hd` only) | signature |
//! | `combine` | `public_data`, `partial_signatures`, `public_key`, `message` | signature, or an error when it is not valid |
//!
//! `run` is `{"execution_id": text, "reliable_broadcast": bool}`.
#![allow(non_snake_case)]

use std::io::{stdin, stdout, Write};

use anyhow::{Context, Result};
use cggmp24::generic_ec::{NonZero, Point};
use cggmp24::signing::{DataToSign, PresignatureCommitment};
use cggmp24::{ExecutionId, PregeneratedPrimes};
use rand::rngs::OsRng;
use rust_peer::drive::{run, Received, Transport};
use rust_peer::{KeyShare, PartialSignature, PublicData, D, E, L};
use serde::{Deserialize, Serialize};
use serde_json::{json, Value};

#[derive(Deserialize)]
struct Run {
    execution_id: String,
    reliable_broadcast: bool,
}

impl Run {
    fn eid(&self) -> ExecutionId<'_> {
        ExecutionId::new(self.execution_id.as_bytes())
    }
}

#[derive(Deserialize)]
#[serde(tag = "job", rename_all = "snake_case", deny_unknown_fields)]
enum Job {
    Keygen {
        run: Run,
        index: u16,
        parties: u16,
        threshold: Option<u16>,
        #[cfg(feature = "hd")]
        chain_code: bool,
    },
    AuxInfo { run: Run, index: u16, parties: u16, primes: PregeneratedPrimes<L> },
    Presign { run: Run, signers: Vec<u16>, key_share: Box<KeyShare>, message: String },
    Sign {
        run: Run,
        signers: Vec<u16>,
        key_share: Box<KeyShare>,
        message: String,
        #[cfg(feature = "hd")]
        path: Vec<u32>,
    },
    Combine { public_data: PublicFields, partial_signatures: Vec<PartialSignature>, public_key: NonZero<Point<E>>, message: String },
}

/// The crate has no JSON of this.
#[derive(Serialize, Deserialize)]
struct PublicFields {
    Gamma: NonZero<Point<E>>,
    commitments: Vec<CommitmentFields>,
}
#[derive(Serialize, Deserialize)]
struct CommitmentFields {
    tilde_Delta: Point<E>,
    tilde_S: Point<E>,
}

impl From<PublicData> for PublicFields {
    fn from(data: PublicData) -> Self {
        let fields = |c: PresignatureCommitment<E>| CommitmentFields { tilde_Delta: c.tilde_Delta, tilde_S: c.tilde_S };
        Self { Gamma: data.Gamma, commitments: data.commitments.into_iter().map(fields).collect() }
    }
}
impl From<PublicFields> for PublicData {
    fn from(fields: PublicFields) -> Self {
        let data = |c: CommitmentFields| PresignatureCommitment { tilde_Delta: c.tilde_Delta, tilde_S: c.tilde_S };
        Self { Gamma: fields.Gamma, commitments: fields.commitments.into_iter().map(data).collect() }
    }
}

struct Pipe;

fn read_line() -> Result<String> {
    let mut line = String::new();
    stdin().read_line(&mut line)?;
    Ok(line)
}

fn write_line(value: &Value) -> Result<()> {
    let mut out = stdout().lock();
    writeln!(out, "{value}")?;
    Ok(out.flush()?)
}

impl Transport for Pipe {
    fn send(&mut self, to: Option<u16>, payload: String) -> Result<()> {
        write_line(&json!({"send": {"to": to, "payload": payload}}))
    }
    fn receive(&mut self) -> Result<Received> {
        #[derive(Deserialize)]
        struct Line {
            sender: u16,
            broadcast: bool,
            payload: String,
        }
        let Line { sender, broadcast, payload } = serde_json::from_str(&read_line()?).context("a message")?;
        Ok(Received { sender, broadcast, payload })
    }
}

fn position(signers: &[u16], share: &KeyShare) -> Result<u16> {
    Ok(signers.iter().position(|signer| *signer == share.core.i).context("not among the signers")? as u16)
}

fn perform(job: Job) -> Result<Value> {
    let mut rng = OsRng;
    Ok(match job {
        Job::Keygen {
            run: r,
            index,
            parties,
            threshold,
            #[cfg(feature = "hd")]
            chain_code,
        } => {
            let builder = cggmp24::keygen::<E>(r.eid(), index, parties).enforce_reliable_broadcast(r.reliable_broadcast);
            #[cfg(feature = "hd")]
            let builder = builder.hd_wallet(chain_code);
            match threshold {
                None => json!(run(builder.into_state_machine(&mut rng), &mut Pipe)?),
                Some(t) => json!(run(builder.set_threshold(t).into_state_machine(&mut rng), &mut Pipe)?),
            }
        }
        Job::AuxInfo { run: r, index, parties, primes } => {
            let builder = cggmp24::aux_info_gen(r.eid(), index, parties, primes).enforce_reliable_broadcast(r.reliable_broadcast);
            json!(run(builder.into_state_machine(&mut rng), &mut Pipe)?)
        }
        Job::Presign { run: r, signers, key_share, message } => {
            let builder = cggmp24::signing(r.eid(), position(&signers, &key_share)?, &signers, &key_share).enforce_reliable_broadcast(r.reliable_broadcast);
            let (presignature, public_data) = run(builder.generate_presignature_sync(&mut rng), &mut Pipe)?;
            let partial_signature = presignature.issue_partial_signature(DataToSign::digest::<D>(message.as_bytes()));
            json!({"public_data": PublicFields::from(public_data), "partial_signature": partial_signature})
        }
        Job::Sign {
            run: r,
            signers,
            key_share,
            message,
            #[cfg(feature = "hd")]
            path,
        } => {
            let builder = cggmp24::signing(r.eid(), position(&signers, &key_share)?, &signers, &key_share).enforce_reliable_broadcast(r.reliable_broadcast);
            #[cfg(feature = "hd")]
            let builder = if path.is_empty() { builder } else { builder.set_derivation_path(path)? };
            let data = DataToSign::digest::<D>(message.as_bytes());
            json!(run(builder.sign_sync(&mut rng, &data), &mut Pipe)?)
        }
        Job::Combine { public_data, partial_signatures, public_key, message } => {
            let data = DataToSign::digest::<D>(message.as_bytes());
            let signature = PartialSignature::combine(&partial_signatures, &public_data.into(), data).context("a wrong partial signature")?;
            signature.verify(&public_key, &data).context("the signature is not valid")?;
            json!(signature)
        }
    })
}

fn main() -> Result<()> {
    let job = serde_json::from_str(&read_line()?).context("the job");
    match job.and_then(perform) {
        Ok(output) => write_line(&json!({"output": output})),
        Err(error) => write_line(&json!({"error": format!("{error:#}")})),
    }
}

//! Timings of the crate: `bench OP PRIMES_FILE` takes one sample for each line on standard input, and answers with a
//! line of JSON. Between two samples it waits, so that ours can be taken by turns with them.
//!
//! OP: keygen aux_info presign sign presign_tables sign_tables partial combine verify online safe_prime. All parties run
//! in this process on one thread; a sample is the CPU time of the whole run divided by the number of parties, milliseconds.

use std::hint::black_box;
use std::io::BufRead;
use std::path::Path;

use anyhow::{bail, Context, Result};
use cggmp24::backend::Integer;
use cggmp24::signing::DataToSign;
use cggmp24::ExecutionId;
use cpu_time::ProcessTime;
use rand::rngs::OsRng;
use rust_peer::primes::primes_of;
use rust_peer::sim::simulate;
use rust_peer::{KeyShare, PartialSignature, Presignature, PublicData, BACKEND, D, E};
use serde_json::json;

const SIGNERS: [u16; 3] = [0, 1, 2];
const SHARES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../packages/cggmp24/test/vectors/key_shares_3of4.json.gz");
/// What takes microseconds is done this often for one sample.
const CALLS: usize = 100;

fn shares(tables: bool) -> Result<Vec<KeyShare>> {
    let shares: Vec<KeyShare> = serde_json::from_reader(flate2::read::GzDecoder::new(std::fs::File::open(SHARES).context(SHARES)?))?;
    if !tables {
        return Ok(shares);
    }
    let with_tables = |share: KeyShare| {
        let mut share = share.into_inner();
        share.aux.precompute_multiexp_tables().context("tables")?;
        Ok(cggmp24::key_share::Validate::validate(share).map_err(|error| error.into_error())?)
    };
    shares.into_iter().map(with_tables).collect()
}

fn keygen() -> Result<()> {
    let mut rngs = [OsRng; 4];
    let party = |(rng, i)| Box::new(cggmp24::keygen::<E>(ExecutionId::new(b"bench"), i, 4).set_threshold(3).into_state_machine(rng)) as _;
    for result in simulate(rngs.iter_mut().zip(0..).map(party).collect()) {
        let _: rust_peer::CoreShare = result?;
    }
    Ok(())
}

fn aux_info(primes: &Path) -> Result<()> {
    let mut rngs = [OsRng; 4];
    let mut parties = vec![];
    for (rng, i) in rngs.iter_mut().zip(0..) {
        parties.push(Box::new(cggmp24::aux_info_gen(ExecutionId::new(b"bench"), i, 4, primes_of(primes, i)?).into_state_machine(rng)) as _);
    }
    for result in simulate(parties) {
        let _: rust_peer::AuxInfo = result?;
    }
    Ok(())
}

fn presign(shares: &[KeyShare]) -> Result<Vec<(Presignature, PublicData)>> {
    let mut rngs = [OsRng; 3];
    let party = |(rng, i): (_, u16)| {
        Box::new(cggmp24::signing(ExecutionId::new(b"bench"), i, &SIGNERS, &shares[usize::from(i)]).generate_presignature_sync(rng)) as _
    };
    let results: Vec<Result<_, cggmp24::SigningError>> = simulate(rngs.iter_mut().zip(0..).map(party).collect());
    Ok(results.into_iter().collect::<Result<_, _>>()?)
}

fn sign(shares: &[KeyShare]) -> Result<()> {
    let data = DataToSign::<E>::digest::<D>(b"bench");
    let mut rngs = [OsRng; 3];
    let party = |(rng, i): (_, u16)| {
        Box::new(cggmp24::signing(ExecutionId::new(b"bench"), i, &SIGNERS, &shares[usize::from(i)]).sign_sync(rng, &data)) as _
    };
    let results: Vec<Result<_, cggmp24::SigningError>> = simulate(rngs.iter_mut().zip(0..).map(party).collect());
    results.into_iter().collect::<Result<Vec<_>, _>>()?;
    Ok(())
}

/// CPU time of `work` divided by `per`, milliseconds, for each line on standard input.
fn measure(op: &str, per: usize, mut work: impl FnMut() -> Result<()>) -> Result<()> {
    for line in std::io::stdin().lock().lines() {
        line?;
        let started = ProcessTime::now();
        work()?;
        let ms = started.elapsed().as_secs_f64() * 1e3 / per as f64;
        println!("{}", json!({"op": op, "backend": BACKEND, "ms": ms}));
    }
    Ok(())
}

fn measure_cheap(op: &str, mut work: impl FnMut()) -> Result<()> {
    measure(op, CALLS, || {
        (0..CALLS).for_each(|_| work());
        Ok(())
    })
}

fn measure_online(op: &str) -> Result<()> {
    let shares = shares(false)?;
    let presignatures = presign(&shares)?;
    let data = DataToSign::<E>::digest::<D>(b"bench");
    let partials = || -> Vec<PartialSignature> { presignatures.iter().map(|(secret, _)| secret.clone().issue_partial_signature(data)).collect() };
    let combine = |partials: &[PartialSignature]| PartialSignature::combine(partials, &presignatures[0].1, data).expect("partial signatures");
    let key = &shares[0].core.shared_public_key;
    let made = partials();
    let signature = combine(&made);
    match op {
        "partial" => measure_cheap(op, || {
            black_box(presignatures[0].0.clone().issue_partial_signature(data));
        }),
        "combine" => measure_cheap(op, || {
            black_box(combine(&made));
        }),
        "verify" => measure_cheap(op, || signature.verify(key, &data).expect("valid")),
        _ => measure_cheap(op, || combine(&partials()).verify(key, &data).expect("valid")),
    }
}

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [op, primes] = &args[..] else { bail!("usage: bench OP PRIMES_FILE") };
    match op.as_str() {
        "keygen" => measure(op, 4, keygen),
        "aux_info" => measure(op, 4, || aux_info(Path::new(primes))),
        "presign" | "presign_tables" => {
            let shares = shares(op.ends_with("tables"))?;
            measure(op, 3, || presign(&shares).map(drop))
        }
        "sign" | "sign_tables" => {
            let shares = shares(op.ends_with("tables"))?;
            measure(op, 3, || sign(&shares))
        }
        "safe_prime" => measure(op, 1, || {
            black_box(Integer::generate_safe_prime(&mut OsRng, 1536));
            Ok(())
        }),
        "partial" | "combine" | "verify" | "online" => measure_online(op),
        _ => bail!("no operation {op}"),
    }
}

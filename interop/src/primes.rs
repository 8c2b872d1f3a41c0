//! Safe primes made beforehand, from a file: `{"primes": ["<hex>", …]}`, four for each party.

use std::path::Path;

use anyhow::{Context, Result};
use cggmp24::PregeneratedPrimes;
use serde_json::{json, Value};

use crate::L;

/// The four primes of one party.
pub fn primes_of(file: &Path, party: u16) -> Result<PregeneratedPrimes<L>> {
    let shown = file.display();
    let text = std::fs::read_to_string(file).with_context(|| shown.to_string())?;
    let json: Value = serde_json::from_str(&text).with_context(|| shown.to_string())?;
    let from = 4 * usize::from(party);
    let four = json["primes"].as_array().and_then(|all| all.get(from..from + 4)).with_context(|| format!("{shown}: no primes of party {party}"))?;
    let integers: Vec<Value> = four.iter().map(|hex| json!({"radix": 16, "value": hex})).collect();
    Ok(serde_json::from_value(json!({"primes": integers, "_phantom": null}))?)
}

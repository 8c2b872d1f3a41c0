//! What the programs share: names of the crate's types, primes, and two ways to run a protocol.
#![allow(non_snake_case)]

pub mod drive;
pub mod primes;
pub mod sim;

pub type E = cggmp24::supported_curves::Secp256k1;
pub type L = cggmp24::security_level::SecurityLevel128;
pub type D = sha2::Sha256;

pub type CoreShare = cggmp24::IncompleteKeyShare<E>;
pub type AuxInfo = cggmp24::key_share::AuxInfo<L>;
pub type KeyShare = cggmp24::KeyShare<E, L>;
pub type Presignature = cggmp24::Presignature<E>;
pub type PublicData = cggmp24::signing::PresignaturePublicData<E>;
pub type PartialSignature = cggmp24::PartialSignature<E>;
pub type Signature = cggmp24::Signature<E>;

/// The big-integer backend of this build.
pub const BACKEND: &str = if cfg!(feature = "backend-num-bigint") { "num-bigint" } else { "rug" };

//! Keys that the inventory has seen, under whatever exponent they come again.

use crate::key::PublicKey;
use crate::store::{self, Inventory};

/// Whether a key is or was one of the CA's own; of RSA keys the modulus counts.
pub(super) fn is_own(inventory: &Inventory, key: &PublicKey) -> Result<bool, store::Error> {
    match key.modulus() {
        Some(modulus) if inventory.is_own_modulus(modulus)? => Ok(true),
        _ => inventory.is_own_key(&key.fingerprint()),
    }
}

/// Whether a certificate of a key was revoked because the key was compromised; of
/// RSA keys the modulus counts.
pub(super) fn is_compromised(inventory: &Inventory, key: &PublicKey) -> Result<bool, store::Error> {
    match key.modulus() {
        Some(modulus) if inventory.is_compromised_modulus(modulus)? => Ok(true),
        _ => inventory.is_compromised(&key.fingerprint()),
    }
}

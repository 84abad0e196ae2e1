//! Salted HMAC sessions: a password is proved to the TPM and never crosses the
//! bus (TPM 2.0 Library, part 1, chapter "Session-based Authorizations").

use ring::agreement::{ECDH_P256, EphemeralPrivateKey, UnparsedPublicKey, agree_ephemeral};
use ring::rand::{SecureRandom, SystemRandom};
use ring::{digest, hmac};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::secret::Secret;

use super::wire::{Reader, Writer, alg, rh};

/// A TPM key to which the salt is encrypted: its handle, and its uncompressed
/// point on P-256. Who listens on the bus cannot try passwords on what passes,
/// because the salt is missing; who can also change what passes could put a key
/// of their own in its place.
pub(super) struct SaltKey {
    pub(super) handle: u32,
    pub(super) point: Vec<u8>,
}

/// The password of a key.
#[derive(Clone, Copy)]
pub(super) struct Password<'a> {
    /// As a person knows it.
    pub(super) secret: &'a Secret,
    /// The hash algorithm of the key's name.
    pub(super) name_algorithm: u16,
}

/// A session that has been asked for.
pub(super) struct Opening {
    nonce: [u8; NONCE],
    salt: Zeroizing<Vec<u8>>,
    /// The handles and parameters of TPM2_StartAuthSession.
    pub(super) handles: [u32; 2],
    pub(super) parameters: Vec<u8>,
}

/// A session, good for one command.
pub(super) struct Session {
    /// Its handle in the TPM.
    pub(super) handle: u32,
    nonce_tpm: Vec<u8>,
    key: Zeroizing<Vec<u8>>,
}

/// What one command was authorized with.
pub(super) struct Proof {
    /// The TPMS_AUTH_COMMAND.
    pub(super) area: Vec<u8>,
    nonce: [u8; NONCE],
}

impl Opening {
    /// Chooses the salt and the nonce; `None` when the key's point is none or
    /// there is no randomness.
    pub(super) fn new(salt_key: &SaltKey) -> Option<Self> {
        let random = SystemRandom::new();
        let mut nonce = [0; NONCE];
        random.fill(&mut nonce).ok()?;
        let own = EphemeralPrivateKey::generate(&ECDH_P256, &random).ok()?;
        let point = own.compute_public_key().ok()?;
        let (own_x, own_y) = coordinates(point.as_ref())?;
        let (their_x, _) = coordinates(&salt_key.point)?;
        let peer = UnparsedPublicKey::new(&ECDH_P256, &salt_key.point);
        // KDFe (part 1, 11.4.10.3): one round gives the 256 bits.
        let salt = agree_ephemeral(own, &peer, |shared| {
            let mut digest = Sha256::new();
            for part in [&1u32.to_be_bytes()[..], shared, b"SECRET\0", own_x, their_x] {
                digest.update(part);
            }
            Zeroizing::new(digest.finalize().to_vec())
        })
        .ok()?;
        let secret = Writer::default().sized(own_x).sized(own_y).done();
        Some(Self {
            nonce,
            salt,
            handles: [salt_key.handle, rh::NULL],
            parameters: Writer::default()
                .sized(&nonce)
                .sized(&secret)
                .u8(HMAC)
                .u16(alg::NULL)
                .u16(alg::SHA256)
                .done(),
        })
    }

    /// The session, from the TPM's answer; `None` when that is malformed.
    pub(super) fn opened(
        self,
        handle: u32,
        parameters: &[u8],
        password: &Password<'_>,
    ) -> Option<Session> {
        let mut reader = Reader::new(parameters);
        let nonce_tpm = reader.sized()?.to_vec();
        reader.end()?;
        // A shorter nonce of the TPM would allow answers to be replayed.
        if nonce_tpm.len() < 16 {
            return None;
        }
        // KDFa (part 1, 11.4.10.2): one round gives the 256 bits.
        let session_key = mac(
            &self.salt,
            &[
                &1u32.to_be_bytes(),
                b"ATH\0",
                &nonce_tpm,
                &self.nonce,
                &256u32.to_be_bytes(),
            ],
        );
        let authorization = authorization_value(password.secret, password.name_algorithm);
        let key = Zeroizing::new([session_key.as_ref(), &authorization].concat());
        Some(Session {
            handle,
            nonce_tpm,
            key,
        })
    }
}

impl Session {
    /// Proves the password for a command on one object. `name` is the object's
    /// name. `None` when there is no randomness.
    pub(super) fn prove(&self, code: u32, name: &[u8], parameters: &[u8]) -> Option<Proof> {
        let mut nonce = [0; NONCE];
        SystemRandom::new().fill(&mut nonce).ok()?;
        let command = hash(&[&code.to_be_bytes(), name, parameters]);
        let tag = mac(&self.key, &[&command, &nonce, &self.nonce_tpm, &[ENDS]]);
        let area = Writer::default()
            .u32(self.handle)
            .sized(&nonce)
            .u8(ENDS)
            .sized(tag.as_ref())
            .done();
        Some(Proof { area, nonce })
    }

    /// Whether a successful answer comes from the TPM that knows the password.
    /// `area` is what the answer ends with.
    pub(super) fn confirms(
        &self,
        proof: &Proof,
        code: u32,
        parameters: &[u8],
        area: &[u8],
    ) -> bool {
        let mut reader = Reader::new(area);
        let parts = (|| {
            let nonce = reader.sized()?;
            let attributes = reader.u8()?;
            let tag = reader.sized()?;
            Some((nonce, attributes, tag))
        })();
        let Some((nonce, attributes, tag)) = parts else {
            return false;
        };
        let response = hash(&[&0u32.to_be_bytes(), &code.to_be_bytes(), parameters]);
        let message = [&response[..], nonce, &proof.nonce, &[attributes]].concat();
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.key);
        reader.end().is_some() && hmac::verify(&key, &message, tag).is_ok()
    }
}

/// The two coordinates of an uncompressed point on P-256.
fn coordinates(point: &[u8]) -> Option<(&[u8], &[u8])> {
    let rest = point.strip_prefix(&[4])?;
    (rest.len() == 64).then(|| rest.split_at_checked(32))?
}

fn hash(parts: &[&[u8]]) -> [u8; 32] {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update(part);
    }
    digest.finalize().into()
}

fn mac(key: &[u8], parts: &[&[u8]]) -> hmac::Tag {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    let mut context = hmac::Context::with_key(&key);
    for part in parts {
        context.update(part);
    }
    context.sign()
}

/// What a password is to the TPM. There is room for a digest of the key's name
/// algorithm, and the TSS, with which keys are made, hashes a longer password.
/// A TPM takes zeros off the end.
fn authorization_value(password: &Secret, name_algorithm: u16) -> Zeroizing<Vec<u8>> {
    let algorithm = match name_algorithm {
        alg::SHA1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
        alg::SHA384 => &digest::SHA384,
        alg::SHA512 => &digest::SHA512,
        _ => &digest::SHA256,
    };
    let whole = password.expose();
    let value = if whole.len() > algorithm.output_len() {
        Zeroizing::new(digest::digest(algorithm, whole).as_ref().to_vec())
    } else {
        Zeroizing::new(whole.to_vec())
    };
    Zeroizing::new(without_trailing_zeros(&value).to_vec())
}

/// An authorization value as a TPM keeps it (part 1, 19.6.4.3).
fn without_trailing_zeros(password: &[u8]) -> &[u8] {
    let length = password
        .iter()
        .rposition(|octet| *octet != 0)
        .map_or(0, |last| last + 1);
    password.get(..length).unwrap_or_default()
}

/// Octets of a nonce: as many as the session's hash has.
const NONCE: usize = 32;
/// `TPM_SE_HMAC` (part 2, 6.11).
const HMAC: u8 = 0;
/// TPMA_SESSION without `continueSession`: the session ends with the command.
const ENDS: u8 = 0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeros_at_the_end_are_no_part_of_a_password() {
        assert_eq!(without_trailing_zeros(b"a\0b\0\0"), b"a\0b");
        assert_eq!(without_trailing_zeros(b"\0\0"), b"");
        assert_eq!(without_trailing_zeros(b""), b"");
    }

    #[test]
    fn a_password_longer_than_a_digest_is_hashed() {
        let value = |length, name| {
            let password = Secret::new(vec![b'x'; length]);
            authorization_value(&password, name).len()
        };
        assert_eq!(value(20, alg::SHA1), 20);
        assert_eq!(value(33, alg::SHA384), 33);
        assert_eq!(value(64, alg::SHA512), 64);
        let password = Secret::new(vec![b'x'; 33]);
        assert_eq!(
            authorization_value(&password, alg::SHA256)[..],
            hash(&[password.expose()])
        );
    }

    #[test]
    fn a_point_that_is_none_gives_no_session() {
        for point in [vec![], vec![4; 64], [&[4][..], &[0; 64]].concat()] {
            assert!(Opening::new(&SaltKey { handle: 1, point }).is_none());
        }
    }

    #[test]
    fn only_the_answer_that_fits_is_believed() {
        let session = Session {
            handle: 0x0200_0000,
            nonce_tpm: vec![3; 32],
            key: Zeroizing::new(vec![9; 40]),
        };
        let proof = session.prove(7, b"name", b"parameters").unwrap();
        let response = hash(&[&[0; 4], &7u32.to_be_bytes(), b"answer"]);
        let tag = mac(&session.key, &[&response, &[5; 32], &proof.nonce, &[ENDS]]);
        let area = Writer::default()
            .sized(&[5; 32])
            .u8(ENDS)
            .sized(tag.as_ref())
            .done();
        assert!(session.confirms(&proof, 7, b"answer", &area));
        assert!(!session.confirms(&proof, 7, b"Answer", &area));
        assert!(!session.confirms(&proof, 8, b"answer", &area));
        for place in 0..area.len() {
            let mut other = area.clone();
            other[place] ^= 1;
            assert!(!session.confirms(&proof, 7, b"answer", &other), "{place}");
            assert!(!session.confirms(&proof, 7, b"answer", &area[..place]));
        }
    }
}

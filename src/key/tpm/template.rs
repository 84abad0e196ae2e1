//! The templates of the primary storage keys below which key files are loaded:
//! a TPM makes the same key from the same template each time.

use super::wire::{Writer, alg, attribute, curve};

/// The template of the EC primary storage key, as key files presume it: P-256
/// with AES-128 and no unique value ("ASN.1 Specification for TPM 2.0 Key
/// Files"; TCG TPM v2.0 Provisioning Guidance, 7.5.1).
pub(super) fn ec_storage() -> Vec<u8> {
    storage(alg::ECC)
        .u16(alg::NULL)
        .u16(curve::P256)
        .u16(alg::NULL)
        .sized(&[])
        .sized(&[])
        .done()
}

/// The template of the RSA primary storage key: 2048 bits, the TPM's usual
/// exponent.
pub(super) fn rsa_storage() -> Vec<u8> {
    storage(alg::RSA)
        .u16(alg::NULL)
        .u16(2048)
        .u32(0)
        .sized(&[])
        .done()
}

/// What both templates begin with, up to the symmetric algorithm.
fn storage(kind: u16) -> Writer {
    Writer::default()
        .u16(kind)
        .u16(alg::SHA256)
        .u32(
            attribute::FIXED_TPM
                | attribute::FIXED_PARENT
                | attribute::SENSITIVE_DATA_ORIGIN
                | attribute::USER_WITH_AUTH
                | attribute::NO_DA
                | attribute::RESTRICTED
                | attribute::DECRYPT,
        )
        .sized(&[])
        .u16(alg::AES)
        .u16(128)
        .u16(alg::CFB)
}

#[cfg(test)]
mod tests {
    use super::super::area::Area;
    use super::*;

    #[test]
    fn the_templates_are_read_as_what_they_stand_for() {
        assert!(Area::read(&rsa_storage()).is_some());
        let ec = Area::read(&ec_storage()).unwrap();
        assert!(
            ec.signing("KEY")
                .err()
                .unwrap()
                .to_string()
                .contains("decrypt")
        );
        // Without a point it fills none, but it is one to salt with.
        assert_eq!(ec.salting_point(), Some([&[4][..], &[0; 64]].concat()));
    }
}

//! Content octets of the object identifiers that rules know.

/// `id-ce` of RFC 5280 appendix A.2: `2.5.29`.
macro_rules! id_ce {
    ($arc:literal) => {
        &[0x55, 0x1d, $arc]
    };
}

pub(super) const SUBJECT_DIRECTORY_ATTRIBUTES: &[u8] = id_ce!(9);
pub(super) const SUBJECT_KEY_IDENTIFIER: &[u8] = id_ce!(14);
pub(super) const KEY_USAGE: &[u8] = id_ce!(15);
pub(super) const SUBJECT_ALT_NAME: &[u8] = id_ce!(17);
pub(super) const ISSUER_ALT_NAME: &[u8] = id_ce!(18);
pub(super) const BASIC_CONSTRAINTS: &[u8] = id_ce!(19);
pub(super) const CRL_NUMBER: &[u8] = id_ce!(20);
pub(super) const REASON_CODE: &[u8] = id_ce!(21);
pub(super) const INVALIDITY_DATE: &[u8] = id_ce!(24);
pub(super) const DELTA_CRL_INDICATOR: &[u8] = id_ce!(27);
pub(super) const ISSUING_DISTRIBUTION_POINT: &[u8] = id_ce!(28);
pub(super) const CERTIFICATE_ISSUER: &[u8] = id_ce!(29);
pub(super) const NAME_CONSTRAINTS: &[u8] = id_ce!(30);
pub(super) const CRL_DISTRIBUTION_POINTS: &[u8] = id_ce!(31);
pub(super) const CERTIFICATE_POLICIES: &[u8] = id_ce!(32);
pub(super) const POLICY_MAPPINGS: &[u8] = id_ce!(33);
pub(super) const AUTHORITY_KEY_IDENTIFIER: &[u8] = id_ce!(35);
pub(super) const POLICY_CONSTRAINTS: &[u8] = id_ce!(36);
pub(super) const EXTENDED_KEY_USAGE: &[u8] = id_ce!(37);
pub(super) const FRESHEST_CRL: &[u8] = id_ce!(46);
pub(super) const INHIBIT_ANY_POLICY: &[u8] = id_ce!(54);
/// `1.3.6.1.5.5.7.1.1`
pub(super) const AUTHORITY_INFO_ACCESS: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 1, 1];
/// `1.3.6.1.5.5.7.1.11`
pub(super) const SUBJECT_INFO_ACCESS: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 1, 11];
/// `2.5.29.37.0`
pub(super) const ANY_EXTENDED_KEY_USAGE: &[u8] = &[0x55, 0x1d, 37, 0];
/// `1.3.6.1.5.5.7.3.2`
pub(super) const CLIENT_AUTH: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 2];

/// `1.2.840.113549.1.1`: RSA keys (1) and signatures.
pub(super) const PKCS1: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1];
/// `1.2.840.10045.2.1`
pub(super) const EC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1];
/// `1.2.840.10045.4.1`: ECDSA with SHA-1.
pub(super) const ECDSA_SHA1: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 1];
/// `1.2.840.10045.4.3`: ECDSA with SHA-2.
pub(super) const ECDSA_SHA2: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3];
/// `1.2.840.10045.3.1.7`
pub(super) const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
/// `1.3.132.0.34`
pub(super) const P384: &[u8] = &[0x2b, 0x81, 4, 0, 34];
/// `1.3.132.0.35`
pub(super) const P521: &[u8] = &[0x2b, 0x81, 4, 0, 35];
/// `1.3.101`, of which 110 to 113 are the keys of RFC 8410.
pub(super) const EDWARDS: &[u8] = &[0x2b, 101];
/// `2.16.840.1.101.3.4.3`, of which 17 to 19 are ML-DSA (RFC 9881).
pub(super) const NIST_SIGNATURES: &[u8] = &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 3];
/// `1.3.14.3.2.29`: RSA with SHA-1, of the OIW.
pub(super) const OIW_RSA_SHA1: &[u8] = &[0x2b, 14, 3, 2, 29];
/// `1.2.840.10040.4.3`: DSA with SHA-1.
pub(super) const DSA_SHA1: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x38, 4, 3];

/// The extensions of certificates and lists that rules know, by their names in
/// RFC 5280.
const EXTENSIONS: [(&[u8], &str); 20] = [
    (SUBJECT_DIRECTORY_ATTRIBUTES, "subjectDirectoryAttributes"),
    (SUBJECT_KEY_IDENTIFIER, "subjectKeyIdentifier"),
    (KEY_USAGE, "keyUsage"),
    (SUBJECT_ALT_NAME, "subjectAltName"),
    (ISSUER_ALT_NAME, "issuerAltName"),
    (BASIC_CONSTRAINTS, "basicConstraints"),
    (CRL_NUMBER, "cRLNumber"),
    (DELTA_CRL_INDICATOR, "deltaCRLIndicator"),
    (ISSUING_DISTRIBUTION_POINT, "issuingDistributionPoint"),
    (NAME_CONSTRAINTS, "nameConstraints"),
    (CRL_DISTRIBUTION_POINTS, "cRLDistributionPoints"),
    (CERTIFICATE_POLICIES, "certificatePolicies"),
    (POLICY_MAPPINGS, "policyMappings"),
    (AUTHORITY_KEY_IDENTIFIER, "authorityKeyIdentifier"),
    (POLICY_CONSTRAINTS, "policyConstraints"),
    (EXTENDED_KEY_USAGE, "extKeyUsage"),
    (FRESHEST_CRL, "freshestCRL"),
    (INHIBIT_ANY_POLICY, "inhibitAnyPolicy"),
    (AUTHORITY_INFO_ACCESS, "authorityInfoAccess"),
    (SUBJECT_INFO_ACCESS, "subjectInfoAccess"),
];

/// The name of an extension, when rules know it.
pub(super) fn extension_name(oid: &[u8]) -> Option<&'static str> {
    let known = EXTENSIONS.iter().find(|(known, _)| *known == oid);
    known.map(|(_, name)| *name)
}

/// The name of an extension, or its dotted identifier.
pub(super) fn shown(oid: &[u8]) -> String {
    extension_name(oid).map_or_else(|| dotted(oid), ToOwned::to_owned)
}

/// The dotted form.
pub(super) fn dotted(oid: &[u8]) -> String {
    x509_parser::der_parser::oid::Oid::new(oid.into()).to_id_string()
}

/// The last arc under `prefix`, where it has one octet.
pub(super) fn last_arc(oid: &[u8], prefix: &[u8]) -> Option<u8> {
    match oid.strip_prefix(prefix)? {
        [arc] => Some(*arc),
        _ => None,
    }
}

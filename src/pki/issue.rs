//! Building and signing certificates: rcgen behind a guard.
//!
//! rcgen 0.14 re-encodes the names it is given (repeated RDNs are lost), and
//! may mislabel a subject's key. So it builds the certificate around
//! placeholders, and the guard [`Splice`] stands where it expects the key: it
//! puts the exact bytes of issuer, subject and public key into what rcgen would
//! have signed. That is kept as [`ToBeSigned`], is parsed again and compared with
//! the template, field by field, can be judged, and is then signed here. What
//! comes out is compared with what was judged before anybody sees it.

use std::cell::RefCell;

use chrono::{DateTime, Utc};
use rcgen::{
    BasicConstraints as RcgenConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyIdMethod, KeyUsagePurpose, PublicKeyData, SanType, SignatureAlgorithm, SigningKey,
};

use crate::der;
use crate::key::{KeyAlgorithm, PublicKey, Signer};

use super::{BasicConstraints, Certificate, DistinguishedName, Error, GeneralName, SerialNumber};

/// What a certificate is for; it decides the extensions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The key of a root, certified by the root before it: CA:TRUE with path
    /// length 1, for an issuing CA below.
    Cross,
    /// An authority that issues leaves only: CA:TRUE with path length 0.
    Issuing,
    /// A workload: CA:FALSE, digitalSignature, clientAuth.
    Leaf {
        /// The subject alternative names, in the order in which they are to
        /// stand: Roles Anywhere maps only the first of each kind.
        names: Vec<GeneralName>,
    },
    /// A self-signed trust anchor: CA:TRUE without path length.
    Root,
    /// The emulator's throw-away TLS server: CA:FALSE, serverAuth.
    TlsServer {
        /// The names under which it is reached.
        names: Vec<GeneralName>,
    },
}

/// Everything that a certificate will say.
///
/// ```
/// use chrono::{TimeDelta, TimeZone, Utc};
/// use windlass::key::{KeyType, Signer, generate};
/// use windlass::pki::{
///     AttributeType, DistinguishedName, IssuerRef, Kind, SerialNumber, Template,
/// };
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let ca = generate(KeyType::P384, "the CA's key")?.key;
/// let ca_name = DistinguishedName::build(&[(AttributeType::CommonName, "Example CA")]);
/// let workload = generate(KeyType::P256, "the workload's key")?.key;
/// let begins = Utc.with_ymd_and_hms(2026, 1, 1, 0, 0, 0).unwrap();
///
/// let template = Template {
///     subject: &DistinguishedName::build(&[(AttributeType::CommonName, "web-1")]),
///     public_key: workload.public_key(),
///     serial: &SerialNumber::from_magnitude(&[0x2a; 16]).ok_or("a serial number")?,
///     not_before: begins,
///     not_after: begins + TimeDelta::days(30),
///     kind: Kind::Leaf { names: Vec::new() },
/// };
/// let certificate = template.sign(&IssuerRef {
///     name: &ca_name,
///     signer: &ca,
///     key_identifier: &ca.public_key().key_identifier(),
/// })?;
/// assert!(certificate.is_signed_by(ca.public_key()));
/// assert_eq!(certificate.subject().common_name(), Some("web-1"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Template<'a> {
    /// Whom it names.
    pub subject: &'a DistinguishedName,
    /// The key that it certifies.
    pub public_key: &'a PublicKey,
    /// Its serial number, reserved beforehand.
    pub serial: &'a SerialNumber,
    /// First second of validity.
    pub not_before: DateTime<Utc>,
    /// Last second of validity.
    pub not_after: DateTime<Utc>,
    /// What it is for.
    pub kind: Kind,
}

/// Who signs: a name, a key, and the identifier of that key.
#[derive(Clone, Copy)]
pub struct IssuerRef<'a> {
    /// The issuer's subject, copied byte for byte.
    pub name: &'a DistinguishedName,
    /// The issuer's key.
    pub signer: &'a dyn Signer,
    /// The issuer's subjectKeyIdentifier.
    pub key_identifier: &'a [u8],
}

/// What will be signed, fixed to the last byte: the TBSCertificate (RFC 5280
/// section 4.1.1.1). It can be judged before a signature makes it a certificate.
#[derive(Clone, Debug)]
pub struct ToBeSigned<'a> {
    template: &'a Template<'a>,
    issuer: &'a IssuerRef<'a>,
    /// The TBSCertificate, DER.
    tbs: Vec<u8>,
    /// The AlgorithmIdentifier of the signature, DER.
    algorithm: Vec<u8>,
}

impl ToBeSigned<'_> {
    /// The certificate as it will be, but for a signature of zeros: for rules
    /// that judge what it says.
    ///
    /// # Errors
    ///
    /// [`Error::Issue`] when what was built is not exactly what was asked for.
    pub fn preview(&self) -> Result<Certificate, Error> {
        let blank = self.assemble(&[0; 64]);
        let certificate = Certificate::from_der(&blank, "the new certificate")?;
        self.template.compare(&certificate, self.issuer)?;
        Ok(certificate)
    }

    /// Reads and compares, signs and verifies.
    ///
    /// # Errors
    ///
    /// Those of [`ToBeSigned::preview`] and [`ToBeSigned::sign_judged`].
    pub fn sign(&self) -> Result<Certificate, Error> {
        self.sign_judged(self.preview()?)
    }

    /// Signs what has been judged, its preview, compares what came out with that
    /// byte for byte, and verifies the signature.
    ///
    /// # Errors
    ///
    /// [`Error::Issue`] when the key fails or the signature is not the issuer's.
    pub fn sign_judged(&self, preview: Certificate) -> Result<Certificate, Error> {
        let signer = self.issuer.signer;
        let scheme = signer
            .public_key()
            .certificate_scheme()
            .ok_or_else(unfit_key)?;
        let signature = signer
            .sign(scheme, &self.tbs)
            .map_err(|source| Error::Issue {
                reason: "the issuer's key failed".to_owned(),
                source: Some(source),
            })?;
        let certificate = preview
            .signed_as(self.assemble(&signature))
            .filter(|certificate| certificate.to_be_signed() == self.tbs)
            .ok_or_else(|| failed("its content changed while it was signed"))?;
        if !certificate.is_signed_by(signer.public_key()) {
            return Err(failed(
                "its signature is not the issuer's; nothing was issued",
            ));
        }
        Ok(certificate)
    }

    fn assemble(&self, signature: &[u8]) -> Vec<u8> {
        let bits = [&[0][..], signature].concat();
        let bits = der::write(der::BIT_STRING, &bits);
        der::write_all(der::SEQUENCE, &[&self.tbs, &self.algorithm, &bits])
    }
}

impl Template<'_> {
    /// Builds, signs, parses back and verifies.
    ///
    /// # Errors
    ///
    /// [`Error::Issue`] when the builder or the key fails, or when what came
    /// out is not exactly what was asked for.
    pub fn sign(&self, issuer: &IssuerRef<'_>) -> Result<Certificate, Error> {
        self.build(issuer)?.sign()
    }

    /// Builds everything but the signature. The issuer's key is not used.
    ///
    /// # Errors
    ///
    /// [`Error::Issue`] when the builder fails or the issuer's key is of a type
    /// that signs no certificates.
    pub fn build<'a>(&'a self, issuer: &'a IssuerRef<'a>) -> Result<ToBeSigned<'a>, Error> {
        let splice = Splice {
            template: self,
            issuer,
            algorithm: rcgen_algorithm(issuer.signer.public_key().algorithm())
                .ok_or_else(unfit_key)?,
            built: RefCell::new(None),
        };
        let mut issuer_params = CertificateParams::default();
        issuer_params.key_identifier_method =
            KeyIdMethod::PreSpecified(issuer.key_identifier.to_vec());
        let rcgen_issuer = Issuer::from_params(&issuer_params, &splice);
        // rcgen assembles a certificate too, around its own placeholders; only
        // what the splice was handed to sign is used.
        self.params()?
            .signed_by(&splice, &rcgen_issuer)
            .map_err(|error| failed(&error.to_string()))?;
        let (tbs, algorithm) = splice
            .built
            .take()
            .ok_or_else(|| failed("nothing was built"))?;
        Ok(ToBeSigned {
            template: self,
            issuer,
            tbs,
            algorithm,
        })
    }

    fn params(&self) -> Result<CertificateParams, Error> {
        let time = |at: DateTime<Utc>| {
            time::OffsetDateTime::from_unix_timestamp(at.timestamp())
                .map_err(|_| failed("a date is out of range"))
        };
        let mut params = CertificateParams::default();
        // A placeholder that is not empty: rcgen marks the alternative names
        // critical when the subject is.
        params
            .distinguished_name
            .push(DnType::CommonName, "placeholder");
        params.serial_number = Some(self.serial.magnitude().to_vec().into());
        params.not_before = time(self.not_before)?;
        params.not_after = time(self.not_after)?;
        params.key_identifier_method =
            KeyIdMethod::PreSpecified(self.public_key.key_identifier().to_vec());
        params.use_authority_key_identifier_extension = !matches!(self.kind, Kind::Root);
        let ca_usages = || vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        match &self.kind {
            Kind::Root => {
                params.is_ca = IsCa::Ca(RcgenConstraints::Unconstrained);
                params.key_usages = ca_usages();
            }
            Kind::Cross => {
                params.is_ca = IsCa::Ca(RcgenConstraints::Constrained(1));
                params.key_usages = ca_usages();
            }
            Kind::Issuing => {
                params.is_ca = IsCa::Ca(RcgenConstraints::Constrained(0));
                params.key_usages = ca_usages();
            }
            Kind::Leaf { names } | Kind::TlsServer { names } => {
                params.is_ca = IsCa::ExplicitNoCa;
                params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
                params.extended_key_usages = vec![match self.kind {
                    Kind::TlsServer { .. } => ExtendedKeyUsagePurpose::ServerAuth,
                    _ => ExtendedKeyUsagePurpose::ClientAuth,
                }];
                params.subject_alt_names = names.iter().map(san).collect::<Result<_, _>>()?;
            }
        }
        Ok(params)
    }

    /// Compares what came out with what was asked for, so that no surprise of
    /// the builder leaves this function.
    fn compare(&self, made: &Certificate, issuer: &IssuerRef<'_>) -> Result<(), Error> {
        let (ca, path_length) = match self.kind {
            Kind::Root => (true, None),
            Kind::Cross => (true, Some(1)),
            Kind::Issuing => (true, Some(0)),
            Kind::Leaf { .. } | Kind::TlsServer { .. } => (false, None),
        };
        let names: Vec<String> = match &self.kind {
            Kind::Leaf { names } | Kind::TlsServer { names } => {
                names.iter().map(ToString::to_string).collect()
            }
            _ => Vec::new(),
        };
        let usage = made.key_usage();
        let extended: &[&str] = match self.kind {
            Kind::Leaf { .. } => &[CLIENT_AUTH],
            Kind::TlsServer { .. } => &[SERVER_AUTH],
            Kind::Root | Kind::Cross | Kind::Issuing => &[],
        };
        let aki = match self.kind {
            Kind::Root => None,
            _ => Some(issuer.key_identifier),
        };
        let ski = self.public_key.key_identifier();
        let checks = [
            (made.version() == 3, "version"),
            (made.serial() == self.serial, "serial number"),
            (made.subject() == self.subject, "subject"),
            (made.issuer() == issuer.name, "issuer"),
            (made.public_key() == self.public_key, "public key"),
            (
                made.not_before().timestamp() == self.not_before.timestamp()
                    && made.not_after().timestamp() == self.not_after.timestamp(),
                "validity",
            ),
            (
                made.basic_constraints() == Some(BasicConstraints { ca, path_length }),
                "basicConstraints",
            ),
            (
                usage.is_some_and(|usage| {
                    usage.key_cert_sign == ca
                        && usage.crl_sign == ca
                        && usage.digital_signature != ca
                        && !usage.other
                }),
                "keyUsage",
            ),
            (
                made.extended_key_usage().unwrap_or_default() == extended,
                "extendedKeyUsage",
            ),
            (
                made.critical() == [KEY_USAGE, BASIC_CONSTRAINTS],
                "criticality",
            ),
            (
                made.subject_key_identifier() == Some(&ski),
                "subjectKeyIdentifier",
            ),
            (
                made.authority_key_identifier() == aki,
                "authorityKeyIdentifier",
            ),
            (made.alternative_names() == names, "subjectAltName"),
        ];
        match checks.iter().find(|(right, _)| !right) {
            Some((_, field)) => Err(failed(&format!(
                "its {field} is not what was asked for; nothing was issued"
            ))),
            None => Ok(()),
        }
    }
}

/// `id-kp-clientAuth` (RFC 5280 section 4.2.1.12).
const CLIENT_AUTH: &str = "1.3.6.1.5.5.7.3.2";
/// `id-kp-serverAuth` (RFC 5280 section 4.2.1.12).
const SERVER_AUTH: &str = "1.3.6.1.5.5.7.3.1";
/// `id-ce-basicConstraints`.
const BASIC_CONSTRAINTS: &str = "2.5.29.19";
/// `id-ce-keyUsage`.
const KEY_USAGE: &str = "2.5.29.15";

/// The guard between rcgen and the key: it takes what is to be signed and puts
/// the exact bytes in, and signs nothing itself.
struct Splice<'a> {
    template: &'a Template<'a>,
    issuer: &'a IssuerRef<'a>,
    algorithm: &'static SignatureAlgorithm,
    /// TBSCertificate and AlgorithmIdentifier.
    built: RefCell<Option<(Vec<u8>, Vec<u8>)>>,
}

impl std::fmt::Debug for IssuerRef<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "IssuerRef({})", self.name)
    }
}

impl Splice<'_> {
    /// Replaces issuer, subject and public key of a TBSCertificate (RFC 5280
    /// section 4.1: version, serial, signature, issuer, validity, subject,
    /// subjectPublicKeyInfo, extensions).
    fn patch(&self, tbs: &[u8]) -> Option<Vec<u8>> {
        let parts = der::sequence(tbs)?;
        let [version, serial, signature, _, validity, _, _, extensions] = parts.as_slice() else {
            return None;
        };
        Some(der::write_all(
            der::SEQUENCE,
            &[
                version.encoded,
                serial.encoded,
                signature.encoded,
                self.issuer.name.der(),
                validity.encoded,
                self.template.subject.der(),
                self.template.public_key.spki(),
                extensions.encoded,
            ],
        ))
    }
}

impl PublicKeyData for Splice<'_> {
    fn der_bytes(&self) -> &[u8] {
        self.template.public_key.subject_public_key()
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        self.algorithm
    }
}

impl SigningKey for Splice<'_> {
    fn sign(&self, tbs: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        let patched = self
            .patch(tbs)
            .ok_or(rcgen::Error::CouldNotParseCertificate)?;
        let algorithm = der::sequence(tbs)
            .and_then(|parts| parts.get(2).map(|algorithm| algorithm.encoded.to_vec()))
            .ok_or(rcgen::Error::CouldNotParseCertificate)?;
        self.built.replace(Some((patched, algorithm)));
        Ok(Vec::new())
    }
}

/// The AlgorithmIdentifier that rcgen writes for a key of the issuer. It must
/// name the same scheme as [`PublicKey::certificate_scheme`]; the signature
/// check at the end proves it for every certificate.
fn rcgen_algorithm(algorithm: KeyAlgorithm) -> Option<&'static SignatureAlgorithm> {
    match algorithm {
        KeyAlgorithm::EcP256 => Some(&rcgen::PKCS_ECDSA_P256_SHA256),
        KeyAlgorithm::EcP384 => Some(&rcgen::PKCS_ECDSA_P384_SHA384),
        KeyAlgorithm::Rsa { .. } => Some(&rcgen::PKCS_RSA_SHA256),
        KeyAlgorithm::EcP521
        | KeyAlgorithm::Ed25519
        | KeyAlgorithm::MlDsa44
        | KeyAlgorithm::MlDsa65
        | KeyAlgorithm::MlDsa87
        | KeyAlgorithm::Unknown => None,
    }
}

fn san(name: &GeneralName) -> Result<SanType, Error> {
    let ascii = |text: &str| {
        text.try_into()
            .map_err(|_| failed("an alternative name is not ASCII"))
    };
    Ok(match name {
        GeneralName::Dns(name) => SanType::DnsName(ascii(name)?),
        GeneralName::Email(address) => SanType::Rfc822Name(ascii(address)?),
        GeneralName::Ip(address) => SanType::IpAddress(*address),
        GeneralName::Uri(uri) => SanType::URI(ascii(uri)?),
    })
}

fn unfit_key() -> Error {
    failed("the issuer's key cannot sign certificates")
}

fn failed(reason: &str) -> Error {
    Error::Issue {
        reason: reason.to_owned(),
        source: None,
    }
}

//! Files of certificates and lists: what is in them, and the rules for the
//! whole.

use chrono::{DateTime, Utc};

use crate::der;
use crate::key::{Contents, is_pem};
use crate::limits;
use crate::pki::{DistinguishedName, Error};

use super::form::{GENERALIZED_TIME, UTC_TIME, first_fault};
use super::view::CertificateView;
use super::{
    Check, Finding, Level, Notes, QUOTAS, Rule, Source, TRUST_MODEL, lint_certificate, lint_crl,
    rule,
};

/// What is found while the bytes are read.
pub(super) const READING: &[Rule] = &[
    rule(
        Level::Error,
        "not_der",
        Source::Standard("RFC 5280 section 4.1, X.690 sections 10 and 11"),
        "encode it in DER: 'openssl x509 -in FILE -outform DER' shows whether it can be read at all",
        Check::Reading,
    ),
    rule(
        Level::Error,
        "trailing_data",
        Source::Standard("RFC 5280 section 4.1"),
        "take away what follows the last octet",
        Check::Reading,
    ),
    rule(
        Level::Error,
        "not_certificate",
        Source::Standard("RFC 5280 section 4.1"),
        "write the fields of a certificate, each once and in their order",
        Check::Reading,
    ),
    rule(
        Level::Error,
        "not_crl",
        Source::Standard("RFC 5280 section 5.1"),
        "write the fields of a revocation list, each once and in their order",
        Check::Reading,
    ),
];

pub(super) const RULES: &[Rule] = &[
    rule(
        Level::Error,
        "anchor_not_ca",
        TRUST_MODEL,
        "give the certificate of a CA, with CA:TRUE",
        Check::File(anchor_not_ca),
    ),
    rule(
        Level::Error,
        "anchor_too_many",
        QUOTAS,
        "keep the certificate in use and the one that follows it",
        Check::File(anchor_too_many),
    ),
    rule(
        Level::Warning,
        "anchor_large",
        Source::RolesAnywhere("Roles Anywhere API reference, SourceData"),
        "use a CA with an EC key: its certificate has less than 1,000 characters",
        Check::File(anchor_large),
    ),
    rule(
        Level::Warning,
        "bundle_duplicate",
        Source::Standard("RFC 5246 section 7.4.2"),
        "keep one copy of each certificate",
        Check::File(bundle_duplicate),
    ),
    rule(
        Level::Warning,
        "chain_order",
        Source::Standard("RFC 5246 section 7.4.2"),
        "put each certificate before that of its issuer, the leaf first",
        Check::File(chain_order),
    ),
    rule(
        Level::Error,
        "chain_long",
        QUOTAS,
        "issue from a CA that is closer to the trust anchor, or make an intermediate the anchor",
        Check::File(chain_long),
    ),
    rule(
        Level::Notice,
        "chain_with_root",
        TRUST_MODEL,
        "leave the root out: AWS takes it from the trust anchor",
        Check::File(chain_with_root),
    ),
    rule(
        Level::Warning,
        "crl_not_pem",
        Source::RolesAnywhere("Roles Anywhere API reference, ImportCrl"),
        "convert it: openssl crl -inform DER -in FILE -out FILE.pem",
        Check::File(crl_not_pem),
    ),
];

/// What a linted thing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// A certificate.
    Certificate,
    /// A revocation list.
    Crl,
    /// The file as a whole: a chain, or the bundle of a trust anchor.
    File,
}

impl What {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Certificate => "certificate",
            Self::Crl => "crl",
            Self::File => "file",
        }
    }
}

/// One thing of a file with what was found in it.
#[derive(Clone, Debug)]
pub struct Linted {
    /// What it is.
    pub what: What,
    /// The name in it by which people know it: subject or issuer.
    pub name: Option<String>,
    /// The findings, in the order of the rules.
    pub findings: Vec<Finding>,
}

/// A file as a whole.
pub(super) struct FileView<'a> {
    certificates: Vec<CertificateView<'a>>,
    encodings: Vec<&'a [u8]>,
    has_crl: bool,
    is_pem: bool,
    octets: usize,
    /// Whether it was said to be the bundle of a trust anchor.
    is_anchor: bool,
    /// Whether there are self-issued CAs only: no chain.
    are_roots: bool,
}

impl FileView<'_> {
    /// Whether every certificate of the file could be looked into: else the
    /// others do not stand where they seem to.
    const fn is_whole(&self) -> bool {
        self.certificates.len() == self.encodings.len()
    }
}

/// Judges everything in a file: PEM with any blocks, of which certificates and
/// revocation lists count (private keys are passed over), or one DER of either.
/// `origin` is what messages call the file, `anchor` says that it is the bundle
/// of a trust anchor. The last one of the list is the file as a whole.
///
/// # Errors
///
/// [`Error::NoCertificate`] when there is nothing to judge, [`Error::Damaged`]
/// for PEM that does not decode, [`Error::TooMany`] above the bound.
pub fn lint_file(
    bytes: &[u8],
    origin: &str,
    anchor: bool,
    at: DateTime<Utc>,
) -> Result<Vec<Linted>, Error> {
    let objects = objects(bytes, origin)?;
    let mut linted: Vec<Linted> = objects
        .iter()
        .map(|(what, encoded)| Linted {
            what: *what,
            name: name_of(*what, encoded),
            findings: match what {
                What::Crl => lint_crl(encoded, at),
                _ => lint_certificate(encoded, at),
            },
        })
        .collect();
    let of_certificates = |(what, _): &&(What, Vec<u8>)| *what == What::Certificate;
    let encodings: Vec<&[u8]> = objects
        .iter()
        .filter(of_certificates)
        .map(|(_, encoded)| encoded.as_slice())
        .collect();
    let certificates: Vec<CertificateView<'_>> = encodings
        .iter()
        .filter_map(|encoded| CertificateView::read(encoded, at))
        .collect();
    let are_roots = !certificates.is_empty()
        && certificates
            .iter()
            .all(|one| one.is_ca() && one.is_self_issued());
    let view = FileView {
        certificates,
        encodings,
        has_crl: objects.iter().any(|(what, _)| *what == What::Crl),
        is_pem: is_pem(bytes),
        octets: bytes.len(),
        is_anchor: anchor,
        are_roots,
    };
    let mut findings = Vec::new();
    for rule in RULES {
        if let Check::File(check) = rule.check {
            let mut notes = Notes::default();
            check(&view, &mut notes);
            notes.into_findings(rule, &mut findings);
        }
    }
    linted.push(Linted {
        what: What::File,
        name: None,
        findings,
    });
    Ok(linted)
}

/// The certificates and lists of a file.
fn objects(bytes: &[u8], origin: &str) -> Result<Vec<(What, Vec<u8>)>, Error> {
    let nothing = |found| Error::NoCertificate {
        origin: origin.to_owned(),
        found,
    };
    if bytes.is_empty() {
        return Err(nothing(Contents::Empty));
    }
    if !is_pem(bytes) {
        // BER too, and what is cut short: that is a finding.
        if bytes.first() != Some(&der::SEQUENCE) {
            let text = "it is neither PEM nor DER".to_owned();
            return Err(nothing(Contents::Other(text)));
        }
        return Ok(vec![(kind_of(bytes), bytes.to_vec())]);
    }
    let damaged = || Error::Damaged {
        origin: origin.to_owned(),
        reason: "a PEM block in it does not decode".to_owned(),
    };
    let blocks = pem::parse_many(bytes).map_err(|_| damaged())?;
    // The crate passes over a last block without its end.
    let begun = b"-----BEGIN ";
    let count = bytes.windows(begun.len()).filter(|part| part == begun);
    if count.count() > blocks.len() {
        return Err(damaged());
    }
    let labels: Vec<&str> = blocks.iter().map(pem::Pem::tag).collect();
    let contents = Contents::of_labels(&labels);
    let objects: Vec<(What, Vec<u8>)> = blocks
        .into_iter()
        .filter_map(|block| match block.tag() {
            "CERTIFICATE" | "X509 CERTIFICATE" => Some((What::Certificate, block.into_contents())),
            "X509 CRL" | "CRL" => Some((What::Crl, block.into_contents())),
            _ => None,
        })
        .collect();
    match objects.len() {
        0 => Err(nothing(contents)),
        count if count > limits::MAX_LINT_OBJECTS => Err(Error::TooMany {
            origin: origin.to_owned(),
            count,
            max: limits::MAX_LINT_OBJECTS,
        }),
        _ => Ok(objects),
    }
}

/// Tells a list from a certificate: where that has its validity, a list has the
/// time of its update.
fn kind_of(encoded: &[u8]) -> What {
    let is_crl = || {
        let (outer, _) = der::read(encoded)?;
        let (tbs, _) = der::read(outer.content)?;
        let mut rest = tbs.content;
        for _ in 0..4 {
            let (field, after) = der::read(rest)?;
            if matches!(field.tag, UTC_TIME | GENERALIZED_TIME) {
                return Some(true);
            }
            rest = after;
        }
        None
    };
    match is_crl() {
        Some(true) => What::Crl,
        _ => What::Certificate,
    }
}

fn name_of(what: What, encoded: &[u8]) -> Option<String> {
    // Not all that is linted can be read.
    let name = match what {
        What::Certificate => {
            let parts = der::sequence(encoded)?;
            let fields = der::sequence(parts.first()?.encoded)?;
            let tagged = fields.first().is_some_and(|first| first.tag == 0xa0);
            fields.get(if tagged { 5 } else { 4 })?.encoded
        }
        What::Crl | What::File => {
            let parts = der::sequence(encoded)?;
            let fields = der::sequence(parts.first()?.encoded)?;
            let versioned = fields
                .first()
                .is_some_and(|first| first.tag == der::INTEGER);
            fields.get(if versioned { 2 } else { 1 })?.encoded
        }
    };
    DistinguishedName::from_der(name).map(|name| name.to_string())
}

/// The one DER element that `encoded` begins with, with what is wrong with it
/// and behind it told. `None` when there is none that can be looked into.
pub(super) fn readable<'a>(encoded: &'a [u8], findings: &mut Vec<Finding>) -> Option<&'a [u8]> {
    let Some((element, rest)) = der::read(encoded) else {
        let reason = "it has no tag or length of DER, or is cut short";
        findings.push(reading("not_der", "octet 0", reason));
        return None;
    };
    if let Some(fault) = first_fault(element.encoded) {
        let place = format!("octet {}", fault.offset);
        findings.push(reading("not_der", &place, fault.reason));
    }
    if !rest.is_empty() {
        let message = format!("{} octets follow", rest.len());
        let place = format!("octet {}", element.encoded.len());
        findings.push(reading("trailing_data", &place, &message));
    }
    Some(element.encoded)
}

/// What stands in a block that is not built as it should be.
pub(super) fn unreadable(id: &str, what: &str) -> Finding {
    let message = format!("it is not built as a {what} is; nothing else was judged");
    reading(id, "octet 0", &message)
}

fn reading(id: &str, place: &str, message: &str) -> Finding {
    let rule = READING.iter().find(|rule| rule.id == id);
    Finding {
        // All callers name a rule that is there; the first one would do.
        rule: rule.unwrap_or(&READING[0]),
        place: place.to_owned(),
        message: message.to_owned(),
    }
}

/// How a certificate of a file is named in findings.
fn place(index: usize) -> String {
    format!("certificate {}", index + 1)
}

fn anchor_not_ca(view: &FileView<'_>, notes: &mut Notes) {
    for (index, certificate) in view.certificates.iter().enumerate() {
        if view.is_anchor && view.is_whole() && !certificate.is_ca() {
            notes.say(place(index), "it is no CA's, and cannot be a trust anchor");
        }
    }
}

fn anchor_too_many(view: &FileView<'_>, notes: &mut Notes) {
    let count = view.encodings.len();
    let most = limits::MAX_ANCHOR_CERTIFICATES;
    if view.is_anchor && count > most {
        let message = format!("it has {count} certificates, a trust anchor has at most {most}");
        notes.say("file", message);
    }
}

fn anchor_large(view: &FileView<'_>, notes: &mut Notes) {
    let most = limits::MAX_ANCHOR_CHARACTERS;
    if view.is_anchor && view.octets > most {
        let count = view.octets;
        let message = format!("it has {count} characters; some regions may take {most} only");
        notes.say("file", message);
    }
}

fn bundle_duplicate(view: &FileView<'_>, notes: &mut Notes) {
    let mut seen = std::collections::HashSet::new();
    for (index, encoded) in view.encodings.iter().enumerate() {
        if !seen.insert(encoded) {
            notes.say(place(index), "the certificate stands there again");
        }
    }
}

/// The certificates after the first one, when the first one is a leaf.
fn chain<'v, 'a>(view: &'v FileView<'a>) -> Option<&'v [CertificateView<'a>]> {
    let (first, rest) = view.certificates.split_first()?;
    (!view.is_anchor && view.is_whole() && !first.is_ca() && !rest.is_empty()).then_some(rest)
}

fn chain_order(view: &FileView<'_>, notes: &mut Notes) {
    if view.is_anchor || view.are_roots || !view.is_whole() {
        return;
    }
    for (index, pair) in view.certificates.windows(2).enumerate() {
        let [subject, issuer] = pair else { continue };
        if subject.issuer.encoded != issuer.subject.encoded {
            let message = format!("certificate {} is not its issuer", index + 2);
            notes.say(place(index), message);
        }
    }
}

fn chain_long(view: &FileView<'_>, notes: &mut Notes) {
    let count = chain(view).map_or(0, <[_]>::len);
    if count > limits::MAX_CHAIN {
        let message = format!("{count} certificates follow the leaf");
        notes.say("file", message);
    }
}

fn chain_with_root(view: &FileView<'_>, notes: &mut Notes) {
    let last = chain(view).and_then(<[_]>::last);
    if last.is_some_and(CertificateView::is_self_issued) {
        notes.say("file", "the chain ends with a root");
    }
}

fn crl_not_pem(view: &FileView<'_>, notes: &mut Notes) {
    if view.has_crl && !view.is_pem {
        notes.say("file", "the list is DER, and only PEM is imported");
    }
}

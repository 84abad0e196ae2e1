//! What to do about a certificate that cannot be installed.

use crate::authority::{Flaw, Part};

/// Nothing was changed: what to ask the root for, or which file to take.
pub(super) fn hint_flaw(part: Part, flaw: &Flaw) -> String {
    let what = match part {
        Part::Issuing => of_issuing(flaw),
        Part::Root => of_root(flaw),
    };
    format!("nothing was changed; {what}")
}

/// What to ask the root for.
const fn of_issuing(flaw: &Flaw) -> &'static str {
    match flaw {
        Flaw::AuthorityKeyIdentifier => {
            "is --root the certificate of the very root that has signed it? A root that was renewed has several"
        }
        Flaw::Extension { .. } => {
            "have the request signed without this extension, or without restricting names"
        }
        Flaw::ExtendedKeyUsage { .. } => {
            "have it signed without extendedKeyUsage, or with clientAuth in it"
        }
        Flaw::Expired { .. } => {
            "is this host's clock right ('date -u')? What has ended has to be signed anew"
        }
        Flaw::Bundle => "give the root's certificate alone to --root",
        Flaw::Hash => "have it signed with SHA-256; Roles Anywhere takes nothing weaker",
        Flaw::Intermediate { .. } => {
            "a CA between the two is not supported: have the request signed by the root itself, or give what signed it a self-signed certificate"
        }
        Flaw::Issuer { .. } => "give --root the certificate of the CA that has signed it",
        Flaw::Key { .. } => {
            "is it the certificate for the request of this CA, issuing/request.pem? Each request gets its own"
        }
        Flaw::KeyUsage { .. } => {
            "have it signed with keyUsage keyCertSign and cRLSign, as the request asks"
        }
        Flaw::Lint { .. } => "'windlass ca lint FILE' says what is wrong with it, and the fix",
        Flaw::NoRoot => "give --root the certificate of the root",
        Flaw::NotCa { .. } => {
            "have it signed as the certificate of a CA, with basicConstraints CA:TRUE; OpenSSL's x509 does with '-copy_extensions copyall'"
        }
        Flaw::NotRoot { .. } => {
            "give --root the self-signed certificate at the top; a CA between the two is not supported"
        }
        Flaw::NotYetValid { .. } => "is this host's clock right ('date -u')?",
        Flaw::Order { .. } => {
            "put it before the root, or give the two in files of their own with --cert and --root"
        }
        Flaw::Path(_) => "'windlass ca lint FILE' on both certificates says more",
        Flaw::PathLength { .. } => {
            "have it signed with pathLenConstraint 0, as the request asks: it then can make no further CA"
        }
        Flaw::PublicKey { .. } => "the key of an issuing CA is EC P-256 or P-384, or RSA",
        Flaw::SerialNumber { .. } => "have it signed again, with another serial number",
        Flaw::SeveralRoots => "give the root once: behind the certificate, or with --root",
        Flaw::Signature { .. } => {
            "the file was changed on its way, or --root is another certificate of the same name"
        }
        Flaw::Subject { .. } => {
            "have it signed with the subject of the request as it stands there, and not encoded anew"
        }
        Flaw::SubjectKeyIdentifier => {
            "have it signed with subjectKeyIdentifier, as the request asks"
        }
        Flaw::Swapped => {
            "give the certificate of the issuing CA to --cert, and the root's to --root"
        }
        Flaw::Version { .. } => {
            "have it signed with the extensions of a CA; OpenSSL's x509 does with '-copy_extensions copyall'"
        }
    }
}

/// Which root to give, or to make.
const fn of_root(flaw: &Flaw) -> &'static str {
    match flaw {
        Flaw::Bundle => "give --root the self-signed certificate alone",
        Flaw::NotRoot { .. } => {
            "give --root the self-signed certificate at the top; a CA between the two is not supported"
        }
        Flaw::Expired { .. } | Flaw::NotYetValid { .. } => {
            "is this host's clock right ('date -u')? A root that has ended can only be replaced"
        }
        Flaw::Lint { .. } => "'windlass ca lint FILE' says what is wrong with it, and the fix",
        Flaw::NotCa { .. }
        | Flaw::Extension { .. }
        | Flaw::ExtendedKeyUsage { .. }
        | Flaw::Hash
        | Flaw::KeyUsage { .. }
        | Flaw::PathLength { .. }
        | Flaw::PublicKey { .. }
        | Flaw::Version { .. } => {
            "Roles Anywhere would refuse every chain to it: give --root another certificate of the root, if it has one, or make a root with 'windlass ca init --root-only --dir ROOT --name NAME'"
        }
        Flaw::AuthorityKeyIdentifier
        | Flaw::Intermediate { .. }
        | Flaw::Issuer { .. }
        | Flaw::Key { .. }
        | Flaw::NoRoot
        | Flaw::Order { .. }
        | Flaw::Path(_)
        | Flaw::SerialNumber { .. }
        | Flaw::SeveralRoots
        | Flaw::Signature { .. }
        | Flaw::Subject { .. }
        | Flaw::SubjectKeyIdentifier
        | Flaw::Swapped => "give --root the certificate of the CA that has signed the other",
    }
}

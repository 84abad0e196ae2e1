//! What to do about each thing that refuses a path.

use crate::pki::{LeafFlaw, ListFlaw, PathFlaw};

/// The next step.
pub(in crate::commands) const fn hint_path_flaw(flaw: &PathFlaw) -> &'static str {
    match flaw {
        PathFlaw::Budget => {
            "give the intermediates of this certificate alone, and not a collection of them"
        }
        PathFlaw::NotACa { .. } => {
            "let the issuer's certificate be made again as a CA's, or take the certificate of the CA that has issued this one"
        }
        PathFlaw::NoKeyCertSign { .. } => {
            "let the issuer's certificate be made again with keyUsage keyCertSign"
        }
        PathFlaw::Expired { .. } => {
            "renew it; of a CA, give the certificate that has taken its place; --at judges for another time"
        }
        PathFlaw::NotYetValid { .. } => {
            "wait until then, or look at the clock of this host and at that of the CA"
        }
        PathFlaw::PathTooLong { .. } => {
            "issue from the CA with this limit, or have its certificate made again with a greater pathLenConstraint"
        }
        PathFlaw::TooManyCertificates => "trust an intermediate that stands closer to the leaf",
        PathFlaw::Revoked { .. } => {
            "issue a new certificate with a new key; of a hold, the CA can release it"
        }
        PathFlaw::NotCovered { flaw, .. } => hint_list_flaw(flaw.as_ref()),
        PathFlaw::UnknownIssuer { .. } => {
            "give the certificate of this issuer with --intermediates, or trust it with --trust-anchor"
        }
        PathFlaw::BadSignature { .. } => {
            "give the certificate of the key that has signed it: the CA may have a new key under its old name, or another one of this name has issued it"
        }
        PathFlaw::UnhandledCritical { .. } => {
            "have the certificate made again without this extension, or with it not critical"
        }
        PathFlaw::WeakSignature { .. } => {
            "have the certificate signed again with SHA-256 or stronger"
        }
        PathFlaw::Malformed { .. } => {
            "have the certificate made again; 'windlass ca lint FILE' says what is wrong with the extension"
        }
        PathFlaw::Version { .. } => {
            "have the certificate made again with extensions, as 'openssl x509 -req -extfile' does"
        }
        PathFlaw::EmptyName { .. } => "have the CA's certificate made again with a name",
        PathFlaw::Nameless { .. } => {
            "have the certificate made again with a subject, or with its subjectAltName critical"
        }
        PathFlaw::NotForClients { .. } => {
            "have the certificate made again with clientAuth in extKeyUsage, or without the extension"
        }
        PathFlaw::ConstraintsOfLeaf { .. } => {
            "have the certificate made again without nameConstraints"
        }
        PathFlaw::NameExcluded { .. } | PathFlaw::NameNotPermitted { .. } => {
            "issue for a name that the CA may certify, or by a CA that may certify this one"
        }
        PathFlaw::NameUnhandled { .. } => {
            "issue without this name, or by a CA that does not constrain names of its form"
        }
        PathFlaw::NoPolicy { .. } => {
            "issue with a policy of the CA above, or by a CA that demands none"
        }
        PathFlaw::Leaf(flaw) => hint_leaf_flaw(flaw),
    }
}

const fn hint_list_flaw(flaw: Option<&ListFlaw>) -> &'static str {
    match flaw {
        None => "give the list of this issuer with --crl, or no --crl at all",
        Some(ListFlaw::Stale { .. } | ListFlaw::NoNextUpdate) => {
            "publish and give a new list, as 'windlass ca crl' makes one; --at judges for another time"
        }
        Some(ListFlaw::NotYet { .. }) => "look at the clock of this host and at that of the CA",
        Some(ListFlaw::BadSignature | ListFlaw::NoCrlSign) => {
            "give the list that the issuer has signed, and with --intermediates its certificate for signing lists"
        }
        Some(ListFlaw::WeakSignature | ListFlaw::Version) => {
            "have a list of version 2 made that is signed with SHA-256 or stronger"
        }
        Some(
            ListFlaw::Delta
            | ListFlaw::Indirect
            | ListFlaw::OfPoint
            | ListFlaw::SomeReasons
            | ListFlaw::OtherKind
            | ListFlaw::Unhandled { .. },
        ) => "give the complete list of this issuer with --crl",
    }
}

const fn hint_leaf_flaw(flaw: &LeafFlaw) -> &'static str {
    match flaw {
        LeafFlaw::Ca => "give the certificate of the workload, which is no CA's",
        LeafFlaw::NoKeyUsage | LeafFlaw::KeyUsage => {
            "have the certificate made again with keyUsage digitalSignature"
        }
        LeafFlaw::Key { .. } => "use a key of EC P-256 or P-384, or RSA with 2048 bits or more",
        LeafFlaw::EmptySubject => "have the certificate made again with a common name",
        LeafFlaw::Version { .. } | LeafFlaw::SignatureHash => {
            "have the certificate made again: see 'windlass ca issue --help'"
        }
    }
}

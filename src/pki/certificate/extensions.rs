//! What the extensions of a certificate say.

use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{ExtendedKeyUsage, GeneralName as ParsedName, ParsedExtension};
use x509_parser::prelude::FromDer;

use crate::der::Element;
use crate::limits;
use crate::pki::DistinguishedName;
use crate::pki::oid::dotted;
use crate::text::printable;

use super::{BasicConstraints, KeyUsage};

/// What the extensions say.
#[derive(Clone, Default)]
pub(super) struct Extensions {
    pub(super) basic_constraints: Option<BasicConstraints>,
    pub(super) key_usage: Option<KeyUsage>,
    pub(super) extended_key_usage: Option<Vec<String>>,
    pub(super) subject_key_identifier: Option<Vec<u8>>,
    pub(super) authority_key_identifier: Option<Vec<u8>>,
    pub(super) alternative_names: Vec<String>,
    pub(super) first_dns_name: Option<String>,
    pub(super) first_uri: Option<String>,
    pub(super) first_directory_name: Option<DistinguishedName>,
    pub(super) critical: Vec<String>,
    pub(super) unhandled: Vec<String>,
}

impl Extensions {
    pub(super) fn read(certificate: &X509Certificate<'_>) -> Result<Self, String> {
        let mut read = Self::default();
        let count = certificate.extensions().len();
        if count > limits::MAX_EXTENSIONS {
            return Err(format!("it has {count} extensions"));
        }
        let mut seen = Vec::new();
        for extension in certificate.extensions() {
            // Written out for the few that are told.
            let oid = || dotted(&extension.oid);
            if seen.contains(&&extension.oid) {
                return Err(format!("it has the extension {} twice", oid()));
            }
            match extension.parsed_extension() {
                ParsedExtension::BasicConstraints(basic) => {
                    read.basic_constraints = Some(BasicConstraints {
                        ca: basic.ca,
                        path_length: basic.path_len_constraint,
                    });
                }
                ParsedExtension::KeyUsage(usage) => {
                    read.key_usage = Some(KeyUsage {
                        digital_signature: usage.digital_signature(),
                        key_cert_sign: usage.key_cert_sign(),
                        crl_sign: usage.crl_sign(),
                        other: usage.non_repudiation()
                            || usage.key_encipherment()
                            || usage.data_encipherment()
                            || usage.key_agreement()
                            || usage.encipher_only()
                            || usage.decipher_only(),
                    });
                }
                ParsedExtension::ExtendedKeyUsage(usage) => {
                    read.extended_key_usage = Some(extended_usages(usage));
                }
                ParsedExtension::SubjectKeyIdentifier(identifier) => {
                    read.subject_key_identifier = Some(identifier.0.to_vec());
                }
                ParsedExtension::AuthorityKeyIdentifier(identifier) => {
                    read.authority_key_identifier = identifier
                        .key_identifier
                        .as_ref()
                        .map(|identifier| identifier.0.to_vec());
                }
                ParsedExtension::SubjectAlternativeName(names) => {
                    read.alternative_names = names.general_names.iter().map(show_name).collect();
                    read.take_first(&names.general_names);
                }
                ParsedExtension::ParseError { .. } => {
                    return Err(format!("its {} extension is malformed", oid()));
                }
                // They restrict what a CA may issue and are not evaluated here,
                // so they are not passed over even when they are not critical.
                ParsedExtension::NameConstraints(_) => read.unhandled.push(oid()),
                // Everything else matters only when it is critical.
                _ if extension.critical => read.unhandled.push(oid()),
                _ => {}
            }
            if extension.critical {
                read.critical.push(oid());
            }
            seen.push(&extension.oid);
        }
        read.critical.sort();
        Ok(read)
    }

    /// Keeps the names of which Roles Anywhere makes session tags.
    fn take_first(&mut self, names: &[ParsedName<'_>]) {
        for name in names {
            match name {
                ParsedName::DNSName(value) if self.first_dns_name.is_none() => {
                    self.first_dns_name = Some((*value).to_owned());
                }
                ParsedName::URI(value) if self.first_uri.is_none() => {
                    self.first_uri = Some((*value).to_owned());
                }
                ParsedName::DirectoryName(name) if self.first_directory_name.is_none() => {
                    self.first_directory_name = DistinguishedName::from_der(name.as_raw());
                }
                _ => {}
            }
        }
    }
}

fn extended_usages(usage: &ExtendedKeyUsage<'_>) -> Vec<String> {
    let named = [
        (usage.any, "2.5.29.37.0"),
        (usage.server_auth, "1.3.6.1.5.5.7.3.1"),
        (usage.client_auth, "1.3.6.1.5.5.7.3.2"),
        (usage.code_signing, "1.3.6.1.5.5.7.3.3"),
        (usage.email_protection, "1.3.6.1.5.5.7.3.4"),
        (usage.time_stamping, "1.3.6.1.5.5.7.3.8"),
        (usage.ocsp_signing, "1.3.6.1.5.5.7.3.9"),
    ];
    named
        .into_iter()
        .filter(|(present, _)| *present)
        .map(|(_, oid)| oid.to_owned())
        .chain(usage.other.iter().map(|oid| dotted(oid)))
        .collect()
}

/// The same of a name as it is encoded; in hex when it is malformed.
pub(in crate::pki) fn show_raw_name(name: &Element<'_>) -> String {
    match ParsedName::from_der(name.encoded) {
        Ok(([], parsed)) if !matches!(parsed, ParsedName::Invalid(..)) => show_name(&parsed),
        _ => format!(
            "#{}",
            hex::encode(name.encoded.get(..64).unwrap_or(name.encoded))
        ),
    }
}

pub(in crate::pki) fn show_name(name: &ParsedName<'_>) -> String {
    let show = |kind: &str, value: &str| format!("{kind}:{}", printable(value, 4096));
    match name {
        ParsedName::DNSName(value) => show("DNS", value),
        ParsedName::RFC822Name(value) => show("email", value),
        ParsedName::URI(value) => show("URI", value),
        ParsedName::IPAddress(octets) => match octets.len() {
            4 => <[u8; 4]>::try_from(*octets)
                .map(|octets| show("IP", &std::net::IpAddr::from(octets).to_string()))
                .unwrap_or_default(),
            16 => <[u8; 16]>::try_from(*octets)
                .map(|octets| show("IP", &std::net::IpAddr::from(octets).to_string()))
                .unwrap_or_default(),
            _ => format!("IP:#{}", hex::encode(octets)),
        },
        ParsedName::DirectoryName(name) => DistinguishedName::from_der(name.as_raw())
            .map_or_else(|| "DirName:?".to_owned(), |name| format!("DirName:{name}")),
        ParsedName::RegisteredID(oid) => show("RID", &dotted(oid)),
        ParsedName::OtherName(oid, _) => show("otherName", &dotted(oid)),
        _ => "otherName:?".to_owned(),
    }
}

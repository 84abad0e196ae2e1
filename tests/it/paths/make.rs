//! Certificates and lists that are signed.

use windlass::der;
use windlass::key::{GeneratedKey, KeyType, Scheme, Signer, generate};
use windlass::pki::{Certificate, Crl};

use crate::lint::build::{
    AKI, BC, CRL_NUMBER, Cert, Extension, List, SKI, common_name, entry, ext, int, seq, tlv, utc,
};

/// basicConstraints of a CA.
pub fn basic(length: Option<u8>) -> Vec<u8> {
    let mut parts = vec![tlv(1, &[0xff])];
    parts.extend(length.map(|length| int(&[length])));
    seq(&parts)
}

/// A CA: a name with a key.
pub struct Ca {
    pub name: Vec<u8>,
    key: GeneratedKey,
}

impl Ca {
    pub fn new(name: Vec<u8>) -> Self {
        let key = generate(KeyType::P256, "key").unwrap();
        Self { name, key }
    }

    pub fn named(text: &str) -> Self {
        Self::new(common_name(text))
    }

    /// The same CA with a new key.
    pub fn renewed(&self) -> Self {
        Self::new(self.name.clone())
    }

    fn spki(&self) -> Vec<u8> {
        self.key.key.public_key().spki().to_vec()
    }

    fn identifier(&self) -> Vec<u8> {
        self.key.key.public_key().key_identifier().to_vec()
    }

    /// Puts a signature in the place of the one of the builder.
    fn sign(&self, encoded: &[u8]) -> Vec<u8> {
        let parts = der::sequence(encoded).unwrap();
        let signature = self
            .key
            .key
            .sign(Scheme::EcdsaSha256, parts[0].encoded)
            .unwrap();
        seq(&[
            parts[0].encoded.to_vec(),
            parts[1].encoded.to_vec(),
            tlv(3, &[&[0], &signature[..]].concat()),
        ])
    }

    fn issue(&self, template: Cert, edit: impl FnOnce(&mut Cert)) -> Certificate {
        self.try_issue(template, edit).unwrap()
    }

    /// `None` for what does not decode.
    pub fn try_issue(
        &self,
        mut template: Cert,
        edit: impl FnOnce(&mut Cert),
    ) -> Option<Certificate> {
        template.issuer = self.name.clone();
        template.set(ext(AKI, false, seq(&[tlv(0x80, &self.identifier())])));
        edit(&mut template);
        Certificate::from_der(&self.sign(&template.encode()), "case").ok()
    }

    /// A certificate for another CA.
    pub fn certify(&self, other: &Self, edit: impl FnOnce(&mut Cert)) -> Certificate {
        self.issue(self.template_for(other), edit)
    }

    /// What a certificate for another CA is made of.
    pub fn template_for(&self, other: &Self) -> Cert {
        let mut template = Cert::root();
        template.subject = other.name.clone();
        template.key = other.spki();
        template.serial = int(&[0x11]);
        template.set(ext(SKI, false, tlv(4, &other.identifier())));
        template.set(ext(BC, true, basic(None)));
        template
    }

    pub fn root(&self) -> Certificate {
        self.root_with(|_| {})
    }

    pub fn root_with(&self, edit: impl FnOnce(&mut Cert)) -> Certificate {
        self.certify(self, edit)
    }

    /// A leaf with a key of its own and the serial number 2a.
    pub fn leaf(&self, edit: impl FnOnce(&mut Cert)) -> Certificate {
        let own = Self::named("web-1");
        let mut template = Cert::leaf();
        template.key = own.spki();
        template.serial = int(&[0x2a]);
        template.set(ext(SKI, false, tlv(4, &own.identifier())));
        self.issue(template, edit)
    }

    /// A list with these serial numbers, signed by this CA.
    pub fn list(&self, serials: &[u8], edit: impl FnOnce(&mut List)) -> Crl {
        let entries: Vec<Vec<u8>> = serials.iter().map(|serial| revoked(*serial, &[])).collect();
        let mut list = List::good();
        list.issuer = self.name.clone();
        list.entries = match entries.as_slice() {
            [] => Vec::new(),
            entries => seq(entries),
        };
        list.extensions = vec![
            ext(AKI, false, seq(&[tlv(0x80, &self.identifier())])),
            ext(CRL_NUMBER, false, int(&[7])),
        ];
        edit(&mut list);
        Crl::read_any(&self.sign(&list.encode()), "case").unwrap()
    }
}

/// An entry of a list.
pub fn revoked(serial: u8, extensions: &[Extension]) -> Vec<u8> {
    entry(&[serial], utc("260401000000Z"), extensions)
}

//! Certificates and revocation lists that say whatever a test wants.

/// One DER element.
pub fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let mut encoded = vec![tag];
    match length {
        0..0x80 => encoded.push(u8::try_from(length).unwrap()),
        _ => {
            let octets: Vec<u8> = length
                .to_be_bytes()
                .into_iter()
                .skip_while(|octet| *octet == 0)
                .collect();
            encoded.push(0x80 | u8::try_from(octets.len()).unwrap());
            encoded.extend(octets);
        }
    }
    encoded.extend_from_slice(content);
    encoded
}

pub fn seq(parts: &[Vec<u8>]) -> Vec<u8> {
    tlv(0x30, &parts.concat())
}

pub fn int(content: &[u8]) -> Vec<u8> {
    tlv(0x02, content)
}

pub fn oid(dotted: &str) -> Vec<u8> {
    let arcs: Vec<u64> = dotted.split('.').map(|arc| arc.parse().unwrap()).collect();
    let mut content = Vec::new();
    for arc in std::iter::once(arcs[0] * 40 + arcs[1]).chain(arcs[2..].iter().copied()) {
        let mut octets = vec![u8::try_from(arc & 0x7f).unwrap()];
        let mut rest = arc >> 7;
        while rest > 0 {
            octets.insert(0, 0x80 | u8::try_from(rest & 0x7f).unwrap());
            rest >>= 7;
        }
        content.extend(octets);
    }
    tlv(0x06, &content)
}

pub fn utf8(text: &str) -> Vec<u8> {
    tlv(0x0c, text.as_bytes())
}

pub fn printable(text: &str) -> Vec<u8> {
    tlv(0x13, text.as_bytes())
}

pub fn ia5(text: &str) -> Vec<u8> {
    tlv(0x16, text.as_bytes())
}

pub fn utc(text: &str) -> Vec<u8> {
    tlv(0x17, text.as_bytes())
}

pub fn generalized(text: &str) -> Vec<u8> {
    tlv(0x18, text.as_bytes())
}

/// One attribute of a name.
pub fn pair(kind: &str, value: Vec<u8>) -> Vec<u8> {
    seq(&[oid(kind), value])
}

/// A name with one attribute per RDN.
pub fn name(attributes: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let rdns: Vec<Vec<u8>> = attributes
        .iter()
        .map(|(kind, value)| tlv(0x31, &pair(kind, value.clone())))
        .collect();
    seq(&rdns)
}

pub const CN: &str = "2.5.4.3";
pub const OU: &str = "2.5.4.11";
pub const COUNTRY: &str = "2.5.4.6";
pub const EMAIL: &str = "1.2.840.113549.1.9.1";

pub fn common_name(text: &str) -> Vec<u8> {
    name(&[(CN, utf8(text))])
}

pub fn ecdsa_sha256() -> Vec<u8> {
    seq(&[oid("1.2.840.10045.4.3.2")])
}

pub fn rsa_sha256() -> Vec<u8> {
    seq(&[oid("1.2.840.113549.1.1.11"), tlv(5, &[])])
}

pub fn spki(algorithm: &[Vec<u8>], key: &[u8]) -> Vec<u8> {
    seq(&[seq(algorithm), tlv(3, &[&[0], key].concat())])
}

/// Not a point of the curve; rules look at its form alone.
pub fn point(first: u8, octets: usize) -> Vec<u8> {
    let mut point = vec![7; octets + 1];
    point[0] = first;
    point
}

pub fn ec_key(curve: &str, point: &[u8]) -> Vec<u8> {
    spki(&[oid("1.2.840.10045.2.1"), oid(curve)], point)
}

pub fn rsa_key(modulus: &[u8], exponent: &[u8]) -> Vec<u8> {
    let key = seq(&[int(modulus), int(exponent)]);
    spki(&[oid("1.2.840.113549.1.1.1"), tlv(5, &[])], &key)
}

/// A modulus of so many bits.
pub fn modulus(bits: usize) -> Vec<u8> {
    let mut modulus = vec![0xff; bits.div_ceil(8)];
    modulus[0] = u8::try_from((1_u16 << ((bits - 1) % 8 + 1)) - 1).unwrap();
    if modulus[0] & 0x80 != 0 {
        modulus.insert(0, 0);
    }
    modulus
}

#[derive(Clone)]
pub struct Extension {
    pub oid: Vec<u8>,
    /// `Some(false)` writes the default out.
    pub critical: Option<bool>,
    pub value: Vec<u8>,
}

pub fn ext(id: &str, critical: bool, value: Vec<u8>) -> Extension {
    Extension {
        oid: oid(id),
        critical: critical.then_some(true),
        value,
    }
}

impl Extension {
    fn encode(&self) -> Vec<u8> {
        let mut parts = vec![self.oid.clone()];
        if let Some(critical) = self.critical {
            parts.push(tlv(1, &[if critical { 0xff } else { 0 }]));
        }
        parts.push(tlv(4, &self.value));
        seq(&parts)
    }
}

pub const SKI: &str = "2.5.29.14";
pub const KU: &str = "2.5.29.15";
pub const SAN: &str = "2.5.29.17";
pub const IAN: &str = "2.5.29.18";
pub const BC: &str = "2.5.29.19";
pub const NC: &str = "2.5.29.30";
pub const CRLDP: &str = "2.5.29.31";
pub const POLICIES: &str = "2.5.29.32";
pub const AKI: &str = "2.5.29.35";
pub const EKU: &str = "2.5.29.37";
pub const AIA: &str = "1.3.6.1.5.5.7.1.1";
pub const CLIENT_AUTH: &str = "1.3.6.1.5.5.7.3.2";
pub const ANY_EKU: &str = "2.5.29.37.0";

/// keyUsage with these octets, the count of unused bits first.
pub fn usage(octets: &[u8]) -> Extension {
    ext(KU, true, tlv(3, octets))
}

pub fn purposes(ids: &[&str]) -> Vec<u8> {
    seq(&ids.iter().map(|id| oid(id)).collect::<Vec<_>>())
}

/// A certificate, field by field, each encoded.
#[derive(Clone)]
pub struct Cert {
    pub version: Vec<u8>,
    pub serial: Vec<u8>,
    pub inner: Vec<u8>,
    pub issuer: Vec<u8>,
    pub not_before: Vec<u8>,
    pub not_after: Vec<u8>,
    pub subject: Vec<u8>,
    pub key: Vec<u8>,
    pub unique: Vec<u8>,
    pub extensions: Vec<Extension>,
    pub without_extensions: bool,
    pub outer: Vec<u8>,
    pub tail: Vec<u8>,
}

/// The SHA-1 of the point of every base's key, cut out of its SPKI.
fn ski() -> Vec<u8> {
    use sha2::Digest;
    sha2::Sha256::digest(point(4, 64))[..20].to_vec()
}

impl Cert {
    /// A leaf without a finding.
    pub fn leaf() -> Self {
        Self {
            version: tlv(0xa0, &int(&[2])),
            serial: int(&[0x2a; 16]),
            inner: ecdsa_sha256(),
            issuer: common_name("Test CA"),
            not_before: utc("260101000000Z"),
            not_after: utc("261231235959Z"),
            subject: common_name("web-1"),
            key: ec_key("1.2.840.10045.3.1.7", &point(4, 64)),
            unique: Vec::new(),
            extensions: vec![
                ext(BC, true, seq(&[])),
                usage(&[7, 0x80]),
                ext(EKU, false, purposes(&[CLIENT_AUTH])),
                ext(SKI, false, tlv(4, &ski())),
                ext(AKI, false, seq(&[tlv(0x80, &[9; 20])])),
            ],
            without_extensions: false,
            outer: ecdsa_sha256(),
            tail: Vec::new(),
        }
    }

    /// A root without a finding.
    pub fn root() -> Self {
        Self {
            subject: common_name("Test CA"),
            extensions: vec![
                ext(BC, true, seq(&[tlv(1, &[0xff])])),
                usage(&[1, 0x06]),
                ext(SKI, false, tlv(4, &ski())),
            ],
            ..Self::leaf()
        }
    }

    /// Puts an extension in the place of the one with the same id, or at the end.
    pub fn set(&mut self, extension: Extension) {
        match self
            .extensions
            .iter_mut()
            .find(|one| one.oid == extension.oid)
        {
            Some(one) => *one = extension,
            None => self.extensions.push(extension),
        }
    }

    pub fn drop(&mut self, id: &str) {
        self.extensions.retain(|one| one.oid != oid(id));
    }

    pub fn encode(&self) -> Vec<u8> {
        let extensions: Vec<Vec<u8>> = self.extensions.iter().map(Extension::encode).collect();
        let mut fields = vec![
            self.version.clone(),
            self.serial.clone(),
            self.inner.clone(),
            self.issuer.clone(),
            seq(&[self.not_before.clone(), self.not_after.clone()]),
            self.subject.clone(),
            self.key.clone(),
            self.unique.clone(),
        ];
        if !self.without_extensions {
            fields.push(tlv(0xa3, &seq(&extensions)));
        }
        let signature = tlv(3, &[0, 1, 2, 3]);
        let mut encoded = seq(&[seq(&fields), self.outer.clone(), signature]);
        encoded.extend(&self.tail);
        encoded
    }
}

/// A revocation list, field by field.
#[derive(Clone)]
pub struct List {
    pub version: Vec<u8>,
    pub inner: Vec<u8>,
    pub issuer: Vec<u8>,
    pub this_update: Vec<u8>,
    pub next_update: Vec<u8>,
    /// The SEQUENCE of entries, or nothing.
    pub entries: Vec<u8>,
    pub extensions: Vec<Extension>,
    pub outer: Vec<u8>,
}

pub const CRL_NUMBER: &str = "2.5.29.20";
pub const REASON: &str = "2.5.29.21";
pub const INVALIDITY: &str = "2.5.29.24";
pub const DELTA: &str = "2.5.29.27";
pub const IDP: &str = "2.5.29.28";

/// An entry of a list.
pub fn entry(serial: &[u8], date: Vec<u8>, extensions: &[Extension]) -> Vec<u8> {
    let mut parts = vec![int(serial), date];
    if !extensions.is_empty() {
        parts.push(seq(&extensions
            .iter()
            .map(Extension::encode)
            .collect::<Vec<_>>()));
    }
    seq(&parts)
}

/// An entry with a reason.
pub fn reason(code: u8) -> Vec<u8> {
    entry(
        &[0x2a; 16],
        utc("260401000000Z"),
        &[ext(REASON, false, tlv(10, &[code]))],
    )
}

impl List {
    /// A list without a finding.
    pub fn good() -> Self {
        Self {
            version: int(&[1]),
            inner: ecdsa_sha256(),
            issuer: common_name("Test CA"),
            this_update: utc("260501000000Z"),
            next_update: utc("260701000000Z"),
            entries: seq(&[reason(1)]),
            extensions: vec![
                ext(AKI, false, seq(&[tlv(0x80, &[9; 20])])),
                ext(CRL_NUMBER, false, int(&[7])),
            ],
            outer: ecdsa_sha256(),
        }
    }

    pub fn set(&mut self, extension: Extension) {
        match self
            .extensions
            .iter_mut()
            .find(|one| one.oid == extension.oid)
        {
            Some(one) => *one = extension,
            None => self.extensions.push(extension),
        }
    }

    pub fn drop(&mut self, id: &str) {
        self.extensions.retain(|one| one.oid != oid(id));
    }

    pub fn encode(&self) -> Vec<u8> {
        let extensions: Vec<Vec<u8>> = self.extensions.iter().map(Extension::encode).collect();
        let mut fields = vec![
            self.version.clone(),
            self.inner.clone(),
            self.issuer.clone(),
            self.this_update.clone(),
            self.next_update.clone(),
            self.entries.clone(),
        ];
        if !extensions.is_empty() {
            fields.push(tlv(0xa0, &seq(&extensions)));
        }
        seq(&[seq(&fields), self.outer.clone(), tlv(3, &[0, 1, 2, 3])])
    }
}

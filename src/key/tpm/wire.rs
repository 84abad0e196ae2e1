//! Reading and writing the byte forms of TPM 2.0 structures, and the numbers in
//! them (TCG TPM 2.0 Library, part 2: big endian, no padding).

/// Walks a structure from its front; `None` when it ends too early.
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (front, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(front)
    }

    pub(super) fn u8(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        let (front, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u16::from_be_bytes(*front))
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        let (front, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u32::from_be_bytes(*front))
    }

    /// The content of a `TPM2B_…`: two octets of length, then so many.
    pub(super) fn sized(&mut self) -> Option<&'a [u8]> {
        let length = usize::from(self.u16()?);
        self.take(length)
    }

    /// Everything that is left.
    pub(super) const fn rest(self) -> &'a [u8] {
        self.0
    }

    /// `Some` when nothing is left.
    pub(super) fn end(self) -> Option<()> {
        self.0.is_empty().then_some(())
    }
}

/// Puts a structure together from its front.
#[derive(Default)]
pub(super) struct Writer(Vec<u8>);

impl Writer {
    pub(super) fn u8(mut self, value: u8) -> Self {
        self.0.push(value);
        self
    }

    pub(super) fn u16(mut self, value: u16) -> Self {
        self.0.extend(value.to_be_bytes());
        self
    }

    pub(super) fn u32(mut self, value: u32) -> Self {
        self.0.extend(value.to_be_bytes());
        self
    }

    pub(super) fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend(bytes);
        self
    }

    /// A `TPM2B_…`.
    pub(super) fn sized(self, content: &[u8]) -> Self {
        // What is sent came out of a sized field or is short; a longer one
        // makes a command above `limits::MAX_TPM_COMMAND`, which is not sent.
        self.u16(u16::try_from(content.len()).unwrap_or(u16::MAX))
            .raw(content)
    }

    pub(super) fn done(self) -> Vec<u8> {
        self.0
    }
}

/// A count of octets as the 32-bit number that precedes them.
pub(super) fn length32(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX)
}

/// `TPM_ALG_ID` (part 2, 6.3).
pub(super) mod alg {
    pub(in super::super) const RSA: u16 = 0x0001;
    pub(in super::super) const SHA1: u16 = 0x0004;
    pub(in super::super) const AES: u16 = 0x0006;
    pub(in super::super) const KEYEDHASH: u16 = 0x0008;
    pub(in super::super) const SHA256: u16 = 0x000b;
    pub(in super::super) const SHA384: u16 = 0x000c;
    pub(in super::super) const SHA512: u16 = 0x000d;
    pub(in super::super) const NULL: u16 = 0x0010;
    pub(in super::super) const RSASSA: u16 = 0x0014;
    pub(in super::super) const RSAES: u16 = 0x0015;
    pub(in super::super) const RSAPSS: u16 = 0x0016;
    pub(in super::super) const OAEP: u16 = 0x0017;
    pub(in super::super) const ECDSA: u16 = 0x0018;
    pub(in super::super) const ECDH: u16 = 0x0019;
    pub(in super::super) const ECDAA: u16 = 0x001a;
    pub(in super::super) const SM2: u16 = 0x001b;
    pub(in super::super) const ECSCHNORR: u16 = 0x001c;
    pub(in super::super) const ECC: u16 = 0x0023;
    pub(in super::super) const SYMCIPHER: u16 = 0x0025;
    pub(in super::super) const CFB: u16 = 0x0043;
}

/// `TPM_ECC_CURVE` (part 2, 6.4).
pub(super) mod curve {
    pub(in super::super) const P256: u16 = 0x0003;
    pub(in super::super) const P384: u16 = 0x0004;
    pub(in super::super) const P521: u16 = 0x0005;
}

/// `TPM_CC` (part 2, 6.5.2).
pub(super) mod cc {
    pub(in super::super) const CREATE_PRIMARY: u32 = 0x131;
    pub(in super::super) const LOAD: u32 = 0x157;
    pub(in super::super) const SIGN: u32 = 0x15d;
    pub(in super::super) const FLUSH_CONTEXT: u32 = 0x165;
    pub(in super::super) const READ_PUBLIC: u32 = 0x173;
    pub(in super::super) const START_AUTH_SESSION: u32 = 0x176;
    pub(in super::super) const GET_CAPABILITY: u32 = 0x17a;
    pub(in super::super) const HASH: u32 = 0x17d;
}

/// `TPM_ST` (part 2, 6.9).
pub(super) mod st {
    pub(in super::super) const NO_SESSIONS: u16 = 0x8001;
    pub(in super::super) const SESSIONS: u16 = 0x8002;
    pub(in super::super) const HASHCHECK: u16 = 0x8024;
}

/// `TPM_RH` (part 2, 7.4).
pub(super) mod rh {
    pub(in super::super) const OWNER: u32 = 0x4000_0001;
    pub(in super::super) const NULL: u32 = 0x4000_0007;
    pub(in super::super) const PASSWORD: u32 = 0x4000_0009;
    pub(in super::super) const ENDORSEMENT: u32 = 0x4000_000b;
    pub(in super::super) const PLATFORM: u32 = 0x4000_000c;
}

/// `TPM_CAP` and `TPM_PT` (part 2, 6.12 and 6.13).
pub(super) mod property {
    pub(in super::super) const CAPABILITY: u32 = 6;
    pub(in super::super) const LOCKOUT_COUNTER: u32 = 0x20e;
    pub(in super::super) const MAX_AUTH_FAIL: u32 = 0x20f;
}

/// `TPMA_OBJECT` (part 2, 8.3.3.1).
pub(super) mod attribute {
    pub(in super::super) const FIXED_TPM: u32 = 1 << 1;
    pub(in super::super) const FIXED_PARENT: u32 = 1 << 4;
    pub(in super::super) const SENSITIVE_DATA_ORIGIN: u32 = 1 << 5;
    pub(in super::super) const USER_WITH_AUTH: u32 = 1 << 6;
    pub(in super::super) const NO_DA: u32 = 1 << 10;
    pub(in super::super) const RESTRICTED: u32 = 1 << 16;
    pub(in super::super) const DECRYPT: u32 = 1 << 17;
    pub(in super::super) const SIGN: u32 = 1 << 18;
    pub(in super::super) const X509_SIGN: u32 = 1 << 19;
}

//! A request as it arrived, before anything in it is believed.

use chrono::{DateTime, NaiveDateTime, Timelike, Utc};

/// How `X-Amz-Date` is written.
pub(super) const DATE_FORM: &str = "%Y%m%dT%H%M%SZ";

/// An HTTP request with everything that a signature covers, byte for byte.
#[derive(Clone, Debug)]
pub struct Received {
    /// The method.
    pub method: String,
    /// The path, as on the wire.
    pub path: String,
    /// The query, as on the wire, without `?`; empty when there is none.
    pub query: String,
    /// The headers in order of appearance, names in lowercase.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Received {
    /// All values of a header, in order.
    pub fn values<'a, 'n>(&'a self, name: &'n str) -> impl Iterator<Item = &'a [u8]> + use<'a, 'n> {
        self.headers
            .iter()
            .filter(move |(other, _)| other == name)
            .map(|(_, value)| value.as_slice())
    }

    /// The value of a header that must stand exactly once and be ASCII text.
    ///
    /// # Errors
    ///
    /// A sentence that says what is wrong.
    pub fn single<'a>(&'a self, name: &str) -> Result<&'a str, String> {
        let mut values = self.values(name);
        match (values.next(), values.next()) {
            (None, _) => Err(format!("the header {name} is missing")),
            (Some(_), Some(_)) => Err(format!("the header {name} stands more than once")),
            (Some(value), None) => std::str::from_utf8(value)
                .ok()
                .filter(|text| text.is_ascii())
                .ok_or_else(|| format!("the header {name} is not ASCII")),
        }
    }

    /// The region in the scope of an ordinary signature, which is not verified yet.
    pub(super) fn signed_region(&self) -> Option<&str> {
        self.scope_part(2)
    }

    /// The service in that scope.
    pub(super) fn signed_service(&self) -> Option<&str> {
        self.scope_part(3)
    }

    fn scope_part(&self, index: usize) -> Option<&str> {
        let authorization = self.single("authorization").ok()?;
        let fields = authorization.strip_prefix("AWS4-HMAC-SHA256 ")?;
        let mut fields = fields.split(',').map(str::trim);
        let credential = fields.find_map(|field| field.strip_prefix("Credential="))?;
        credential.split('/').nth(index)
    }

    /// The time of `X-Amz-Date`, and its text, which is what was signed.
    ///
    /// # Errors
    ///
    /// A sentence that says what is wrong.
    pub(super) fn amz_date(&self) -> Result<(DateTime<Utc>, String), String> {
        let text = self.single("x-amz-date")?.to_owned();
        // The parser skips blanks and knows leap seconds; the round trip does
        // not.
        let date = NaiveDateTime::parse_from_str(&text, DATE_FORM)
            .ok()
            .filter(|date| date.nanosecond() == 0)
            .filter(|date| date.format(DATE_FORM).to_string() == text)
            .ok_or("X-Amz-Date is not YYYYMMDDTHHMMSSZ")?
            .and_utc();
        Ok((date, text))
    }
}

/// Decodes `%XX` in one component of a query. `None` for a `%` that is not
/// followed by two hex digits.
pub(super) fn percent_decode(text: &str) -> Option<Vec<u8>> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let high = char::from(bytes.next()?).to_digit(16)?;
            let low = char::from(bytes.next()?).to_digit(16)?;
            decoded.push(u8::try_from(high << 4 | low).ok()?);
        } else {
            decoded.push(byte);
        }
    }
    Some(decoded)
}

/// Splits a query into decoded names and values.
pub(super) fn query_pairs(query: &str) -> Option<Vec<(Vec<u8>, Vec<u8>)>> {
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Some((percent_decode(name)?, percent_decode(value)?))
        })
        .collect()
}

/// Splits an `application/x-www-form-urlencoded` text into decoded names and
/// values; `+` is a blank there. `None` for what is no such text.
pub(super) fn form_pairs(text: &str) -> Option<Vec<(String, String)>> {
    query_pairs(&text.replace('+', "%20"))?
        .into_iter()
        .map(|(name, value)| {
            Some((
                String::from_utf8(name).ok()?,
                String::from_utf8(value).ok()?,
            ))
        })
        .collect()
}

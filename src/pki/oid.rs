//! Object identifiers in their dotted form.

use x509_parser::der_parser::oid::Oid;

/// The dotted form. Arcs that 64 bits hold are written here: the parser's own way
/// builds a number of any size for each, which is much of the time that reading a
/// certificate takes.
pub(super) fn dotted(oid: &Oid<'_>) -> String {
    short(oid.as_bytes()).unwrap_or_else(|| oid.to_id_string())
}

/// `None` for arcs that are larger, for one without its end (X.690 section 8.19),
/// and for what is shorter than any identifier.
fn short(content: &[u8]) -> Option<String> {
    if content.len() < 2 {
        return None;
    }
    let mut text = String::with_capacity(content.len() * 4);
    let mut arc: u64 = 0;
    let mut is_open = true;
    for octet in content {
        arc = arc.checked_mul(0x80)? | u64::from(octet & 0x7f);
        is_open = octet & 0x80 != 0;
        if is_open {
            continue;
        }
        if text.is_empty() {
            // The first two arcs share one number, which no known identifier has
            // larger than this.
            if arc >= 120 {
                return None;
            }
            push_decimal(&mut text, arc / 40);
            arc %= 40;
        }
        text.push('.');
        push_decimal(&mut text, arc);
        arc = 0;
    }
    (!is_open).then_some(text)
}

/// Without the formatter, which for a digit or two takes longer than all else.
fn push_decimal(text: &mut String, number: u64) {
    if number >= 10 {
        push_decimal(text, number / 10);
    }
    let digit = u32::try_from(number % 10).unwrap_or(0);
    text.extend(char::from_digit(digit, 10));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dotted_form_is_the_parsers() {
        for content in [
            &b"\x55\x1d\x0f"[..],
            b"\x2a\x86\x48\xce\x3d\x04\x03\x02",
            b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b",
            b"\x60\x86\x48\x01\x65\x03\x04\x03\x11",
            b"\x88\x37\x03",
            b"\x00",
            b"\x27\x00",
            b"\x28",
            b"\x2a\xff\xff\xff\xff\xff\xff\xff\xff\x7f",
            b"\x2a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f",
        ] {
            let oid = Oid::new(content.into());
            assert_eq!(dotted(&oid), oid.to_id_string(), "{content:02x?}");
        }
    }
}

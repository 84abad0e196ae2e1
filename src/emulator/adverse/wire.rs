//! Answers as other servers would write them: header names in any case and
//! order, a length, chunks or neither, and the end of the connection.

use fastrand::Rng;

use super::{REQUEST_IDS, pick};
use crate::emulator::draft::Draft;

/// The bytes of an answer behind which the connection is closed.
pub(super) fn bytes(random: &mut Rng, draft: &Draft) -> Vec<u8> {
    let mut headers: Vec<(String, String)> = draft
        .headers()
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
    for (name, _) in &mut headers {
        if name == REQUEST_IDS[0] {
            *name = pick(random, &REQUEST_IDS).to_owned();
        }
    }
    headers.push(("connection".to_owned(), "close".to_owned()));
    let body = match random.u8(..3) {
        0 => {
            headers.push(("content-length".to_owned(), draft.body.len().to_string()));
            draft.body.clone().into_bytes()
        }
        1 => {
            headers.push(("transfer-encoding".to_owned(), "chunked".to_owned()));
            chunks(random, draft.body.as_bytes())
        }
        // It ends where the connection does (RFC 9112, section 6.3).
        _ => draft.body.clone().into_bytes(),
    };
    random.shuffle(&mut headers);
    let mut wire = draft.status_line();
    for (name, value) in headers {
        let blank = pick(random, &["", " ", " ", "  "]);
        wire.push_str(&format!("{}:{blank}{value}\r\n", cased(random, &name)));
    }
    wire.push_str("\r\n");
    let mut wire = wire.into_bytes();
    wire.extend(body);
    wire
}

fn chunks(random: &mut Rng, mut rest: &[u8]) -> Vec<u8> {
    let mut wire = Vec::new();
    while !rest.is_empty() {
        let (chunk, after) = rest.split_at(random.usize(1..=rest.len()));
        wire.extend(format!("{:x}\r\n", chunk.len()).into_bytes());
        wire.extend(chunk);
        wire.extend(b"\r\n");
        rest = after;
    }
    wire.extend(b"0\r\n\r\n");
    wire
}

/// As it is, in capitals, or with a capital in front of each word.
fn cased(random: &mut Rng, name: &str) -> String {
    match random.u8(..3) {
        0 => name.to_owned(),
        1 => name.to_ascii_uppercase(),
        _ => {
            let words = name.split('-').map(|word| {
                let (first, rest) = word.split_at(word.len().min(1));
                first.to_ascii_uppercase() + rest
            });
            words.collect::<Vec<_>>().join("-")
        }
    }
}

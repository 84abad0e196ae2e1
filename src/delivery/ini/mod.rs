//! AWS's shared files, `credentials` and `config`, as bytes: one section's keys
//! are set or removed, and every other byte stays as it was.
//!
//! A file is read as botocore does (Python's `RawConfigParser`), which refuses
//! the whole file for one bad line, and edited only where the other SDKs read
//! it in the same way (AWS SDKs and Tools reference guide, "Using shared config
//! and credentials files"). No error shows any text of the file: it may be a
//! secret.

mod edit;
mod profile;
mod reader;

pub use edit::{Change, Edited, edit};
pub use profile::{Place, ProfileName, ProfileNameError};
pub use reader::{Document, Entry, Section};

/// Why a file is not edited. Nothing of it has been changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A line that botocore refuses, or that SDKs read in different ways.
    #[error("line {line}: {problem}")]
    Line {
        /// Its number, from one.
        line: usize,
        /// What is wrong with it.
        problem: Problem,
    },
    /// A value that no line of such a file can hold.
    #[error("the new value of {key} cannot stand in the file: it is empty, or holds {what}")]
    Value {
        /// The key.
        key: String,
        /// What cannot be written.
        what: &'static str,
    },
    /// Read back, the edited file would not say what it should. No file is known
    /// for which this happens.
    #[error("the file cannot be edited without changing what its other lines mean")]
    Unsafe,
}

/// What is wrong with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// Something before the first `[section]`.
    #[error("this stands before the first [section]")]
    BeforeFirstSection,
    /// Text after the first `]` of a header that holds another one.
    #[error("a second ']' stands behind the section's name, which SDKs read in different ways")]
    Bracket,
    /// The byte order mark of some editors.
    #[error("the file begins with a byte order mark, which SDKs take for text")]
    ByteOrderMark,
    /// A carriage return that no line feed follows.
    #[error("a carriage return stands alone, which SDKs read in different ways")]
    CarriageReturn,
    /// A key that botocore sees in every section.
    #[error("the section [DEFAULT] gives this key to every profile")]
    Defaults,
    /// The same key twice.
    #[error("the same key as on line {first}")]
    DuplicateKey {
        /// The other line.
        first: usize,
    },
    /// The same section twice.
    #[error("the same section as on line {first}")]
    DuplicateSection {
        /// The other line.
        first: usize,
    },
    /// A header that is indented below a key.
    #[error("an indented [section] belongs to the key above it for some SDKs only")]
    IndentedHeader,
    /// A nested line without `=`.
    #[error("a line of a nested block has no '='")]
    Nested,
    /// Neither header nor key.
    #[error("neither a [section] nor a key with '='")]
    NoDelimiter,
    /// A delimiter without a key before it.
    #[error("no key stands before the '='")]
    NoKey,
    /// More lines than [`crate::limits::MAX_SHARED_LINES`].
    #[error("the file has more than {max} lines")]
    TooManyLines {
        /// How many there may be.
        max: usize,
    },
    /// A `[` that makes no header.
    #[error("this begins like a [section], but has no closing ']' or no name")]
    Unclosed,
    /// No text file.
    #[error("a zero byte: this is no text file")]
    ZeroByte,
}

impl Problem {
    const fn on(self, line: usize) -> Refusal {
        Refusal::Line {
            line,
            problem: self,
        }
    }
}

//! What to do about AWS's shared files.

use crate::commands::Outcome;
use crate::delivery::CredentialsFileError;
use crate::delivery::ini::{Problem, Refusal};

pub(super) fn of_credentials_file(error: &CredentialsFileError) -> Outcome {
    match error {
        CredentialsFileError::LongLived { .. } => Outcome::Usage,
        CredentialsFileError::NotText => Outcome::Failed,
        CredentialsFileError::Refused(refusal) => of_refusal(refusal),
    }
}

pub(super) fn hint_credentials_file(error: &CredentialsFileError) -> Option<String> {
    match error {
        CredentialsFileError::LongLived { .. } => Some(
            "nothing was changed; name another --profile, or give --force if this key is not needed any more or kept elsewhere".to_owned(),
        ),
        CredentialsFileError::NotText => None,
        CredentialsFileError::Refused(refusal) => hint_refusal(refusal),
    }
}

pub(super) const fn of_refusal(refusal: &Refusal) -> Outcome {
    match refusal {
        Refusal::Line { .. } | Refusal::Value { .. } => Outcome::Usage,
        Refusal::Unsafe => Outcome::Failed,
    }
}

pub(super) fn hint_refusal(refusal: &Refusal) -> Option<String> {
    let text = match refusal {
        Refusal::Line { problem, .. } => match problem {
            Problem::BeforeFirstSection
            | Problem::DuplicateKey { .. }
            | Problem::Nested
            | Problem::NoDelimiter
            | Problem::NoKey => {
                "nothing was changed; boto3 and the AWS CLI refuse the whole file for it too: mend the line"
            }
            Problem::Bracket => {
                "nothing was changed; put what stands behind the header on a line of its own"
            }
            Problem::ByteOrderMark => {
                "nothing was changed; remove it with: sed -i '1s/^\\xef\\xbb\\xbf//' FILE"
            }
            Problem::CarriageReturn => "nothing was changed; end the line with a line feed",
            Problem::Defaults => {
                "nothing was changed; boto3 would take it and not the new session token: remove the line"
            }
            Problem::DuplicateSection { .. } => {
                "nothing was changed; put the keys of both into one section"
            }
            Problem::IndentedHeader => "nothing was changed; remove the blanks before the header",
            Problem::Unclosed => {
                "nothing was changed; boto3 and the AWS CLI refuse the whole file for it too: write it as [NAME]"
            }
            Problem::TooManyLines { .. } => "nothing was changed; is this the right file?",
            Problem::ZeroByte => "nothing was changed; is this the right file, and is it UTF-8?",
        },
        Refusal::Unsafe => {
            "nothing was changed; please report what the file looks like, without its secrets"
        }
        Refusal::Value { .. } => {
            "nothing was changed; move the file to a name without such characters"
        }
    };
    Some(text.to_owned())
}

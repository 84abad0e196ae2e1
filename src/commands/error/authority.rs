//! What the errors of the authority mean for the user.

use crate::authority::{self, ListError, Role};
use crate::commands::Outcome;

use super::install::hint_flaw;
use super::key_error::{hint_key, of_key};
use super::pki_error::{hint_pki, of_pki};
use super::rollover::{hint_rollover, of_rollover};
use super::store_error::{hint_store, of_store};

pub(super) fn of_authority(error: &authority::Error) -> Outcome {
    match error {
        authority::Error::BackupUnfit {
            source: Some(source),
            ..
        } => of_authority(source),
        authority::Error::BackupOlder { .. }
        | authority::Error::BackupUnfit { source: None, .. }
        | authority::Error::CaKeyMismatch { .. }
        | authority::Error::CaKeyNotEncrypted { .. }
        | authority::Error::CaNotValid { .. }
        | authority::Error::CertificateUnfit { .. }
        | authority::Error::CaRevoked { .. }
        | authority::Error::ClockAhead { .. }
        | authority::Error::ClockBehind { .. }
        | authority::Error::Foreign { .. }
        | authority::Error::KeyPlace { .. }
        | authority::Error::KeyUnfit { .. }
        | authority::Error::List(
            ListError::Ahead { .. }
            | ListError::Foreign { .. }
            | ListError::NumbersUsedUp { .. }
            | ListError::TooFar { .. }
            | ListError::Unreadable { .. },
        )
        | authority::Error::NotIssued { .. }
        | authority::Error::NotActive { .. }
        | authority::Error::OtherFingerprint { .. }
        | authority::Error::Path(_) => Outcome::Unusable,
        authority::Error::BatchRunning { .. } | authority::Error::PassphraseChanging { .. } => {
            Outcome::Temporary
        }
        // What the log of the CA calls a refusal, by the policy or for a key.
        authority::Error::KeyRefused { .. } | authority::Error::Refused(_) => Outcome::Refused,
        authority::Error::Key(error) => of_key(error),
        authority::Error::BatchKeyLost { .. }
        | authority::Error::Incomplete { .. }
        | authority::Error::Lint { .. }
        | authority::Error::NotFound { .. }
        | authority::Error::NotHeld { .. } => Outcome::Failed,
        authority::Error::Awaiting { .. }
        | authority::Error::AuthorityMeant { .. }
        | authority::Error::BatchFile { .. }
        | authority::Error::BatchOccupied { .. }
        | authority::Error::BatchRow { .. }
        | authority::Error::BatchWithoutDirectory
        | authority::Error::CheckpointFile { .. }
        | authority::Error::InsideAuthority { .. }
        | authority::Error::InvalidSince { .. }
        | authority::Error::NoAuthority { .. }
        | authority::Error::NoAuthorityNamed { .. }
        | authority::Error::NoDefaultProfile { .. }
        | authority::Error::NoPlaceForKey
        | authority::Error::NoProfile { .. }
        | authority::Error::NotForAuthority { .. }
        | authority::Error::NothingRequested { .. }
        | authority::Error::Policy { .. }
        | authority::Error::PolicyExposed { .. }
        | authority::Error::RequestDiffers { .. }
        | authority::Error::RequestedName { .. }
        | authority::Error::RootAlone { .. }
        | authority::Error::RootApart { .. }
        | authority::Error::RequestRevoked { .. }
        | authority::Error::RootRevoked
        | authority::Error::SeveralNamed { .. }
        | authority::Error::Validity { .. } => Outcome::Usage,
        authority::Error::Pki(error) => of_pki(error),
        authority::Error::Random => Outcome::Failed,
        authority::Error::Rollover(error) => of_rollover(error),
        authority::Error::Store(error) => of_store(error),
    }
}

pub(in crate::commands) fn hint_authority(error: &authority::Error) -> Option<String> {
    match error {
        authority::Error::Awaiting { path, request } => Some(format!(
            "have {} signed on the machine of the root, 'windlass ca sign-ca --dir ROOT --csr request.pem --out issuing.pem', and then type: windlass ca install --dir {} --cert issuing.pem",
            request.display(),
            path.display()
        )),
        authority::Error::BackupOlder { .. } => Some(
            "nothing was restored; take a newer backup if there is one. With --accept-older this one is restored, and the list's number and revocations are taken over".to_owned(),
        ),
        authority::Error::BackupUnfit { .. } => Some(
            "nothing was written; use another backup, or look at the CA that it is of, on its machine: 'windlass ca check --dir CA --deep'".to_owned(),
        ),
        authority::Error::CertificateUnfit { part, flaw, .. } => Some(hint_flaw(*part, flaw)),
        authority::Error::CheckpointFile { .. } => Some(
            "give the file that 'windlass ca audit checkpoint --out FILE' has made".to_owned(),
        ),
        authority::Error::NotIssued { .. } => Some(
            "nothing was restored; leave it out".to_owned(),
        ),
        authority::Error::CaKeyMismatch { .. }
        | authority::Error::CaKeyNotEncrypted { .. }
        | authority::Error::Foreign { .. } => Some(
            "one of the two was replaced; restore the CA directory from its backup".to_owned(),
        ),
        authority::Error::CaNotValid { which, .. } => Some(match which.role() {
            Role::Issuing => "is this host's clock right? An expired CA issues nothing; 'windlass ca rollover prepare' makes the next issuing CA under the same root".to_owned(),
            Role::Root => "is this host's clock right? An expired CA issues nothing; make a new one with 'windlass ca init --dir NEW --name NAME' and give its trust-anchor.pem to Roles Anywhere beside the old one".to_owned(),
        }),
        authority::Error::ClockAhead { .. } | authority::Error::ClockBehind { .. } => Some(
            "look at the clock of this host ('date -u'); if it is right, say so with --accept-clock, which the audit log keeps".to_owned(),
        ),
        authority::Error::BatchFile { .. } => {
            Some("nothing was issued; 'windlass ca issue --help' says what a batch is".to_owned())
        }
        authority::Error::BatchOccupied { .. } => Some(
            "nothing was changed there; move the file away, or give --out another directory"
                .to_owned(),
        ),
        authority::Error::BatchRow { .. } => None,
        authority::Error::BatchKeyLost { serial, .. } => Some(format!(
            "give --out the directory in which the batch was delivered; only where the key is lost, revoke the certificate, 'windlass ca revoke {serial} --reason superseded', and give the row another id, so that it gets a new key"
        )),
        authority::Error::RequestDiffers { .. } => Some(
            "give the row another id; under one id nothing is issued twice".to_owned(),
        ),
        authority::Error::RequestRevoked { serial, .. } => Some(format!(
            "give the row another id if a new certificate is meant; one on hold can be released with 'windlass ca release {serial}'"
        )),
        authority::Error::BatchRunning { .. } | authority::Error::PassphraseChanging { .. } => {
            Some("wait until it has ended, and run the same command again".to_owned())
        }
        authority::Error::BatchWithoutDirectory => Some(
            "give --out DIR, in which each row gets a directory, or --json and a key for every row".to_owned(),
        ),
        authority::Error::Key(error) => hint_key(error),
        authority::Error::Incomplete { path, .. } => Some(format!(
            "restore {} from its backup; do not make a new CA over it",
            path.display()
        )),
        authority::Error::Lint { .. } => Some(
            "this is a fault of windlass: please report it with the command line; 'windlass ca list' shows the serial number as abandoned".to_owned(),
        ),
        authority::Error::NoAuthority { occupied: true, .. } => Some(
            "is --dir right? A CA's directory holds inventory.db, root and issuing".to_owned(),
        ),
        authority::Error::NoAuthority { path, .. } => Some(format!(
            "make one with: windlass ca init --dir {} --name NAME",
            path.display()
        )),
        authority::Error::KeyPlace { .. } => Some(
            "restore it from a backup of the CA; 'windlass ca init --help' says what it names"
                .to_owned(),
        ),
        authority::Error::KeyUnfit { .. } => Some(
            "name a key in a token (pkcs11:URI, with pin-source= for its PIN) or in a TPM (handle:0xHHHHHHHH or its key file); without the option a new key is made and encrypted"
                .to_owned(),
        ),
        authority::Error::KeyRefused { .. } => {
            Some("make a new key, and a new request with it".to_owned())
        }
        authority::Error::NoDefaultProfile { known } => Some(format!(
            "name one with --profile, or write default = \"NAME\" into ca.toml; there are {}",
            known.join(", ")
        )),
        authority::Error::NoPlaceForKey => Some("nothing was issued; give --out a new directory".to_owned()),
        authority::Error::NoProfile { known, .. } if known.is_empty() => Some(
            "profiles stand in the file ca.toml of the CA's directory, and this CA has none"
                .to_owned(),
        ),
        authority::Error::NoProfile { known, .. } => {
            Some(format!("there are {}", known.join(", ")))
        }
        authority::Error::Policy { .. } => Some(
            "mend this line; until then nothing is issued under the policy, and 'windlass ca policy check --help' says what can stand there"
                .to_owned(),
        ),
        authority::Error::PolicyExposed { path, .. } => Some(format!(
            "whoever writes it decides what is issued: chmod go-w {}",
            path.display()
        )),
        authority::Error::NothingRequested { .. } => Some(
            "'windlass ca init --offline-root --dir NEW --name NAME' makes a CA that waits for one; is --dir right?".to_owned(),
        ),
        authority::Error::OtherFingerprint { .. } => Some(
            "nothing was done: somebody may have exchanged the file on its way; compare again what the two machines show".to_owned(),
        ),
        authority::Error::RootAlone { .. } => Some(
            "it certifies issuing CAs, 'windlass ca sign-ca --csr FILE --out FILE'; those issue".to_owned(),
        ),
        authority::Error::RootApart { .. } => Some(
            "type it on the machine of the root, with --dir naming the directory there; what is made here is a request ('windlass ca rollover prepare'), which an old or a new root grants".to_owned(),
        ),
        authority::Error::Refused(_) => Some(
            "nothing was issued; 'windlass ca policy show' prints what is allowed".to_owned(),
        ),
        authority::Error::RequestedName { .. } => Some(
            "say another with --cn, --organization, --ou or --san, or make another request"
                .to_owned(),
        ),
        authority::Error::InvalidSince { .. } => Some(
            "give --invalid-since a time in the past, as 2026-11-20T08:00:00Z; without it the revocation counts from now".to_owned(),
        ),
        authority::Error::List(error) => Some(hint_list(error).to_owned()),
        authority::Error::AuthorityMeant { serial, .. } => Some(format!(
            "nothing was revoked. When the root's list says so, every certificate that it has issued is refused, and it issues none any more; if that is meant: windlass ca revoke {serial} --ca --reason cACompromise"
        )),
        authority::Error::CaRevoked { .. } => Some(
            "nothing was issued, for everybody who knows the root's list refuses it; 'windlass ca rollover prepare' makes the next issuing CA".to_owned(),
        ),
        authority::Error::InsideAuthority { .. } => Some(
            "nothing was written; the CA's directory holds what belongs to the CA alone: give another place".to_owned(),
        ),
        authority::Error::NoAuthorityNamed { known, .. } => {
            let known: Vec<String> = known.iter().map(ToString::to_string).collect();
            Some(match known.as_slice() {
                [] => "it has no certificate yet".to_owned(),
                known => format!("there are {}", known.join(", ")),
            })
        }
        authority::Error::NotActive { .. } => Some(
            "'windlass ca rollover status' says what is there, and what to do next".to_owned(),
        ),
        authority::Error::Rollover(error) => Some(hint_rollover(error)),
        authority::Error::NotForAuthority { .. } => Some(
            "nothing was signed; a workload's request is signed by an issuing CA, 'windlass ca sign --dir CA --csr FILE --out FILE'. If it is a CA's all the same, as its key's SHA-256 shows, give --force"
                .to_owned(),
        ),
        authority::Error::NotFound { which }
            if which.len() > 20 && which.bytes().all(|octet| octet.is_ascii_digit()) =>
        {
            Some("serial numbers are written in hex here, as 'windlass ca list' shows them; is this one decimal?".to_owned())
        }
        authority::Error::NotFound { .. } => Some(
            "'windlass ca list' shows what there is; one that has ended is named by its serial number".to_owned(),
        ),
        authority::Error::NotHeld { .. } => Some(
            "only a certificateHold can be taken back; issue a new certificate".to_owned(),
        ),
        authority::Error::RootRevoked => Some(
            "take it out of the trust anchor: 'aws rolesanywhere disable-trust-anchor'".to_owned(),
        ),
        authority::Error::SeveralNamed { .. } => Some(
            "name one by its serial number, or give --all".to_owned(),
        ),
        authority::Error::Pki(error) => hint_pki(error),
        authority::Error::Store(error) => hint_store(error),
        authority::Error::Path(_)
        | authority::Error::Random
        | authority::Error::Validity { .. } => None,
    }
}

fn hint_list(error: &ListError) -> &'static str {
    match error {
        ListError::Ahead { .. } => {
            "was the CA restored from an older backup? What was revoked since is in that list and not in the inventory: revoke it again, then give --force"
        }
        ListError::NumbersUsedUp { .. } => {
            "somebody has given it a number that no clock leads to; only an authority with a new key can make lists: 'windlass ca rollover prepare' makes one"
        }
        ListError::TooFar { .. } => {
            "is this host's clock right? A list of that number would have to be followed by higher ones for good; name another file, or move this one away"
        }
        ListError::Foreign {
            replaceable: true, ..
        } => "name another file; --force replaces this one",
        ListError::Foreign { .. } => {
            "nothing was restored; give a list of the CA that is in the backup"
        }
        ListError::Unreadable { .. } => {
            "name another file, or look at this one with 'openssl crl -in FILE -noout -text'; --force replaces it"
        }
    }
}

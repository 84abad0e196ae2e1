//! `windlass ca …`

mod batch;
mod batch_file;
mod crl;
mod init;
mod inventory;
mod issue;
mod occasion;
mod passphrase;
mod policy;
mod revoke;
mod sign;
mod unlock;

pub(super) use crl::crl;
pub(super) use init::init;
pub(super) use inventory::{list, show};
pub(super) use issue::issue;
pub(super) use passphrase::passphrase;
pub(super) use policy::{check as policy_check, show as policy_show};
pub(super) use revoke::{release, revoke};
pub(super) use sign::sign;

//! `windlass ca …`

mod crl;
mod init;
mod inventory;
mod issue;
mod occasion;
mod revoke;

pub(super) use crl::crl;
pub(super) use init::init;
pub(super) use inventory::{list, show};
pub(super) use issue::issue;
pub(super) use revoke::{release, revoke};

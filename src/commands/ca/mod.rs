//! `windlass ca …`

mod audit;
mod backup;
mod check;
mod crl;
mod init;
mod inventory;
mod issue;
mod occasion;
mod revoke;

pub(super) use audit::audit;
pub(super) use backup::{backup, restore};
pub(super) use check::check;
pub(super) use crl::crl;
pub(super) use init::init;
pub(super) use inventory::{list, show};
pub(super) use issue::issue;
pub(super) use revoke::{release, revoke};

//! `windlass ca …`

mod audit;
mod backup;
mod batch;
mod batch_file;
mod check;
mod crl;
mod init;
mod inventory;
mod issue;
mod lint;
mod occasion;
mod policy;
mod revoke;
mod sign;

pub(super) use audit::audit;
pub(super) use backup::{backup, restore};
pub(super) use check::check;
pub(super) use crl::crl;
pub(super) use init::init;
pub(super) use inventory::{list, show};
pub(super) use issue::issue;
pub(super) use lint::lint;
pub(super) use policy::{check as policy_check, show as policy_show};
pub(super) use revoke::{release, revoke};
pub(super) use sign::sign;

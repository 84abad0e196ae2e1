//! `windlass ca …`

mod init;
mod inventory;
mod issue;
mod lint;
mod occasion;

pub(super) use init::init;
pub(super) use inventory::{list, show};
pub(super) use issue::issue;
pub(super) use lint::lint;

//! `windlass ca …`

mod init;
mod inventory;
mod issue;

pub(super) use init::init;
pub(super) use inventory::{list, show};
pub(super) use issue::issue;

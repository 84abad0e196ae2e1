//! `windlass ca …`

mod init;
mod inventory;
mod issue;
mod occasion;

pub(super) use init::init;
pub(super) use inventory::{list, show};
pub(super) use issue::issue;

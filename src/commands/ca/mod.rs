//! `windlass ca …`

mod apart;
mod audit;
mod backup;
mod batch;
mod batch_file;
mod check;
mod confirm;
mod crl;
mod export;
mod init;
mod install;

mod inventory;
mod issue;
mod lint;
mod list;
mod occasion;
mod outside;
mod passphrase;
mod policy;
mod report;
mod revoke;
mod rollover;
mod rows;
mod show;
mod sign;
mod sign_ca;
mod stats;
mod unlock;

pub(super) use audit::audit;
pub(super) use backup::{backup, restore};
pub(super) use check::{CHECK, check};
pub(super) use crl::crl;
pub(super) use export::export;
pub(super) use init::init;

pub(super) use install::install;
pub(super) use issue::issue;
pub(super) use lint::lint;
pub(super) use list::list;
pub(super) use occasion::{actor, occasion};
pub(super) use passphrase::passphrase;
pub(super) use policy::{check as policy_check, show as policy_show};
pub(super) use report::report;
pub(super) use revoke::{release, revoke};
pub(super) use rollover::rollover;
pub(super) use show::show;
pub(super) use sign::{Said, sign, wanted};
pub(super) use sign_ca::sign_ca;
pub(super) use stats::stats;
pub(super) use unlock::unlock;

//! The options of `windlass ca issue` for batches.

use chrono::TimeDelta;
use clap::Args;

use crate::authority::RenewalTime;
use crate::cli::value;
use crate::key::Source;

/// Many certificates at once.
#[derive(Args, Debug)]
pub struct BatchArgs {
    /// Issue a certificate for each row of a file: CSV or JSONL, or - for stdin
    ///
    /// A file whose first character is { is JSONL, any other CSV
    #[arg(long, value_name = "FILE", conflicts_with_all = ["cn", "san"])]
    pub batch: Option<Source>,

    /// With --batch: a row that fails or is refused leaves the others alone
    ///
    /// The exit code is the one that all failed rows have in common, else 1
    #[arg(long, requires = "batch")]
    pub keep_going: bool,

    /// With --batch: deliver nothing unless every row can be issued (default)
    ///
    /// Every row is checked before anything is reserved, and nothing is stored
    /// before all are signed
    #[arg(long, requires = "batch", conflicts_with = "keep_going")]
    pub all_or_nothing: bool,

    /// With --batch: issue anew for rows whose certificate is about to end
    ///
    /// A third of its life before, or as --renew-before says. The new certificate,
    /// with a new key unless the row gives one, takes the place of the directory of
    /// the one before in one step; a directory with other files in it is left alone,
    /// and its row fails. Hosts that hold it open keep the old files
    #[arg(long, requires = "batch")]
    pub renew: bool,

    /// With --renew: how long before the end of a certificate it is issued anew
    #[arg(long, value_name = "TIME", requires = "renew", value_parser = value::period)]
    pub renew_before: Option<TimeDelta>,

    /// With --batch: how many threads verify and sign
    ///
    /// As many as there are cores when it is not given
    #[arg(long, value_name = "NUMBER", requires = "batch", value_parser = value::number("a number of threads", 1..=64_u8, "2"))]
    pub jobs: Option<u8>,
}

impl BatchArgs {
    /// When rows that were issued before are issued anew; `None` for never.
    #[must_use]
    pub fn renewal(&self) -> Option<RenewalTime> {
        let time = self.renew_before.map(RenewalTime::Before);
        self.renew.then(|| time.unwrap_or(RenewalTime::LastThird))
    }
}

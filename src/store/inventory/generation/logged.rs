//! The generations as the log tells of them.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::store::{Action, Error};

use super::{GenerationRow, GenerationState};
use crate::store::inventory::{AuditEntry, AuditFault, Inventory, sql_error};

impl AuditEntry<'_> {
    /// The action of the first entry of all; the first generation begins with it.
    pub const INIT: &'static str = "init";
    /// The action of the entry of a generation that got its certificates. Its
    /// detail, and that of the others, names the number as `generation`.
    pub const PREPARE: &'static str = "prepare";
    /// The action of the entry of a generation whose certificate was asked of a root
    /// that is elsewhere.
    pub const REQUEST: &'static str = "request";
    /// The action of the entry of a generation whose certificate then came: the
    /// first one of a CA issues from there on, a later one is prepared.
    pub const INSTALL: &'static str = "install";
    /// The action of the entry of a generation that began to issue.
    pub const ACTIVATE: &'static str = "activate";
    /// The action of the entry of a generation that was retired.
    pub const RETIRE: &'static str = "retire";
    /// The action of the entry of a generation that was given up.
    pub const CANCEL: &'static str = "cancel";

    /// The state of a generation after an entry about it.
    fn state_after(action: &str) -> Option<GenerationState> {
        match action {
            Self::REQUEST => Some(GenerationState::Requested),
            Self::PREPARE | Self::INSTALL => Some(GenerationState::Prepared),
            Self::ACTIVATE => Some(GenerationState::Active),
            Self::RETIRE => Some(GenerationState::Retired),
            Self::CANCEL => Some(GenerationState::Cancelled),
            _ => None,
        }
    }
}

/// What the log says of a generation; times in seconds since 1970.
#[derive(Clone, Copy)]
struct Told {
    state: GenerationState,
    prepared_at: Option<i64>,
    activated_at: Option<i64>,
    retired_at: Option<i64>,
    /// Whether the log tells when it began.
    is_begun: bool,
}

impl Told {
    const NOTHING: Self = Self {
        state: GenerationState::Requested,
        prepared_at: None,
        activated_at: None,
        retired_at: None,
        is_begun: true,
    };

    /// The first generation of a CA that is older than its log.
    const BEFORE_THE_LOG: Self = Self {
        state: GenerationState::Active,
        is_begun: false,
        ..Self::NOTHING
    };

    /// After an entry by which it came into this state.
    fn enter(&mut self, state: GenerationState, at: i64) {
        self.state = state;
        match state {
            GenerationState::Requested => *self = Self::NOTHING,
            GenerationState::Retiring => {}
            GenerationState::Prepared => self.prepared_at = Some(at),
            GenerationState::Active => self.activated_at = Some(at),
            GenerationState::Retired | GenerationState::Cancelled => self.retired_at = Some(at),
        }
    }

    /// The columns of a row that say otherwise.
    fn others(&self, row: &GenerationRow) -> Vec<&'static str> {
        let seconds = |at: Option<DateTime<Utc>>| at.map(|at| at.timestamp());
        let columns = [
            ("prepared_at", self.prepared_at, row.prepared_at),
            ("activated_at", self.activated_at, row.activated_at),
            ("retired_at", self.retired_at, row.retired_at),
        ];
        let other = columns
            .into_iter()
            .filter(|(_, told, kept)| *told != seconds(*kept))
            .filter(|(column, ..)| self.is_begun || *column == "retired_at");
        other.map(|(column, ..)| column).collect()
    }
}

impl Inventory {
    /// The generations of which the rows say otherwise than the log: they decide
    /// which key signs.
    pub(in crate::store::inventory) fn other_generations(&self) -> Result<Vec<AuditFault>, Error> {
        let rows = self.generations()?;
        let mut logged = self.logged_generations(!rows.is_empty())?;
        let mut faults = Vec::new();
        for row in rows {
            let number = row.number;
            match logged.remove(&number) {
                Some(told) if told.state == row.state => {
                    let others = told.others(&row).into_iter();
                    faults.extend(
                        others.map(|column| AuditFault::GenerationColumn { number, column }),
                    );
                }
                _ => faults.push(AuditFault::Generation { number }),
            }
        }
        let missing = logged.into_keys();
        faults.extend(missing.map(|number| AuditFault::Generation { number }));
        Ok(faults)
    }

    /// What the log says of each generation. The first is there from the beginning,
    /// unless the log says that it was requested.
    fn logged_generations(&self, has_first: bool) -> Result<BTreeMap<u32, Told>, Error> {
        let failed = sql_error(&self.path, Action::Read);
        let mut logged: BTreeMap<u32, Told> = BTreeMap::new();
        let mut statement = self
            .connection
            .prepare(
                "SELECT action, json_extract(detail, '$.generation'), at FROM audit \
                 WHERE action IN ('init', 'request', 'install', 'prepare', 'activate', \
                 'retire', 'cancel') ORDER BY sequence",
            )
            .map_err(&failed)?;
        let mut entries = statement.query([]).map_err(&failed)?;
        while let Some(entry) = entries.next().map_err(&failed)? {
            let action: String = entry.get(0).map_err(&failed)?;
            let number: Option<u32> = entry.get(1).map_err(&failed)?;
            let at: i64 = entry.get(2).map_err(&failed)?;
            if has_first && logged.is_empty() {
                logged.insert(1, Told::BEFORE_THE_LOG);
            }
            if action == AuditEntry::INIT
                && let Some(first) = logged.get_mut(&1).filter(|first| !first.is_begun)
            {
                first.is_begun = true;
                first.enter(GenerationState::Prepared, at);
                first.enter(GenerationState::Active, at);
                continue;
            }
            let Some((number, state)) = number.zip(AuditEntry::state_after(&action)) else {
                continue;
            };
            let has_active = logged
                .values()
                .any(|other| other.state == GenerationState::Active);
            let begins =
                state == GenerationState::Active || action == AuditEntry::INSTALL && !has_active;
            for other in logged.values_mut() {
                if begins && other.state == GenerationState::Active {
                    other.state = GenerationState::Retiring;
                }
            }
            let told = logged.entry(number).or_insert(Told::NOTHING);
            told.enter(state, at);
            if begins {
                told.enter(GenerationState::Active, at);
            }
        }
        if has_first && logged.is_empty() {
            logged.insert(1, Told::BEFORE_THE_LOG);
        }
        Ok(logged)
    }

    /// Whether reservations that nobody has settled are out of sight, or the next
    /// ones would be.
    pub(in crate::store::inventory) fn other_unsettled(&self) -> Result<Option<AuditFault>, Error> {
        let is_hidden: bool = self
            .connection
            .query_row(
                "SELECT EXISTS (SELECT 1 FROM certificate NOT INDEXED WHERE issued_at IS NULL \
                 AND abandoned_at IS NULL AND id NOT IN (SELECT id FROM unsettled)) \
                 OR NOT EXISTS (SELECT 1 FROM unsettled_from WHERE certificate <= \
                 (SELECT coalesce(max(id), 0) + 1 FROM certificate))",
                [],
                |row| row.get(0),
            )
            .map_err(sql_error(&self.path, Action::Read))?;
        Ok(is_hidden.then_some(AuditFault::Unsettled))
    }
}

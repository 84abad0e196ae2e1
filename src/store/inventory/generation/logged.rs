//! The generations as the log tells of them.

use std::collections::BTreeMap;

use crate::store::{Action, Error};

use super::GenerationState;
use crate::store::inventory::{AuditEntry, AuditFault, Inventory, sql_error};

impl AuditEntry<'_> {
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

impl Inventory {
    /// The generations that are not in the state that the log says: it is what
    /// decides which key signs.
    pub(in crate::store::inventory) fn other_generations(&self) -> Result<Vec<AuditFault>, Error> {
        let rows = self.generations()?;
        let mut logged = BTreeMap::new();
        if !rows.is_empty() {
            // It is there from the beginning, unless the log says that it was
            // requested.
            logged.insert(1, GenerationState::Active);
        }
        let failed = sql_error(&self.path, Action::Read);
        let mut statement = self
            .connection
            .prepare(
                "SELECT action, json_extract(detail, '$.generation') FROM audit \
                 WHERE action IN ('request', 'install', 'prepare', 'activate', 'retire', \
                 'cancel') ORDER BY sequence",
            )
            .map_err(&failed)?;
        let mut entries = statement.query([]).map_err(&failed)?;
        while let Some(entry) = entries.next().map_err(&failed)? {
            let action: String = entry.get(0).map_err(&failed)?;
            let number: Option<u32> = entry.get(1).map_err(&failed)?;
            let Some((number, mut state)) = number.zip(AuditEntry::state_after(&action)) else {
                continue;
            };
            let is_first = logged
                .values()
                .all(|other| *other != GenerationState::Active);
            if action == AuditEntry::INSTALL && is_first {
                state = GenerationState::Active;
            }
            for other in logged.values_mut() {
                if state == GenerationState::Active && *other == state {
                    *other = GenerationState::Retiring;
                }
            }
            logged.insert(number, state);
        }
        let mut faults = Vec::new();
        for row in rows {
            if logged.remove(&row.number) != Some(row.state) {
                faults.push(AuditFault::Generation { number: row.number });
            }
        }
        let missing = logged.into_keys();
        faults.extend(missing.map(|number| AuditFault::Generation { number }));
        Ok(faults)
    }
}

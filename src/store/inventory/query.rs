//! What is looked for in the inventory, and the statement that finds it.
//!
//! Each condition that people wait for stands as `id IN (…)` or as a range that
//! an index answers; the rows are then fetched one by one, so that of a million
//! only the numbers are in memory.

use chrono::{DateTime, Utc};
use rusqlite::params_from_iter;
use rusqlite::types::Value;

use crate::store::{Action, Error};

use super::certificate::{COLUMNS, record};
use super::{Inventory, Kind, Record, sql_error};

/// The reason code of a hold (RFC 5280 section 5.3.1).
const HOLD: u8 = 6;

/// A text, or its beginning or its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// What begins so; an index finds it.
    Begins(String),
    /// What ends so; all names are looked through.
    Ends(String),
    /// Exactly this.
    Exact(String),
}

/// The state of a row as people see it at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It is settled that nothing was issued.
    Abandoned,
    /// Issued, not revoked, and ended.
    Expired,
    /// Revoked for the time being.
    Held,
    /// The serial number is reserved and nothing was stored.
    Reserved,
    /// Finally revoked.
    Revoked,
    /// In force, and it is not known that its files were delivered.
    Undelivered,
    /// In force: issued, not revoked, not ended.
    Valid,
}

/// In which order rows are given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// What ends first comes first.
    End,
    /// The newest first.
    #[default]
    Newest,
    /// By common name.
    Name,
    /// The oldest first.
    Oldest,
}

/// What is looked for: rows for which everything holds that is given.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// The common name or a DNS name; DNS names stand in lower case.
    pub host: Option<Pattern>,
    /// The common name.
    pub common_name: Option<Pattern>,
    /// A subject alternative name, of this kind (`dns`, `email`, `ip`, `uri`)
    /// where one is given.
    pub alternative_name: Option<(Option<String>, Pattern)>,
    /// The beginning of the serial number, hex digits.
    pub serial: Option<String>,
    /// The beginning of the certificate's SHA-256, lowercase hex.
    pub fingerprint: Option<String>,
    /// The name of the request.
    pub request_id: Option<String>,
    /// Who asked.
    pub requester: Option<String>,
    /// The profile of the policy.
    pub profile: Option<String>,
    /// What the certificate is for.
    pub kind: Option<Kind>,
    /// One of these; empty stands for all.
    pub status: Vec<Status>,
    /// Issued, not finally revoked, and its last second is before this one but
    /// not before [`Query::now`].
    pub ends_before: Option<DateTime<Utc>>,
    /// Issued at this time or later.
    pub issued_since: Option<DateTime<Utc>>,
    /// Issued before this time.
    pub issued_before: Option<DateTime<Utc>>,
    /// The order of the rows.
    pub order: Order,
    /// At most so many.
    pub limit: Option<u64>,
    /// When the question is asked.
    pub now: DateTime<Utc>,
}

/// A statement in the making.
#[derive(Default)]
struct Statement {
    conditions: Vec<String>,
    values: Vec<Value>,
}

impl Statement {
    fn add(&mut self, condition: impl Into<String>, values: impl IntoIterator<Item = Value>) {
        self.conditions.push(condition.into());
        self.values.extend(values);
    }

    fn equal(&mut self, column: &str, value: Option<&String>) {
        if let Some(value) = value {
            self.add(format!("{column} = ?"), [value.clone().into()]);
        }
    }

    /// A name of one of these kinds, as it was given or in lower case.
    fn name(&mut self, kinds: &str, pattern: &Pattern) {
        let (test, given): (&str, &String) = match pattern {
            Pattern::Exact(text) => ("value = ?", text),
            Pattern::Begins(text) => ("value >= ? AND value < ?", text),
            Pattern::Ends(text) => ("substr(value, -length(?)) = ?", text),
        };
        let lower = given.to_lowercase();
        let mut forms = vec![given.clone()];
        if lower != *given {
            forms.push(lower);
        }
        let mut selects = Vec::new();
        for form in forms {
            selects.push(format!(
                "SELECT certificate FROM name WHERE {test} AND {kinds}"
            ));
            match pattern {
                Pattern::Exact(_) => self.values.push(form.into()),
                Pattern::Ends(_) => self.values.extend([form.clone().into(), form.into()]),
                Pattern::Begins(_) => {
                    let end = format!("{form}{}", char::MAX);
                    self.values.extend([form.into(), end.into()]);
                }
            }
        }
        let names = selects.join(" UNION ALL ");
        self.conditions.push(format!("id IN ({names})"));
    }

    /// What begins with these hex digits, in a column of less than so many octets.
    fn octets(&mut self, column: &str, prefix: &str, longest: usize) {
        let pad = |digit: &str| {
            let digits = match prefix.len() % 2 {
                0 => prefix.to_owned(),
                _ => format!("{prefix}{digit}"),
            };
            hex::decode(digits).unwrap_or_default()
        };
        // From the first that begins so to the last.
        let (first, mut last) = (pad("0"), pad("f"));
        last.resize(last.len().max(longest), 0xff);
        self.add(
            format!("{column} >= ? AND {column} <= ?"),
            [first.into(), last.into()],
        );
    }

    fn status(&mut self, wanted: &[Status], now: i64) {
        let conditions: Vec<String> = wanted.iter().map(|one| condition(*one, now)).collect();
        if !conditions.is_empty() {
            self.add(format!("({})", conditions.join(" OR ")), []);
        }
    }
}

/// What holds of the rows of a status at a time in seconds.
fn condition(status: Status, now: i64) -> String {
    let in_force = format!("issued_at IS NOT NULL AND revoked_at IS NULL AND not_after >= {now}");
    let revoked = |reason: &str| {
        format!(
            "id IN (SELECT id FROM certificate INDEXED BY certificate_revoked \
             WHERE revoked_at IS NOT NULL AND revocation {reason} {HOLD})"
        )
    };
    match status {
        Status::Valid => format!("({in_force})"),
        Status::Undelivered => format!("({in_force} AND delivered_at IS NULL)"),
        Status::Expired => {
            format!("(issued_at IS NOT NULL AND revoked_at IS NULL AND not_after < {now})")
        }
        Status::Revoked => revoked("<>"),
        Status::Held => revoked("="),
        Status::Reserved => "id IN (SELECT id FROM unsettled WHERE revoked_at IS NULL)".to_owned(),
        Status::Abandoned => "(abandoned_at IS NOT NULL AND revoked_at IS NULL)".to_owned(),
    }
}

impl Query {
    /// The statement that gives the numbers of the rows, and its values.
    fn statement(&self) -> (String, Vec<Value>) {
        let mut statement = Statement::default();
        if let Some(host) = &self.host {
            statement.name("kind IN ('cn', 'dns')", host);
        }
        if let Some(name) = &self.common_name {
            statement.name("kind = 'cn'", name);
        }
        match &self.alternative_name {
            Some((Some(kind), pattern)) => {
                statement.name("kind = ?", pattern);
                // Behind each form of the name; kinds are words of ours.
                let kind = kind.replace('\'', "");
                if let Some(last) = statement.conditions.last_mut() {
                    *last = last.replace("kind = ?", &format!("kind = '{kind}'"));
                }
            }
            Some((None, pattern)) => statement.name("kind <> 'cn'", pattern),
            None => {}
        }
        if let Some(serial) = &self.serial {
            statement.octets("serial", serial, 21);
        }
        if let Some(prefix) = &self.fingerprint {
            statement.octets("fingerprint", prefix, 33);
        }
        statement.equal("request_id", self.request_id.as_ref());
        statement.equal("requester", self.requester.as_ref());
        statement.equal("profile", self.profile.as_ref());
        if let Some(kind) = self.kind {
            // As the index of the CA's own certificates has it.
            let condition = match kind {
                Kind::Leaf => "kind = ?",
                Kind::Cross | Kind::Issuing | Kind::Root => "kind <> 'leaf' AND kind = ?",
            };
            statement.add(condition, [kind.as_str().to_owned().into()]);
        }
        let now = self.now.timestamp();
        statement.status(&self.status, now);
        if let Some(end) = self.ends_before {
            statement.add(
                format!(
                    "issued_at IS NOT NULL AND not_after >= ? AND not_after < ? \
                     AND (revoked_at IS NULL OR revocation = {HOLD})"
                ),
                [now.into(), end.timestamp().into()],
            );
        }
        if let Some(since) = self.issued_since {
            statement.add("issued_at >= ?", [since.timestamp().into()]);
        }
        if let Some(before) = self.issued_before {
            statement.add("issued_at < ?", [before.timestamp().into()]);
        }
        let mut sql = "SELECT id FROM certificate".to_owned();
        if !statement.conditions.is_empty() {
            sql.push_str(" WHERE ");
            sql.push_str(&statement.conditions.join(" AND "));
        }
        sql.push_str(match self.order {
            Order::End => " ORDER BY not_after, id",
            Order::Newest => " ORDER BY id DESC",
            Order::Oldest => " ORDER BY id",
            Order::Name => " ORDER BY common_name, id DESC",
        });
        if let Some(limit) = self.limit {
            sql.push_str(" LIMIT ?");
            statement
                .values
                .push(i64::try_from(limit).unwrap_or(i64::MAX).into());
        }
        (sql, statement.values)
    }
}

impl Inventory {
    /// Hands over the rows that are looked for, as they stand at one moment.
    ///
    /// # Errors
    ///
    /// [`Error::Sql`], [`Error::Changing`] for an inventory that can be read
    /// only and was written meanwhile, or what the receiver gives.
    pub fn find<E: From<Error>>(
        &self,
        query: &Query,
        mut receive: impl FnMut(Record) -> Result<(), E>,
    ) -> Result<(), E> {
        let failed = |error| E::from(sql_error(&self.path, Action::Read)(error));
        // One snapshot for the numbers and the rows; it ends when it is dropped.
        let snapshot = self.connection.unchecked_transaction().map_err(failed)?;
        let (sql, values) = query.statement();
        let numbers: Vec<i64> = snapshot
            .prepare_cached(&sql)
            .and_then(|mut statement| {
                statement
                    .query_map(params_from_iter(values), |row| row.get(0))?
                    .collect()
            })
            .map_err(failed)?;
        let mut row = snapshot
            .prepare_cached(&format!("SELECT {COLUMNS} FROM certificate WHERE id = ?1"))
            .map_err(failed)?;
        for number in numbers {
            receive(row.query_row([number], record).map_err(failed)?)?;
        }
        Ok(self.check_unwritten()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(inventory: &Inventory, query: &Query) -> String {
        let (sql, values) = query.statement();
        let mut statement = inventory
            .connection
            .prepare(&format!("EXPLAIN QUERY PLAN {sql}"))
            .unwrap();
        let lines = statement
            .query_map(params_from_iter(values), |row| row.get::<_, String>(3))
            .unwrap();
        lines.map(Result::unwrap).collect::<Vec<_>>().join("\n")
    }

    /// What people wait for does not grow slower with the inventory.
    #[test]
    fn quick_questions_are_answered_by_an_index() {
        let home = tempfile::tempdir().unwrap();
        let inventory = Inventory::create(&home.path().join("inventory.db")).unwrap();
        let exact = || Some(Pattern::Exact("Web-1".to_owned()));
        let begins = || Some(Pattern::Begins("Web-".to_owned()));
        let now = DateTime::from_timestamp(1_790_000_000, 0).unwrap();
        let base = || Query {
            now,
            ..Query::default()
        };
        let san = |kind: Option<&str>, pattern: Option<Pattern>| {
            Some((kind.map(str::to_owned), pattern.unwrap()))
        };
        let text = |text: &str| Some(text.to_owned());
        let mut queries = vec![
            Query {
                host: exact(),
                ..base()
            },
            Query {
                host: begins(),
                ..base()
            },
            Query {
                common_name: exact(),
                ..base()
            },
            Query {
                common_name: begins(),
                ..base()
            },
            Query {
                alternative_name: san(None, exact()),
                ..base()
            },
            Query {
                alternative_name: san(Some("dns"), begins()),
                ..base()
            },
            Query {
                serial: text("2a1"),
                ..base()
            },
            Query {
                fingerprint: text("ab"),
                ..base()
            },
            Query {
                request_id: text("r"),
                ..base()
            },
            Query {
                ends_before: Some(now),
                ..base()
            },
            Query {
                status: vec![Status::Revoked],
                ..base()
            },
            Query {
                status: vec![Status::Held],
                ..base()
            },
            Query {
                status: vec![Status::Reserved],
                ..base()
            },
        ];
        let mixed = Query {
            host: exact(),
            status: vec![Status::Valid],
            ..base()
        };
        queries.push(mixed);
        for query in queries {
            for order in [Order::Newest, Order::End, Order::Name] {
                let query = Query {
                    order,
                    ..query.clone()
                };
                let plan = plan(&inventory, &query);
                let mut scans = plan.lines().filter(|line| line.contains("SCAN"));
                // What is revoked and what is reserved have an index to
                // themselves, and all of it is wanted.
                let is_slow = scans.any(|line| {
                    !line.contains("certificate_revoked") && !line.contains("unsettled_")
                });
                assert!(!is_slow && plan.contains("SEARCH"), "{query:?}\n{plan}");
            }
        }
        // The test sees a scan where there is one.
        let ends = Some(Pattern::Ends(".example.com".to_owned()));
        assert!(
            plan(
                &inventory,
                &Query {
                    host: ends,
                    ..base()
                }
            )
            .contains("SCAN name")
        );
    }
}

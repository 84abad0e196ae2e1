//! What is found without an index of its own.

use super::*;

/// However many rows are added, and wherever among them something was left.
#[test]
fn what_is_unsettled_is_found_among_all_that_is_settled() {
    let (_home, _, inventory) = fresh();
    let mut left = Vec::new();
    for first in (0..600_u16).step_by(50) {
        written(&inventory, |writer| {
            for number in first..first + 50 {
                writer.reserve(&reservation(&number.to_be_bytes(), &[]))?;
            }
            Ok::<(), Error>(())
        })
        .unwrap();
        written(&inventory, |writer| {
            for number in first..first + 50 {
                let serial = number.to_be_bytes();
                match number {
                    3 | 127 | 128 | 300 | 599 => left.push(serial.to_vec()),
                    _ if number % 2 == 0 => writer.abandon(&serial, at(0))?,
                    _ => writer.store(&serial, b"der", &hex::encode(serial), at(0))?,
                }
            }
            Ok::<(), Error>(())
        })
        .unwrap();
        let unsettled = inventory.unsettled().unwrap();
        let found: Vec<&[u8]> = unsettled.iter().map(|row| row.serial.as_slice()).collect();
        assert_eq!(found, left);
        let reserved = Query {
            status: vec![Status::Reserved],
            order: Order::Oldest,
            ..Query::default()
        };
        let mut listed = Vec::new();
        let collect = |row: Record| {
            listed.push(row.serial);
            Ok::<(), Error>(())
        };
        inventory.find(&reserved, collect).unwrap();
        assert_eq!(listed, left);
        let count = u64::try_from(left.len()).unwrap();
        assert_eq!(inventory.summary(at(0), at(0), 1).unwrap().reserved, count);
    }
    // Few rows are looked through, and what is written down is what was left.
    let number = |sql: &str| -> i64 {
        inventory
            .connection
            .query_row(sql, [], |row| row.get(0))
            .unwrap()
    };
    let from = number("SELECT certificate FROM unsettled_from");
    assert!(number("SELECT max(id) FROM certificate") - from < 128);
    assert!(number("SELECT count(*) FROM unsettled_before") <= 4 + 50);
    written(&inventory, |writer| writer.abandon(&left[0], at(0))).unwrap();
    assert_eq!(inventory.unsettled().unwrap().len(), 4);
}

/// Thousands that are stored at last do not stay written down, and those that were
/// left do not keep them.
#[test]
fn what_is_settled_late_is_struck_out() {
    let (_home, _, inventory) = fresh();
    let some = |numbers: std::ops::Range<u16>, act: &dyn Fn(&Writer<'_>, &[u8])| {
        written(&inventory, |writer| {
            numbers.for_each(|number| act(writer, &number.to_be_bytes()));
        });
    };
    let reserve = |writer: &Writer<'_>, serial: &[u8]| {
        writer.reserve(&reservation(serial, &[])).unwrap();
    };
    let abandon = |writer: &Writer<'_>, serial: &[u8]| {
        writer.abandon(serial, at(0)).unwrap();
    };
    some(0..3000, &reserve);
    some(3..2999, &abandon);
    some(3000..7000, &|writer, serial| {
        reserve(writer, serial);
        abandon(writer, serial);
    });
    let count = |table: &str| -> i64 {
        let sql = format!("SELECT count(*) FROM {table}");
        let connection = &inventory.connection;
        connection.query_row(&sql, [], |row| row.get(0)).unwrap()
    };
    assert_eq!(count("unsettled"), 4);
    // And the one that was being reserved when they were written down.
    assert!(count("unsettled_before") <= 5);
}

/// Also when something else is logged between a certificate and its entry.
#[test]
fn the_entry_of_an_issue_is_found_wherever_it_stands() {
    let (_home, _, inventory) = logged();
    written(&inventory, |writer| {
        writer.reserve(&reservation(&[8], &[]))?;
        writer.reserve(&reservation(&[9], &[]))?;
        writer.store(&[8], b"8", "08", at(0))?;
        writer.record(&entry(&[], "test", "{}"))?;
        writer.store(&[9], b"9", "09", at(0))?;
        for serial in [8_u8, 9] {
            let detail = format!("{{\"fingerprintSha256\":\"0{serial}\"}}");
            writer.record(&entry(&[serial], AuditEntry::ISSUE, &detail))?;
        }
        writer.record(&entry(&[8], "test", "{}"))
    })
    .unwrap();
    let sequences = |serial: u8| -> Vec<i64> {
        let log = inventory.log_of(&[serial]).unwrap();
        log.iter().map(|one| one.sequence).collect()
    };
    assert_eq!((sequences(1), sequences(3)), (vec![1], vec![3]));
    assert_eq!((sequences(8), sequences(9)), (vec![5, 7], vec![6]));
    assert_eq!(inventory.verify_log().unwrap().faults, []);
}

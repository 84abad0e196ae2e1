//! Places that cannot be written, or that somebody else writes.

use super::*;

#[test]
fn a_session_that_cannot_be_written_is_kept_and_not_asked_for_again() {
    let day = live(&Scene {
        locked: (1700, 1900),
        ..scene(HOUR, &[(0, Grants(0))], &[])
    });
    let (failed, asked) = (day.times("failed locked").len(), &day.asked);
    assert!(failed > 3, "{failed}");
    let meanwhile = asked.iter().filter(|at| (1700..2000).contains(*at)).count();
    assert_eq!(meanwhile, 1, "{asked:?}");
    assert_eq!(day.without, 0);
}

#[test]
fn what_somebody_else_wrote_is_told_once_and_replaced_at_the_next_refresh_only() {
    let day = good_day(HOUR, &[(300, Overwrite)]);
    let told = day.times("overwritten");
    assert_eq!(told.len(), 1);
    assert!((300..=370).contains(&told[0]), "{told:?}");
    assert_eq!(day.asked[1], 1800);
}

//! Stops before any step of an installation, and of what completes it.

use super::super::super::step::injected::{Plan, under, without_exchange};
use super::*;

/// What is there before: all files, none, or some.
const BEFORE: [&[&str]; 3] = [&NAMES, &[], &["crt", "key"]];

fn scene_with(before: &[&str]) -> (Scene, Vec<String>) {
    let scene = Scene::new();
    for name in before {
        write_new(&scene.out.join(name), format!("{name}1").as_bytes()).unwrap();
    }
    let found = scene.found();
    (scene, found)
}

#[test]
fn a_crash_at_any_step_is_completed_or_taken_back() {
    for before in BEFORE {
        let mut outcomes = [0, 0];
        for stop in 0.. {
            let (scene, old) = scene_with(before);
            let files = scene.files();
            let (stopped, _) = under(Plan::Crash(stop), || scene.install(&files, "2"));
            let found = scene.found();
            let is_whole = found == old || found == ["2"; 4];
            assert!(is_whole || is_pending(&scene.identity), "{stop}: {found:?}");
            let recovery = recover_fixed(&scene.identity).unwrap();
            match recovery {
                Some(FixedRecovery::Completed) => {
                    outcomes[0] += 1;
                    assert_eq!(scene.found(), ["2"; 4], "{stop}");
                }
                Some(FixedRecovery::TakenBack) => {
                    outcomes[1] += 1;
                    assert_eq!(scene.found(), old, "{stop}");
                }
                None => assert_eq!(scene.found(), found),
                other => panic!("{stop}: {other:?}"),
            }
            assert_eq!(recover_fixed(&scene.identity).unwrap(), None);
            let next = fs::symlink_metadata(scene.identity.join(".fixed.journal.next"));
            assert!(recovery.is_none() || scene.is_tidy(), "{stop}");
            assert!(scene.is_tidy() || next.is_ok(), "{stop}");
            scene.install(&files, "3").unwrap();
            assert_eq!(scene.found(), ["3"; 4]);
            assert!(scene.is_tidy(), "{stop}");
            if stopped.is_ok() {
                break;
            }
        }
        assert!(outcomes[0] >= 5 && outcomes[1] >= 5, "{outcomes:?}");
    }
}

#[test]
fn a_crash_while_it_is_completed_or_taken_back_changes_nothing_of_that() {
    for before in BEFORE {
        for stop in 0.. {
            let mut is_over = true;
            for second in 0.. {
                let (scene, old) = scene_with(before);
                let files = scene.files();
                let (first, _) = under(Plan::Crash(stop), || scene.install(&files, "2"));
                is_over = first.is_ok();
                let recover = || recover_fixed(&scene.identity);
                let (stopped, _) = under(Plan::Crash(second), recover);
                let found = scene.found();
                let is_whole = found == old || found == ["2"; 4];
                assert!(is_whole || is_pending(&scene.identity), "{stop} {second}");
                recover_fixed(&scene.identity).unwrap();
                let found = scene.found();
                assert!(
                    found == old || found == ["2"; 4],
                    "{stop} {second}: {found:?}"
                );
                assert!(!is_pending(&scene.identity));
                if stopped.is_ok() {
                    break;
                }
            }
            if is_over {
                break;
            }
        }
    }
}

/// As by a full disk, or a directory that is mounted read-only.
#[test]
fn a_refusal_at_any_step_changes_nothing_or_all() {
    for before in BEFORE {
        for stop in 0.. {
            let (scene, old) = scene_with(before);
            let files = scene.files();
            let (refused, made) = under(Plan::Refuse(stop), || scene.install(&files, "2"));
            let found = scene.found();
            if made <= stop {
                refused.unwrap();
                break;
            }
            let is_changed = found == ["2"; 4];
            assert!(is_changed || found == old, "{stop}: {found:?}");
            // Only what was left is to be removed then.
            assert!(!is_changed || is_pending(&scene.identity) || refused.is_ok());
            assert!(is_changed || refused.is_err(), "{stop}");
            scene.install(&files, "2").unwrap();
            assert_eq!(scene.found(), ["2"; 4]);
            assert!(scene.is_tidy(), "{stop}");
        }
    }
}

/// There a refused replacement cannot be taken back, and the next run completes it.
#[test]
fn without_an_exchange_of_names_nothing_is_lost_either() {
    let mut mixed = 0;
    for plan in [Plan::Crash, Plan::Refuse] {
        for stop in 0.. {
            let (scene, old) = scene_with(&NAMES);
            let files = scene.files();
            let install = || scene.install(&files, "2");
            let (stopped, made) = without_exchange(|| under(plan(stop), install));
            let found = scene.found();
            if found != old && found != ["2"; 4] {
                assert!(stopped.is_err() && is_pending(&scene.identity), "{stop}");
                mixed += 1;
                let recovery = without_exchange(|| recover_fixed(&scene.identity));
                assert_eq!(recovery.unwrap(), Some(FixedRecovery::Completed));
                assert_eq!(scene.found(), ["2"; 4]);
            }
            without_exchange(|| scene.install(&files, "3")).unwrap();
            assert_eq!(scene.found(), ["3"; 4]);
            assert!(scene.is_tidy(), "{stop}");
            if made <= stop {
                break;
            }
        }
    }
    assert!(mixed >= 6, "{mixed}");
}

/// The state after a crash when some are in place, with what is hidden changed.
fn cut_short(change: impl Fn(&Scene)) -> (Scene, Option<FixedRecovery>) {
    for stop in 0.. {
        let (scene, _) = scene_with(&NAMES);
        let (stopped, _) = under(Plan::Crash(stop), || scene.install(&scene.files(), "2"));
        assert!(stopped.is_err());
        if scene.found() == ["1", "1", "2", "2"] {
            change(&scene);
            let recovery = recover_fixed(&scene.identity).unwrap();
            return (scene, recovery);
        }
    }
    unreachable!()
}

#[test]
fn what_cannot_be_completed_is_taken_back_and_what_cannot_is_mended() {
    let hidden = |scene: &Scene, name: &str| scene.out.join(format!(".{name}.windlass-next"));
    let (scene, recovery) = cut_short(|_| ());
    assert_eq!(recovery, Some(FixedRecovery::Completed));
    assert_eq!(scene.found(), ["2"; 4]);

    // The new key is gone.
    let (scene, recovery) = cut_short(|scene| fs::remove_file(hidden(scene, "key")).unwrap());
    assert_eq!(recovery, Some(FixedRecovery::TakenBack));
    assert_eq!(scene.found(), ["1"; 4]);
    assert!(scene.is_tidy());

    // Or is not what it was.
    let (scene, recovery) = cut_short(|scene| {
        fs::remove_file(hidden(scene, "key")).unwrap();
        write_new(&hidden(scene, "key"), b"another").unwrap();
    });
    assert_eq!(recovery, Some(FixedRecovery::TakenBack));
    assert!(scene.is_tidy());

    // The new key is gone, and so is an old certificate.
    let lose = |scene: &Scene| {
        fs::remove_file(hidden(scene, "key")).unwrap();
        fs::remove_file(hidden(scene, "full")).unwrap();
    };
    for text in ["2", "3"] {
        let (scene, recovery) = cut_short(lose);
        let key = scene.out.join("key");
        assert_eq!(recovery, Some(FixedRecovery::Mixed(key.clone())));
        assert!(is_pending(&scene.identity));
        let report = scene.install(&scene.files(), text).unwrap();
        assert_eq!(report.recovery, Some(FixedRecovery::Mixed(key)));
        assert_eq!(scene.found(), [text; 4]);
        assert!(scene.is_tidy());
    }
    // Somebody has mended it by hand.
    let (scene, _) = cut_short(lose);
    for name in ["key", "crt"] {
        fs::remove_file(scene.out.join(name)).unwrap();
        write_new(&scene.out.join(name), format!("{name}2").as_bytes()).unwrap();
    }
    let report = scene.install(&scene.files(), "2").unwrap();
    assert!(report.written.is_empty());
    assert!(scene.is_tidy());

    // A file system is not mounted, and there again later.
    let away = |scene: &Scene| scene.out.with_file_name("away");
    let (scene, recovery) = cut_short(|scene| fs::rename(&scene.out, away(scene)).unwrap());
    assert!(matches!(recovery, Some(FixedRecovery::Mixed(_))));
    assert!(
        scene
            .install(&scene.files(), "3")
            .unwrap_err()
            .is_not_found()
    );
    assert!(is_pending(&scene.identity));
    fs::rename(away(&scene), &scene.out).unwrap();
    let recovery = recover_fixed(&scene.identity).unwrap();
    assert_eq!(recovery, Some(FixedRecovery::Completed));
    assert_eq!(scene.found(), ["2"; 4]);
    assert!(scene.is_tidy());
}

#[test]
fn the_journal_is_private_tells_no_key_and_is_believed_only_whole() {
    let (scene, _) = scene_with(&NAMES);
    let files = scene.files();
    let (stopped, _) = under(Plan::Crash(8), || scene.install(&files, "2"));
    assert!(stopped.is_err());
    let journal = scene.identity.join("fixed.journal");
    let text = fs::read_to_string(&journal).unwrap();
    assert!(!text.contains("key2") && text.contains("v0001"), "{text}");
    assert_eq!(fs::metadata(&journal).unwrap().mode() & 0o777, 0o600);
    for damage in [
        &text[1..],
        "",
        "{}",
        &text.replace("\"format\":1", "\"format\":2"),
    ] {
        fs::remove_file(&journal).unwrap();
        write_new(&journal, damage.as_bytes()).unwrap();
        for refused in [
            recover_fixed(&scene.identity).map(|_| ()),
            scene.install(&files, "3").map(|_| ()),
        ] {
            assert!(matches!(refused, Err(Error::Journal { .. })), "{refused:?}");
        }
    }
    assert_eq!(scene.found(), ["1"; 4]);
    // Whoever completes it may stand elsewhere.
    let entry = Entry::new(Path::new("key"), String::new(), None).unwrap();
    assert!(entry.path().is_absolute());
}

//! Stops before any step, and readers meanwhile.

use std::sync::atomic::{AtomicBool, Ordering};

use super::super::super::step::injected::{Plan, under};
use super::*;

/// Where an fsync costs nothing: none of this is about what outlives a power cut.
fn in_memory() -> (tempfile::TempDir, Versions) {
    let memory = Path::new("/dev/shm");
    match is_directory(memory) {
        true => identity_below(tempfile::tempdir_in(memory).unwrap()),
        false => identity(),
    }
}

/// One rotation, as it goes on from whatever a process that died has left.
fn rotate(path: &Path, text: &str) -> Result<(), Error> {
    let versions = Versions::open(path)?;
    let _lock = versions.lock()?;
    let current = versions.current()?.map(|(number, _)| number);
    let newest = versions.all()?.last().copied();
    let number = match newest.filter(|newest| Some(*newest) > current) {
        Some(published) => published,
        None => {
            let number = current.map_or(VersionNumber::FIRST, VersionNumber::next);
            let building = versions.begin(number)?;
            if building.read(KEY)?.is_none() {
                building.write(KEY, text.as_bytes())?;
            }
            let key = building.read(KEY)?.unwrap();
            fill(&building, key.expose_str().unwrap())?;
            building.publish()?
        }
    };
    versions.switch(number)?;
    versions.write_state(text.as_bytes())?;
    versions.retire(2).map(|_| ())
}

/// What is in force, and the key of one that is being made.
fn found(path: &Path) -> (String, Option<Vec<u8>>) {
    let versions = Versions::open(path).unwrap();
    let (_, current) = versions.current().unwrap().unwrap();
    for number in versions.all().unwrap() {
        assert!(whole(&versions.version(number)).is_some(), "half a version");
    }
    let building = versions.building().unwrap();
    let key = building.and_then(|building| building.read(KEY).unwrap());
    let key = key.map(|key| key.expose().to_vec());
    (whole(&current).unwrap(), key)
}

#[test]
fn a_stop_before_any_step_leaves_a_whole_identity_and_its_next_key() {
    let mut stops = [0, 0];
    for (kind, plan) in [Plan::Crash, Plan::Refuse].into_iter().enumerate() {
        for stop in 0.. {
            let (_home, versions) = in_memory();
            let path = versions.path();
            for text in ["two", "three"] {
                rotate(path, text).unwrap();
            }
            let (stopped, made) = under(plan(stop), || rotate(path, "four"));
            if stopped.is_ok() {
                // None was left to stop before; tidying up may fail in silence.
                assert!(made <= stop || kind == 1, "{stop} of {made}");
                assert_eq!(found(path).0, "four");
                if made <= stop {
                    break;
                }
                continue;
            }
            stops[kind] += 1;
            let (current, key) = found(path);
            let state = versions.read_state().unwrap().unwrap();
            assert!(["three", "four"].contains(&current.as_str()), "{current}");
            assert!(state == b"three" || state == b"four" && current == "four");
            rotate(path, "five").unwrap();
            let (after, _) = found(path);
            // A key that was made is the one that is used, and no second one is.
            if let Some(key) = key {
                assert_eq!(after.as_bytes(), key, "at {stop}");
            }
            assert_eq!(
                versions.previous().unwrap().unwrap().0.next(),
                versions.current().unwrap().unwrap().0,
                "at {stop}"
            );
            let tidy = |name: &String| !name.starts_with('.') || name == LOCK;
            let names = entries(path);
            assert!(names.iter().all(tidy), "at {stop}: {names:?}");
        }
    }
    assert!(stops[0] > 25 && stops[1] > 25, "{stops:?}");
}

#[test]
fn a_stop_while_one_is_given_up_leaves_all_of_it_or_nothing() {
    for stop in 0.. {
        let (_home, versions) = in_memory();
        let building = versions.begin(number(2)).unwrap();
        fill(&building, "two").unwrap();
        let (stopped, _) = under(Plan::Crash(stop), || building.discard());
        if let Some(left) = versions.building().unwrap() {
            assert_eq!(whole(left.path()).unwrap(), "two");
        }
        assert_eq!(found(versions.path()).0, "1");
        rotate(versions.path(), "two").unwrap();
        if stopped.is_ok() {
            assert!(stop >= 3, "{stop}");
            break;
        }
    }
}

/// Readers that follow `current` once have a whole set each time, and again when
/// two rotations went by meanwhile.
#[test]
fn readers_never_see_a_mixed_set() {
    let (_home, versions) = in_memory();
    let is_done = AtomicBool::new(false);
    let reads = std::thread::scope(|scope| {
        let readers = [(); 2].map(|()| scope.spawn(|| read_until(&versions, &is_done)));
        for which in 2..=2001 {
            make_version(&versions, which);
            versions.switch(number(which)).unwrap();
            versions.retire(2).unwrap();
        }
        is_done.store(true, Ordering::Relaxed);
        readers.map(|reader| reader.join().unwrap())
    });
    assert!(reads.iter().all(|reads| *reads > 100), "{reads:?}");
    assert_eq!(versions.all().unwrap(), [number(2000), number(2001)]);
}

fn read_until(versions: &Versions, is_done: &AtomicBool) -> u64 {
    let mut reads = 0;
    while !is_done.load(Ordering::Relaxed) {
        let (number, text) = std::iter::repeat_with(|| versions.current().unwrap().unwrap())
            .take(20)
            .find_map(|(number, path)| Some((number, whole(&path)?)))
            .expect("nothing whole in twenty looks");
        assert_eq!(text, number.get().to_string());
        if let Some((number, path)) = versions.previous().unwrap()
            && let Some(text) = whole(&path)
        {
            assert_eq!(text, number.get().to_string());
        }
        reads += 1;
    }
    reads
}

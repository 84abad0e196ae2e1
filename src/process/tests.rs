//! Programs that behave and programs that do not.

use std::path::Path;

use super::*;

fn run(line: &str, input: &[u8]) -> Result<Vec<u8>, String> {
    let line: CommandLine = line.parse().unwrap();
    line.run(
        input,
        &[("WINDLASS_TEST", "variable")],
        Duration::from_secs(5),
        1000,
    )
    .map(|output| output.to_vec())
    .map_err(|failure| failure.to_string())
}

#[test]
fn a_program_gets_input_and_variables_and_its_words_are_kept_together() {
    assert_eq!(run("cat", b"in").unwrap(), b"in");
    assert_eq!(run("printf %s 'a  b'", b"").unwrap(), b"a  b");
    assert_eq!(
        run("sh -c 'printf $WINDLASS_TEST'", b"").unwrap(),
        b"variable"
    );
    assert_eq!(run("true", &[7; 200_000]).unwrap(), b"");
}

#[test]
fn failures_are_told_apart() {
    let failed = |line| run(line, b"").unwrap_err();
    assert!(failed("/nonexistent/program").contains("cannot be started"));
    assert!(failed("sh -c 'echo no card >&2; exit 3'").ends_with("said: no card"));
    assert!(failed("false").contains("exit status: 1"));
    assert!(failed("head -c 1001 /dev/zero").contains("more than 1000 bytes"));
    assert!("'open".parse::<CommandLine>().is_err());
    assert!(" ".parse::<CommandLine>().is_err());
}

#[test]
fn what_a_program_leaves_behind_is_not_waited_for() {
    let started = Instant::now();
    // As an ssh client that keeps its connection open does.
    let line = "sh -c 'sleep 60 >/dev/null & printf out'";
    assert_eq!(run(line, b"").unwrap(), b"out");
    assert!(started.elapsed() < Duration::from_secs(4));
}

/// Runs a script, and ends what it has left behind.
fn run_leaving<T>(
    text: &str,
    run: impl FnOnce(&CommandLine) -> Result<T, CommandFailure>,
) -> (Result<T, CommandFailure>, Duration) {
    let directory = tempfile::tempdir().unwrap();
    let started = Instant::now();
    let ran = run(&script(text, directory.path()));
    let took = started.elapsed();
    let child = told(directory.path(), "child");
    if let Some(child) = child.and_then(|id| Pid::from_raw(id.parse().unwrap())) {
        let _ = kill_process(child, Signal::KILL);
    }
    (ran, took)
}

/// The first word of a passphrase is another passphrase.
#[test]
fn what_is_left_behind_may_say_the_rest_and_a_part_is_never_given_for_all() {
    let run = |text: &str, deadline| {
        let (ran, took) = run_leaving(text, |line| line.run(b"", &[], deadline, 100_000));
        (ran.map(|output| output.to_vec()), took)
    };
    let (both, _) = run("{ sleep 0.8; echo horse; } & printf 'correct '", ENOUGH * 4);
    assert_eq!(both.unwrap(), b"correct horse\n");
    let (late, _) = run("{ sleep 0.5; echo late; } &", ENOUGH * 4);
    assert_eq!(late.unwrap(), b"late\n");
    let left = "sleep 60 & echo $! >$0/child;";
    let second = Duration::from_secs(1);
    let (cut, _) = run(&format!("{left} echo correct"), second);
    assert!(matches!(cut, Err(CommandFailure::LeftOpen)), "{cut:?}");
    let (nothing, _) = run(left, second);
    assert!(
        matches!(nothing, Err(CommandFailure::TimedOut)),
        "{nothing:?}"
    );
    // One that has failed is not waited for.
    let (failed, took) = run(&format!("{left} echo no >&2; exit 3"), ENOUGH * 10);
    let failed = failed.unwrap_err().to_string();
    assert!(failed.ends_with("exit status: 3 and said: no"), "{failed}");
    assert!(took < ENOUGH * 5);
}

/// Who sees whether an answer is whole gets it, though something holds the pipe.
#[test]
fn an_answer_is_what_has_come_when_the_time_is_over() {
    let text = "sleep 60 & echo $! >$0/child; head -c 99999 /dev/zero";
    let second = Duration::from_secs(1);
    let (ran, took) = run_leaving(text, |line| line.ask(b"", &[], second, 100_000));
    assert_eq!(ran.unwrap().output.len(), 99_999);
    assert!(took >= second && took < second * 20);
}

/// Gives a shell script a directory for what it has to tell, in $0.
fn script(text: &str, directory: &Path) -> CommandLine {
    let words = ["sh", "-c", text, directory.to_str().unwrap()];
    CommandLine::from_words(words.map(str::to_owned).to_vec()).unwrap()
}

fn told(directory: &Path, name: &str) -> Option<String> {
    let text = std::fs::read_to_string(directory.join(name)).ok()?;
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// Waits until a process is no more, not even as a zombie of somebody else who has
/// to reap it.
fn wait_until_gone(id: &str) {
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        let state = std::fs::read_to_string(format!("/proc/{id}/stat"));
        match state {
            Err(_) => return,
            Ok(stat) if stat.rsplit(')').next().unwrap().trim().starts_with('Z') => return,
            Ok(stat) => assert!(Instant::now() < end, "it still runs: {stat}"),
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A script with a child of its own, both of which do not hear SIGTERM; a minute
/// later they would end by themselves.
const DEAF: &str = r#"trap "" TERM
sh -c 'echo $$ >"$0/child"; for i in 1 2 3 4 5 6; do sleep 10; done' "$0" &
echo $$ >"$0/parent"
for i in 1 2 3 4 5 6; do sleep 10; done"#;

/// A deadline within which a script has told its numbers, on a slow machine too.
const ENOUGH: Duration = Duration::from_secs(4);

#[test]
fn what_does_not_hear_is_killed_with_all_that_it_has_started() {
    let directory = tempfile::tempdir().unwrap();
    let line = script(DEAF, directory.path());
    let ended = line.tell(&[], ENOUGH, 100).ended;
    assert!(matches!(ended, Err(CommandFailure::TimedOut)));
    let parent = told(directory.path(), "parent").unwrap();
    // It is reaped, so that its number is free.
    assert!(!Path::new("/proc").join(parent).exists());
    wait_until_gone(&told(directory.path(), "child").unwrap());
}

#[test]
fn a_program_may_clean_up_before_it_is_killed() {
    let directory = tempfile::tempdir().unwrap();
    let line = script(
        r#"trap 'echo clean >"$0/cleaned"; exit 0' TERM; while :; do sleep 0.01; done"#,
        directory.path(),
    );
    let failed = line.run(b"", &[], ENOUGH, 100).unwrap_err();
    // Its success comes too late.
    assert!(matches!(failed, CommandFailure::TimedOut));
    assert_eq!(told(directory.path(), "cleaned").unwrap(), "clean");
}

#[test]
fn what_has_ended_is_reaped() {
    let told = parse("sh -c 'echo $$'").tell(&[], ENOUGH, 100);
    assert!(told.ended.is_ok());
    assert!(!Path::new("/proc").join(&told.output).exists(), "{told:?}");
    let id = run("sh -c 'echo $$'", b"").unwrap();
    let id = String::from_utf8(id).unwrap();
    assert!(!Path::new("/proc").join(id.trim()).exists());
}

#[test]
fn a_program_that_closes_its_input_is_no_failure() {
    for input in [&b"in"[..], &[7; 200_000]] {
        assert_eq!(run("sh -c 'exec <&-; printf out'", input).unwrap(), b"out");
    }
}

#[test]
fn the_end_of_what_is_said_is_kept() {
    let tell = |line: &str| parse(line).tell(&[], Duration::from_secs(20), 10);
    assert_eq!(tell("sh -c 'printf one; printf two >&2'").output, "onetwo");
    assert_eq!(tell("printf 0123456789").output, "0123456789");
    assert_eq!(tell("printf 0123456789a").output, "…123456789a");
    assert_eq!(tell("printf 'a\\033[2Jb\\n'").output, "a\\u{1b}[2Jb");
    let much = tell("sh -c 'head -c 10000000 /dev/zero; printf 0123456789; exit 3'");
    assert_eq!(much.output, "…0123456789");
    let failed = much.ended.unwrap_err().to_string();
    assert_eq!(failed, "it ended with exit status: 3");
    let missing = tell("/nonexistent/program");
    assert!(matches!(missing.ended, Err(CommandFailure::Start(_))));
}

#[test]
fn who_is_told_gets_variables_no_input_and_a_group_of_its_own() {
    let line = parse("sh -c 'cat; printf %s \"$WINDLASS_TEST,${HOME-none}\"'");
    let variables = [
        ("WINDLASS_TEST", Some(OsStr::new("variable"))),
        ("HOME", None),
    ];
    assert_eq!(line.tell(&variables, ENOUGH, 100).output, "variable,none");
    let group =
        parse("sh -c 'read id name state parent group rest </proc/$$/stat; echo $id $group'")
            .tell(&[], ENOUGH, 100)
            .output;
    let (id, group) = group.split_once(' ').unwrap();
    assert_eq!(id, group);
}

#[test]
fn what_a_hook_leaves_behind_is_neither_waited_for_nor_ended() {
    let directory = tempfile::tempdir().unwrap();
    let started = Instant::now();
    // It holds the pipe open, as a service does that an old script has started.
    let line = script(
        "sleep 60 & echo $! >\"$0/child\"; printf done",
        directory.path(),
    );
    let told_of = line.tell(&[], Duration::from_secs(50), 100);
    assert!(told_of.ended.is_ok());
    assert_eq!(told_of.output, "done");
    assert!(started.elapsed() < Duration::from_secs(40));
    let child = told(directory.path(), "child").unwrap();
    assert!(Path::new("/proc").join(&child).exists());
    let child = Pid::from_raw(child.parse().unwrap()).unwrap();
    kill_process(child, Signal::KILL).unwrap();
}

#[test]
fn words_may_be_split_already() {
    let words = |words: &[&str]| {
        CommandLine::from_words(words.iter().copied().map(str::to_owned).collect())
    };
    let line = words(&["printf", "%s|", "a b", ""]).unwrap();
    assert_eq!(line.tell(&[], ENOUGH, 100).output, "a b||");
    assert!(words(&[]).is_err() && words(&["", "a"]).is_err());
}

fn parse(line: &str) -> CommandLine {
    line.parse().unwrap()
}

#[test]
fn a_program_that_does_not_end_is_killed() {
    let started = Instant::now();
    // The inner one keeps the pipe open.
    let line: CommandLine = "sh -c 'sleep 60 & sleep 60'".parse().unwrap();
    let failed = line
        .run(b"", &[], Duration::from_millis(200), 1000)
        .unwrap_err();
    assert!(matches!(failed, CommandFailure::TimedOut));
    assert!(started.elapsed() < Duration::from_secs(20));
}

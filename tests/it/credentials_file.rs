//! AWS's shared files: what an edit changes, what it leaves, what is refused, and
//! what the file looks like to everybody else meanwhile.

mod property;

use chrono::DateTime;
use windlass::delivery::ini::{Change, Place, Problem, ProfileName, Refusal, edit};
use windlass::delivery::{CredentialsFileError, write_session};
use windlass::rolesanywhere::SessionCredentials;
use windlass::secret::Secret;

/// The lines of a session as they are written.
pub const LINES: &str =
    "aws_access_key_id = ASIANEW\naws_secret_access_key = s/e+c\naws_session_token = t==\n";

pub fn name(text: &str) -> ProfileName {
    text.parse().unwrap()
}

pub fn credentials() -> SessionCredentials {
    SessionCredentials {
        access_key_id: "ASIANEW".to_owned(),
        secret_access_key: Secret::from("s/e+c".to_owned()),
        session_token: Secret::from("t==".to_owned()),
        expiration: DateTime::from_timestamp(1_800_000_000, 0).unwrap(),
    }
}

/// Writes the session into the section `default`.
fn update(text: impl AsRef<[u8]>) -> Result<Vec<u8>, CredentialsFileError> {
    update_of("default", text.as_ref(), false)
}

fn update_of(profile: &str, text: &[u8], force: bool) -> Result<Vec<u8>, CredentialsFileError> {
    let write = |text: &[u8]| {
        write_session(text, &name(profile), &credentials(), force)
            .map(|edited| edited.text.expose().to_vec())
    };
    let once = write(text)?;
    let twice = write(&once).unwrap();
    assert!(once == twice, "a second update changes the file");
    Ok(once)
}

#[track_caller]
fn becomes(before: &str, after: &str) {
    let shown = String::from_utf8(update(before).unwrap()).unwrap();
    assert_eq!(shown, after, "from {before:?}");
}

#[test]
fn a_new_section_comes_behind_the_last_line() {
    let section = format!("[default]\n{LINES}");
    becomes("", &section);
    becomes("[a]\nx = 1\n", &format!("[a]\nx = 1\n{section}"));
    becomes("# none", &format!("# none\n{section}"));
    becomes("[a]\nx = 1\n\n\n", &format!("[a]\nx = 1\n\n\n{section}"));
    // A nested block, and a name that only begins so.
    becomes(
        "[default2]\ns3 =\n  x = 1",
        &format!("[default2]\ns3 =\n  x = 1\n{section}"),
    );
    // The two files' names for a profile are not each other's.
    becomes(
        "[profile default]\nx = 1\n",
        &format!("[profile default]\nx = 1\n{section}"),
    );
    let crlf = update("[a]\r\nx = 1").unwrap();
    let expected = format!("[a]\r\nx = 1\r\n{}", section.replace('\n', "\r\n"));
    assert_eq!(String::from_utf8(crlf).unwrap(), expected);
}

#[test]
fn f1_the_last_line_of_the_file_stays_when_it_is_the_sections() {
    let old = "[default]\naws_access_key_id = ASIAOLD\naws_secret_access_key = o\naws_session_token = o\n";
    becomes(
        &format!("{old}region = x"),
        &format!("[default]\n{LINES}region = x"),
    );
    becomes(
        &format!("{old}region = x\n"),
        &format!("[default]\n{LINES}region = x\n"),
    );
    // And it is not joined with what is added.
    becomes(
        "[default]\nregion = x",
        &format!("[default]\nregion = x\n{LINES}"),
    );
}

#[test]
fn f2_a_header_on_the_last_line_stays() {
    becomes(
        "[default]\nx = 1\n[next]",
        &format!("[default]\nx = 1\n{LINES}[next]"),
    );
    becomes("[default]\n[next]", &format!("[default]\n{LINES}[next]"));
}

#[test]
fn f3_the_sections_own_header_on_the_last_line_is_found() {
    becomes(
        "[a]\nx = 1\n[default]",
        &format!("[a]\nx = 1\n[default]\n{LINES}"),
    );
    becomes("[default]", &format!("[default]\n{LINES}"));
}

/// botocore takes the blanks for a part of the name, and others do not: without
/// them all find one section.
#[test]
fn f4_a_header_with_inner_blanks_is_the_section() {
    let old = "[ default ] # mine\naws_access_key_id = ASIAOLD\nregion = x\n";
    let written = write_session(old.as_bytes(), &name("default"), &credentials(), false).unwrap();
    assert_eq!(written.respelled.as_deref(), Some("[ default ]"));
    becomes(old, &format!("[default] # mine\n{LINES}region = x\n"));
    becomes("  [default] ; x\n", &format!("  [default] ; x\n{LINES}"));
}

#[test]
fn f5_indented_keys_are_replaced_and_not_repeated() {
    becomes(
        "[default]\n  aws_access_key_id=ASIAOLD\n  aws_secret_access_key=o\n  aws_session_token=o\n  region = x\n",
        "[default]\n  aws_access_key_id = ASIANEW\n  aws_secret_access_key = s/e+c\n  aws_session_token = t==\n  region = x\n",
    );
    // What is added is indented as the key before it, or the next one would
    // continue its value.
    becomes(
        "[default]\n  region = x\n  output = y\n",
        "[default]\n  region = x\n  output = y\n  aws_access_key_id = ASIANEW\n  aws_secret_access_key = s/e+c\n  aws_session_token = t==\n",
    );
    // Below another key the same line is a part of that key's value.
    becomes(
        "[default]\ns3 =\n  aws_access_key_id = nested\nx = 1\n",
        &format!("[default]\ns3 =\n  aws_access_key_id = nested\nx = 1\n{LINES}"),
    );
}

#[test]
fn f6_keys_are_compared_as_a_whole() {
    let others = "aws_access_key_id_backup = AKIAKEEP\naws_session_token2 = keep\n";
    becomes(
        &format!("[default]\n{others}"),
        &format!("[default]\n{others}{LINES}"),
    );
}

#[test]
fn f7_a_line_of_200_kib_and_all_behind_it_stay() {
    let long = format!(
        "# {}\nkey = {}\n",
        "c".repeat(200 * 1024),
        "v".repeat(200 * 1024)
    );
    let text = format!("[a]\n{long}[default]\n{long}[b]\n{long}");
    becomes(
        &text,
        &format!("[a]\n{long}[default]\n{long}{LINES}[b]\n{long}"),
    );
}

#[test]
fn f9_line_endings_stay_as_they_are() {
    let old = "[default]\r\nregion = x\r\naws_access_key_id = ASIAOLD\r\n\r\n[b]\ny = 1\r\n";
    let new = String::from_utf8(update(old).unwrap()).unwrap();
    assert_eq!(
        new,
        format!(
            "[default]\r\nregion = x\r\n{}\r\n[b]\ny = 1\r\n",
            LINES.replace('\n', "\r\n")
        )
    );
}

#[test]
fn keys_in_other_spellings_are_the_same_keys() {
    becomes(
        "[default]\nAWS_Access_Key_ID: ASIAOLD\naws_secret_access_key=o\n\taws_session_token = x\nregion=x\n",
        "[default]\naws_access_key_id = ASIANEW\naws_secret_access_key = s/e+c\naws_session_token = t==\nregion=x\n",
    );
    // A line that says it already keeps its form.
    let same = "[default]\naws_access_key_id=ASIANEW\naws_secret_access_key  =s/e+c  \naws_session_token= t==\n";
    becomes(same, same);
}

#[test]
fn lines_that_continue_a_replaced_value_go_and_comments_between_them_stay() {
    becomes(
        "[default]\naws_session_token = abc\n  def\n  # why\n\n  ghi=\nregion = x\n  y\naws_access_key_id =\naws_secret_access_key = o\n",
        "[default]\naws_session_token = t==\n  # why\n\nregion = x\n  y\naws_access_key_id = ASIANEW\naws_secret_access_key = s/e+c\n",
    );
}

#[test]
fn a_stale_security_token_is_removed_with_its_continuations() {
    becomes(
        "[default]\naws_security_token = old\n  older\nx = 1\n[b]\naws_security_token = b\n",
        &format!("[default]\nx = 1\n{LINES}[b]\naws_security_token = b\n"),
    );
}

#[test]
fn what_others_wrote_beside_stays_byte_for_byte() {
    let mut old =
        b"; \xff\xfe\n[b\xe9]\nk\xff = \x80\x81\n  \xfe\n[default]\n\n# c \xff\n".to_vec();
    old.extend_from_slice(b"region = x ; not cut\n \t\n[c]\n\tz = 1\n");
    let text = String::from_utf8_lossy(&old).into_owned();
    assert!(text.contains('\u{fffd}'));
    let new = update(&old).unwrap();
    let at = old.windows(3).position(|part| part == b" \t\n").unwrap();
    let expected = [&old[..at], LINES.as_bytes(), &old[at..]].concat();
    assert_eq!(
        String::from_utf8_lossy(&new),
        String::from_utf8_lossy(&expected)
    );
    assert!(new == expected);
}

#[test]
fn files_that_do_not_parse_are_refused_with_the_line() {
    use Problem as P;
    let long = "x = 1\n".repeat(100);
    for (text, line, problem) in [
        ("junk\n[default]\n", 1, P::BeforeFirstSection),
        ("[default\nkey = 1\n", 1, P::Unclosed),
        ("[a = b\n[default]\n", 1, P::Unclosed),
        ("[default]\nk = 1\n[nightly\nk = 2\n", 3, P::Unclosed),
        ("[]\n", 1, P::Unclosed),
        ("\n# c\nkey = 1\n[default]\n", 3, P::BeforeFirstSection),
        ("\u{feff}[default]\n", 1, P::ByteOrderMark),
        ("[a]\n[default]\n[a]\n", 3, P::DuplicateSection { first: 1 }),
        (
            "[default]\n\n[default]\n",
            3,
            P::DuplicateSection { first: 1 },
        ),
        (
            "[default]\n[ default ]\n",
            2,
            P::DuplicateSection { first: 1 },
        ),
        ("[default]\nk = 1\nK: 2\n", 3, P::DuplicateKey { first: 2 }),
        (
            "[default]\naws_session_token = 1\nAWS_SESSION_TOKEN = 2\n",
            3,
            P::DuplicateKey { first: 2 },
        ),
        (
            "[a]\nx = 1\nx = 2\n[default]\n",
            3,
            P::DuplicateKey { first: 2 },
        ),
        ("[default]\nk = 1\nwJalrXUtnFEMI\n", 3, P::NoDelimiter),
        ("[default]\n= 1\n", 2, P::NoKey),
        ("[default]\nk = \0\n", 2, P::ZeroByte),
        ("[default]\nk = 1\rx = 2\n", 2, P::CarriageReturn),
        ("[default] # see [a]\n", 1, P::Bracket),
        ("[a]\nk = 1\n  [default]\n", 3, P::IndentedHeader),
        (
            "[default]\naws_session_token = 1\n  [a]\nx = 2\n",
            3,
            P::IndentedHeader,
        ),
        ("[default]\ns3 =\n  x = 1\n  y\n", 4, P::Nested),
        ("[DEFAULT]\naws_security_token = 1\n", 2, P::Defaults),
        (
            &format!("[a]\n{}[default]\n", &long[..6]).replace("x = 1\n", "x\n"),
            2,
            P::NoDelimiter,
        ),
    ] {
        let error = update(text).unwrap_err();
        let refusal = Refusal::Line { line, problem };
        assert_eq!(error, CredentialsFileError::Refused(refusal), "{text:?}");
        // Nothing of a line is shown: it may be a secret.
        assert!(!error.to_string().contains("wJalr"), "{error}");
    }
}

#[test]
fn a_key_that_is_not_temporary_is_kept_without_force() {
    for id in ["AKIAIOSFODNN7EXAMPLE", "AROAIOSFODNN7EXAMPLE", "asia"] {
        let text = format!("[default]\nAWS_ACCESS_KEY_ID={id}\n");
        let error = update(&text).unwrap_err();
        assert!(
            matches!(&error, CredentialsFileError::LongLived { line: 2, section, .. } if section == "default"),
            "{error:?}"
        );
        assert!(update_of("default", text.as_bytes(), true).is_ok());
        // In another section it is nobody's business.
        assert!(update_of("other", text.as_bytes(), false).is_ok());
    }
    // What is no key id may be a secret in the wrong place.
    let error = update("[default]\naws_access_key_id = wJalrXUtnFEMI+K7MDENG\n").unwrap_err();
    assert!(!error.to_string().contains("wJalrX"), "{error}");
    // Nothing is lost with an empty one.
    assert!(update("[default]\naws_access_key_id =\n").is_ok());
}

/// A file within its size could have millions of them.
#[test]
fn there_are_so_many_lines_and_no_more() {
    let text = "\n".repeat(100_000 - 4);
    let whole = update(&text).unwrap();
    assert_eq!(whole.len(), text.len() + "[default]\n".len() + LINES.len());
    let refusal = Refusal::Line {
        line: 100_001,
        problem: Problem::TooManyLines { max: 100_000 },
    };
    let text = "\n".repeat(4 * 1024 * 1024);
    assert_eq!(
        update(&text).unwrap_err(),
        CredentialsFileError::Refused(refusal)
    );
}

/// A second [DEFAULT] is the first one for its keys, and no other section is.
#[test]
fn a_key_stands_once_in_a_section() {
    let duplicate = |line, first| {
        CredentialsFileError::Refused(Refusal::Line {
            line,
            problem: Problem::DuplicateKey { first },
        })
    };
    assert!(update("[a]\nx = 1\n[b]\nX = 1\n").is_ok());
    assert_eq!(update("[a]\nx = 1\nX = 1\n").unwrap_err(), duplicate(3, 2));
    assert_eq!(
        update("[DEFAULT]\nx = 1\n[a]\nx = 1\n[DEFAULT]\nx = 1\n").unwrap_err(),
        duplicate(6, 2)
    );
}

#[test]
fn the_config_file_has_headers_of_its_own() {
    let set = |text: &str, profile: &str| {
        let change = Change {
            key: "region",
            value: Some("x"),
        };
        edit(text.as_bytes(), Place::Config, &name(profile), &[change])
            .map(|edited| String::from_utf8(edited.text.expose().to_vec()).unwrap())
    };
    let set_ok = |text: &str, profile: &str| set(text, profile).unwrap();
    assert_eq!(set_ok("", "a"), "[profile a]\nregion = x\n");
    assert_eq!(set_ok("", "a b"), "[profile \"a b\"]\nregion = x\n");
    assert_eq!(set_ok("", "default"), "[default]\nregion = x\n");
    for header in ["[profile a]", "[profile  \"a\"]", "[profile 'a'] # c"] {
        let text = format!("[a]\n{header}\n");
        assert_eq!(set_ok(&text, "a"), format!("{text}region = x\n"));
    }
    assert_eq!(set_ok("[ profile a ]\n", "a"), "[profile a]\nregion = x\n");
    // The two names of the default: all SDKs take the later one here, and each
    // another one there.
    let both = "[default]\ny = 1\n[profile default]\n";
    assert_eq!(set_ok(both, "default"), format!("{both}region = x\n"));
    assert_eq!(
        set("[profile default]\n[default]\n", "default"),
        Err(Refusal::Line {
            line: 2,
            problem: Problem::DuplicateSection { first: 1 }
        })
    );
}

#[test]
fn values_that_no_line_can_hold_are_refused() {
    for value in ["", " a", "a ", "a\nb", "a\r", "a\0", "a #b", "a ;b"] {
        let change = Change {
            key: "k",
            value: Some(value),
        };
        let refused = edit(b"", Place::Config, &name("a"), &[change]);
        assert!(matches!(refused, Err(Refusal::Value { .. })), "{value:?}");
    }
    let mut session = credentials();
    session.session_token = Secret::from("a b".to_owned());
    assert_eq!(
        write_session(b"", &name("a"), &session, false).unwrap_err(),
        CredentialsFileError::NotText
    );
}

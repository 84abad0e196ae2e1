//! What a start of the program takes.

use std::fs;

use crate::harness::{Sandbox, program};

/// Its name would stand in the program if the system had to find it.
#[test]
#[cfg(all(target_arch = "x86_64", target_env = "gnu"))]
fn the_unwinder_is_in_the_program() {
    let program = fs::read(program()).unwrap();
    let needs = |library: &str| {
        let name = library.as_bytes();
        program.windows(name.len()).any(|window| window == name)
    };
    assert!(needs("libc.so.6"));
    assert!(!needs("libgcc_s.so"), "is there no libgcc_eh.a?");
}

/// Arguments that name everything are read without the parser, unless variables
/// stand for others.
#[test]
fn a_variable_counts_however_plain_the_arguments_are() {
    let sandbox = Sandbox::new();
    let arguments = [
        "credential-process",
        "--certificate=nowhere.pem",
        "--trust-anchor-arn=arn:aws:rolesanywhere:us-east-1:123456789012:trust-anchor/a",
        "--profile-arn=arn:aws:rolesanywhere:us-east-1:123456789012:profile/b",
        "--role-arn=arn:aws:iam::123456789012:role/c",
    ];
    let run = |variables: &[(&str, &str)]| {
        let mut command = sandbox.command();
        command.args(arguments).envs(variables.iter().copied());
        sandbox.finish(command)
    };
    let plain = run(&[]);
    assert_eq!(plain.code, 2, "{plain:?}");
    assert!(plain.stderr.contains("nowhere.pem"), "{plain:?}");
    // Nothing else is wrong when a variable is set to nothing.
    assert_eq!(run(&[("WINDLASS_REGION", "")]).stderr, plain.stderr);
    let other = run(&[("WINDLASS_REGION", "eu-west-1")]);
    assert_eq!(other.code, 2, "{other:?}");
    assert!(other.stderr.contains("eu-west-1"), "{other:?}");
    let form = run(&[("WINDLASS_ERROR_FORMAT", "json")]);
    assert!(form.stderr.starts_with('{'), "{form:?}");
}

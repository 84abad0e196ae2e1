//! `windlass serve`

use std::net::IpAddr;
use std::path::PathBuf;

use clap::Args;

use crate::key::Source;

use super::{ProfileChoice, SessionArgs, value};

/// Serve credentials on this host, as EC2 and container endpoints do
///
/// For programs that cannot run a credential_process. SDKs find credentials
/// under $AWS_EC2_METADATA_SERVICE_ENDPOINT (IMDSv2, the first profile) and
/// under $AWS_CONTAINER_CREDENTIALS_FULL_URI (any profile, with a token); what
/// to set is printed. Every request is answered from memory: sessions are
/// replaced in the background at half of their life, and a session that is
/// there is served until its end, whatever happens to AWS.
///
/// /healthz says how it is and /metrics counts, for Prometheus. A line for
/// aws_signing_helper serve on Linux keeps working.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  windlass serve \\
      --certificate web-1/fullchain.pem --private-key web-1/key.pem \\
      --trust-anchor-arn \\
      arn:aws:rolesanywhere:us-east-1:123456789012:alias/trust-anchor/main \\
      --profile-arn arn:aws:rolesanywhere:us-east-1:123456789012:alias/profile/backup \\
      --role-arn arn:aws:iam::123456789012:role/backup \\
      --endpoint http://127.0.0.1:9910

As a systemd service with two profiles, without IMDS:
  [Service]
  Type=notify
  ExecStart=/usr/bin/windlass serve --profile backup --profile web \\
      --no-imds --token-file /run/windlass/token")]
pub struct Serve {
    /// Profile of the config file to serve; may be repeated
    ///
    /// Without any, the session that the options name is served as the profile
    /// called default
    #[arg(
        long,
        value_name = "NAME",
        env = "WINDLASS_PROFILE",
        hide_env_values = true,
        conflicts_with = "all"
    )]
    pub profile: Vec<String>,

    /// Serve every profile of the config file
    #[arg(long)]
    pub all: bool,

    /// The profile that is served as IMDS; by default the first
    #[arg(long, value_name = "NAME")]
    pub imds_profile: Option<String>,

    /// Do not serve IMDS, only the container endpoint
    #[arg(long, conflicts_with = "imds_profile")]
    pub no_imds: bool,

    /// Address to listen on [default: 127.0.0.1]
    ///
    /// Another one than loopback needs --allow-remote, or --no-imds and a token.
    /// With --unix-socket and under systemd's socket activation there is no
    /// other socket unless --bind or --port is given
    #[arg(long, value_name = "ADDR", value_parser = value::address)]
    pub bind: Option<IpAddr>,

    /// Port to listen on [default: 9911]; 0 takes any free one
    #[arg(long, value_name = "PORT", value_parser = value::number("a port", 0..=u16::MAX, "9911"))]
    pub port: Option<u16>,

    /// DANGEROUS: let other hosts ask for credentials
    #[arg(long)]
    pub allow_remote: bool,

    /// TTL of the packets of every answer: how many routers they pass
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = value::number("a TTL", 1..=u8::MAX, "64"))]
    pub hop_limit: u8,

    /// UNIX socket to listen on
    ///
    /// One that is left over from an earlier run is replaced. Not in a directory
    /// in which everybody can replace it
    #[arg(long, value_name = "PATH")]
    pub unix_socket: Option<PathBuf>,

    /// Mode of the UNIX socket: who may connect
    #[arg(long, value_name = "MODE", default_value = "600", value_parser = mode, requires = "unix_socket")]
    pub socket_mode: u32,

    /// File for the container endpoint's token
    ///
    /// A new one is made, readable by its owner only. A token of an earlier run
    /// is kept, with the file's owner and mode: remove the file to get another
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,

    /// Where the container endpoint's token comes from, instead of a new one
    ///
    /// A SOURCE as for --certificate
    #[arg(long, value_name = "SOURCE", conflicts_with = "token_file")]
    pub authorization_token_from: Option<Source>,

    /// Further name that the Host header may have; may be repeated
    ///
    /// Other names than this host's own are refused, since a web page can make
    /// its own name point here
    #[arg(long, value_name = "NAME", value_parser = value::host)]
    pub allow_host: Vec<String>,

    /// Number of a user who may ask for credentials; may be repeated
    ///
    /// Without --allow-uid and --allow-gid everybody may who can connect. Over
    /// TCP it is the user whose socket is at the other end, on this host
    #[arg(long, value_name = "UID", value_parser = value::id("a user", "id -u NAME"))]
    pub allow_uid: Vec<u32>,

    /// Number of a group that may ask, over a UNIX socket; may be repeated
    ///
    /// It is the group that the process runs with, not one of its further
    /// groups: to let in all members of a group, leave the option out and put the
    /// socket, with --socket-mode 666, into a directory that only they can enter
    /// (mode 750). The kernel does not tell it of TCP
    #[arg(long, value_name = "GID", value_parser = value::id("a group", "getent group NAME"))]
    pub allow_gid: Vec<u32>,

    /// File that holds the URL once it is served
    ///
    /// It is removed at the end. One of an earlier run is replaced, any other
    /// file is refused
    #[arg(long, value_name = "FILE")]
    pub ready_file: Option<PathBuf>,

    /// Print what clients have to know as one line of JSON on stdout
    #[arg(long)]
    pub json: bool,

    /// The session. Last, since the heading that it ends with would stand over what
    /// follows
    #[command(flatten)]
    pub session: SessionArgs,
}

impl Serve {
    /// Which profiles are used.
    #[must_use]
    pub fn choice(&self) -> ProfileChoice<'_> {
        if self.all || !self.profile.is_empty() {
            ProfileChoice::Several
        } else {
            ProfileChoice::Usual
        }
    }
}

/// A mode as chmod takes it.
fn mode(text: &str) -> Result<u32, String> {
    u32::from_str_radix(text, 8)
        .ok()
        .filter(|mode| *mode <= 0o777)
        .ok_or_else(|| "a mode is up to three octal digits, as in 660".to_owned())
}

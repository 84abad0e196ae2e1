//! `windlass emulate`

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use clap::Args;

use crate::emulator::FaultScript;
use crate::rolesanywhere::{ProfileArn, Region, RoleArn, SessionDuration, TrustAnchorArn};

use super::value;

/// Run an emulated Roles Anywhere on loopback
///
/// Answers POST /sessions as the service does: it verifies the signature, the
/// certificate, its chain and revocation, and the profile's rules, and refuses
/// with AWS's own messages. The reason that AWS does not give stands in the
/// header x-windlass-reason and on stderr. The credentials open nothing; their
/// key ids begin with ASIA0EMULATED0, which no real one does. On the same port are
/// STS, with AssumeRole and GetCallerIdentity for the sessions that were given
/// out, and the control plane of Roles Anywhere with all its operations, for
/// 'aws rolesanywhere' and the SDKs with --endpoint-url. IAM is there as far as
/// roles need it: 'aws iam create-role' and what belongs to it. Trust policies are
/// judged for each session; policies that say what a role may do are kept, and
/// not judged.
///
/// ARNs that are not given are made up, the same at every start, and printed.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  windlass emulate --listen 127.0.0.1:9910 --trust-anchor ca/trust-anchor.pem
  windlass emulate --listen 127.0.0.1:9910 --tls --tls-root-file tls-root.pem \\
      --trust-anchor ca/trust-anchor.pem
  windlass emulate --listen 127.0.0.1:9910 --ready-file ready \\
      --trust-anchor \\
      arn:aws:rolesanywhere:us-east-1:123456789012:alias/trust-anchor/main=ca/trust-anchor.pem \\
      --profile-arn arn:aws:rolesanywhere:us-east-1:123456789012:alias/profile/backup \\
      --role-arn arn:aws:iam::123456789012:role/backup \\
      --assumable-role arn:aws:iam::210987654321:role/restore \\
      --external-id arn:aws:iam::210987654321:role/restore=on-prem
  windlass emulate --listen 127.0.0.1:9910 --trust-anchor ca/trust-anchor.pem \\
      --role-policy trust-policy.json
  windlass emulate --listen 127.0.0.1:9910 --state account.json \\
      --admin-credentials-file aws-admin-credentials --trust-anchor ca/trust-anchor.pem
  windlass emulate --listen 127.0.0.1:9910 --adverse --seed 7 \\
      --request-log requests.jsonl --trust-anchor ca/trust-anchor.pem
  windlass emulate --listen 127.0.0.1:9910 --world account.toml
  windlass emulate --listen 127.0.0.1:9910 --fault 503*2,slow:3 --session-seconds 60 \\
      --trust-anchor ca/trust-anchor.pem")]
pub struct Emulate {
    /// Loopback address and port; port 0 takes any free one
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:9910", value_parser = value::socket)]
    pub listen: SocketAddr,

    /// Serve HTTPS with a throw-away certificate
    ///
    /// The file with its root, for the client's --ca-bundle, is printed
    #[arg(long)]
    pub tls: bool,

    /// File for the root of the throw-away certificate
    ///
    /// One of an earlier run is replaced, any other file is refused
    #[arg(long, value_name = "FILE", requires = "tls")]
    pub tls_root_file: Option<PathBuf>,

    /// A trust anchor's certificates, with its ARN; may be repeated
    #[arg(long, value_name = "[ARN=]FILE", required_unless_present_any = ["state", "admin_credentials_file", "world"])]
    pub trust_anchor: Vec<AnchorArgument>,

    /// A revocation list, PEM or DER; may be repeated
    #[arg(long, value_name = "FILE")]
    pub crl: Vec<PathBuf>,

    /// ARN of a profile; may be repeated
    ///
    /// Every profile lists every role
    #[arg(long, value_name = "ARN")]
    pub profile_arn: Vec<ProfileArn>,

    /// ARN of a role; may be repeated
    #[arg(long, value_name = "ARN")]
    pub role_arn: Vec<RoleArn>,

    /// Trust policy of a role, as JSON; may be repeated
    ///
    /// With an ARN of one role, without of all others. It is judged for each
    /// session, as IAM does; what only AWS can know is refused. Roles without one
    /// are for everybody whom a profile lets through
    #[arg(long, value_name = "[ARN=]FILE")]
    pub role_policy: Vec<String>,

    /// The region; by default that of the ARNs, else us-east-1
    #[arg(long, value_name = "REGION")]
    pub region: Option<Region>,

    /// Session duration of the profiles in seconds
    #[arg(long, value_name = "SECONDS", default_value = "3600")]
    pub profile_duration: SessionDuration,

    /// MaxSessionDuration of the roles in seconds
    #[arg(long, value_name = "SECONDS", default_value = "3600")]
    pub role_max_duration: SessionDuration,

    /// The profiles accept a roleSessionName
    #[arg(long)]
    pub accept_role_session_name: bool,

    /// ARN of a trust anchor or profile that is disabled; may be repeated
    #[arg(long, value_name = "ARN")]
    pub disable: Vec<String>,

    /// How far a request's date may be off, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 300, value_parser = value::number("a window in seconds", 1..=86_400_u32, "300"))]
    pub clock_window: u32,

    /// Judge everything as if it were this time, RFC 3339
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub at: Option<DateTime<Utc>>,

    /// File that holds the URL once it is served
    ///
    /// It is removed at the end. One of an earlier run is replaced, any other
    /// file is refused
    #[arg(long, value_name = "FILE")]
    pub ready_file: Option<PathBuf>,

    /// File that keeps the account, and holds each change before it is answered
    ///
    /// At the next start the account is as it was left, and what the options name
    /// and it does not hold is added. Sessions are not kept
    #[arg(long, value_name = "FILE")]
    pub state: Option<PathBuf>,

    /// TOML file that describes the account
    ///
    /// region and account; arrays of tables: trust_anchor with name, certificates; profile
    /// with name, roles, duration, accept_role_session_name and [profile.mapping]
    /// (lists of specifiers under x509Subject, x509Issuer, x509SAN); role with
    /// name, max_duration and trust_policy; crl with name, file and the name
    /// of its trust_anchor; faults as for --fault. All but roles may have id, alias
    /// and enabled. Files are looked for where this one is
    #[arg(long, value_name = "FILE")]
    pub world: Option<PathBuf>,

    /// Refuse more requests in a second than the service lets through
    ///
    /// Ten sessions, and one request of each group of the control plane
    #[arg(long)]
    pub rate_limits: bool,

    /// AWS credentials file for an administrator of the account
    ///
    /// It is made, with a key pair as the profile default that opens nothing but this
    /// emulator: name it in AWS_SHARED_CREDENTIALS_FILE. The pair of an earlier
    /// run is taken again, any other file is refused
    #[arg(long, value_name = "FILE")]
    pub admin_credentials_file: Option<PathBuf>,

    /// ARN of a role that sessions may assume by STS; may be repeated
    #[arg(long, value_name = "ARN")]
    pub assumable_role: Vec<RoleArn>,

    /// External id that an assumable role asks for; may be repeated
    #[arg(long, value_name = "ARN=ID", requires = "assumable_role")]
    pub external_id: Vec<String>,

    /// Let every session last this many seconds, whatever is asked for
    ///
    /// To see refreshes in real time; from 2 up
    #[arg(long, value_name = "SECONDS", value_parser = value::number("a life in seconds", 2..=43_200_u32, "900"))]
    pub session_seconds: Option<u32>,

    /// What happens to the first requests: faults, separated by commas
    ///
    /// 429, 500 and 503 (503:7 has Retry-After: 7), slow:SECONDS, reset,
    /// truncated, html, empty, expired, denied, skew:SECONDS (the service's clock
    /// is that far ahead), ok. Behind * stands how often, and a + joins what
    /// happens to one request, as in slow:2+503*3,reset,ok
    #[arg(long, value_name = "SCRIPT")]
    pub fault: Option<FaultScript>,

    /// File that says what happens to requests, read at each of them
    ///
    /// It holds one fault as for --fault, without a count. Empty or missing,
    /// nothing happens
    #[arg(long, value_name = "FILE")]
    pub fault_file: Option<PathBuf>,

    /// Vary at random whatever AWS does not promise, to test clients
    ///
    /// JSON members in any order and unknown ones among them: models grow. Times
    /// with fractions or an offset: RFC 3339. An error's type in the header, the
    /// body or both, with a namespace, and message or Message: all were seen.
    /// Header names in any case and order, chunks, a length or neither, a closed
    /// connection: HTTP. Other names for the request's id. Sessions that last half
    /// of the time or more: the expiration counts. One request in twenty answered
    /// with 429, 500 or 503, never two in a row, with Retry-After as seconds, as a
    /// date or not at all: services are busy
    #[arg(long)]
    pub adverse: bool,

    /// Seed of --adverse; the same requests get the same answers again
    ///
    /// By default it is another one each time, and printed
    #[arg(long, value_name = "NUMBER", requires = "adverse", value_parser = value::number("a seed", 0..=u32::MAX, "7"))]
    pub seed: Option<u32>,

    /// File to which each request is added as a line of JSON
    ///
    /// time, request (method and path), operation, caller, status, durationMs,
    /// requestId, and for refusals code, message and reason. No signature, token
    /// or key is in it. It is made for its owner alone
    #[arg(long, value_name = "FILE")]
    pub request_log: Option<PathBuf>,

    /// Number the requests in the log, by operation
    #[arg(long)]
    pub count_requests: bool,

    /// Print the URL and the ARNs as JSON
    #[arg(long)]
    pub json: bool,
}

/// `[ARN=]FILE`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnchorArgument {
    /// The ARN, when given.
    pub arn: Option<TrustAnchorArn>,
    /// The file with one or two certificates.
    pub file: PathBuf,
}

impl FromStr for AnchorArgument {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((arn, file)) if arn.starts_with("arn:") => Ok(Self {
                arn: Some(arn.parse().map_err(|error| format!("{error}"))?),
                file: file.into(),
            }),
            _ => Ok(Self {
                arn: None,
                file: text.into(),
            }),
        }
    }
}

fn time(text: &str) -> Result<DateTime<Utc>, String> {
    DateTime::parse_from_rfc3339(text)
        .map(|time| time.with_timezone(&Utc))
        .map_err(|_| "not a time such as 2026-01-15T12:00:00Z".to_owned())
}

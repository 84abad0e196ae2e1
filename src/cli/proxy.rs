//! The options that say how AWS is reached.

use clap::Args;

use crate::rolesanywhere::NoProxy;

use super::ArgumentSecret;

/// Through which proxy, and what without it.
#[derive(Args, Clone, Debug, Default)]
pub struct ProxyArgs {
    /// HTTP proxy: http://HOST:PORT or http://USER:PASSWORD@HOST:PORT
    ///
    /// Without the option, $WINDLASS_PROXY, $HTTPS_PROXY or $ALL_PROXY names it,
    /// the last two in lowercase too. Every user of this machine can read a
    /// password here. Loopback is never reached through a proxy
    #[arg(long, value_name = "URL")]
    pub proxy: Option<ArgumentSecret>,

    /// Hosts to reach without the proxy: names, addresses, networks
    ///
    /// Separated by commas, as in example.com,10.0.0.0/8,host:8443. A name stands
    /// for those below it too. Without the option, $NO_PROXY or $no_proxy lists
    /// them
    #[arg(
        long,
        value_name = "LIST",
        env = "WINDLASS_NO_PROXY",
        hide_env_values = true
    )]
    pub no_proxy: Option<NoProxy>,
}

//! The sockets on which requests come: our own, and those that systemd hands
//! over.

use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;

use listenfd::ListenFd;
use rustix::net::sockopt::{set_ip_ttl, set_ipv6_unicast_hops};

use super::Error;

/// A socket that is bound and listens, before anything is accepted.
#[derive(Debug)]
pub enum Socket {
    /// On an address.
    Tcp {
        /// The socket.
        listener: TcpListener,
        /// The address with its port.
        address: SocketAddr,
    },
    /// In the file system.
    Unix {
        /// The socket.
        listener: UnixListener,
        /// Its path, when it has one.
        path: Option<PathBuf>,
    },
}

impl Socket {
    /// The address with its port, of a TCP socket.
    #[must_use]
    pub const fn address(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp { address, .. } => Some(*address),
            Self::Unix { .. } => None,
        }
    }
}

/// Listens on an address; port 0 takes any free one. `hops` is the TTL, or hop
/// limit, of every packet that is sent from it.
///
/// # Errors
///
/// [`Error::Bind`].
pub fn listen(address: SocketAddr, hops: u8) -> Result<Socket, Error> {
    let failed = |source| Error::Bind { address, source };
    let listener = TcpListener::bind(address).map_err(failed)?;
    prepare(listener, hops).map_err(failed)
}

/// The sockets that systemd has bound (sd_listen_fds(3)), none when it was not
/// systemd that started this program. Call it once, before there are threads:
/// it removes the variables that say so.
///
/// # Errors
///
/// [`Error::Activation`] when one is neither a TCP nor a UNIX stream socket.
pub fn activated(hops: u8) -> Result<Vec<Socket>, Error> {
    let mut handed = ListenFd::from_env();
    let mut sockets = Vec::new();
    for index in 0..handed.len() {
        // What it is not fails without being taken.
        if let Ok(Some(listener)) = handed.take_unix_listener(index) {
            listener.set_nonblocking(true).map_err(Error::Activation)?;
            let bound = listener.local_addr().map_err(Error::Activation)?;
            let path = bound.as_pathname().map(PathBuf::from);
            sockets.push(Socket::Unix { listener, path });
        } else if let Some(listener) = handed.take_tcp_listener(index).map_err(Error::Activation)? {
            sockets.push(prepare(listener, hops).map_err(Error::Activation)?);
        }
    }
    Ok(sockets)
}

fn prepare(listener: TcpListener, hops: u8) -> std::io::Result<Socket> {
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    // Connections inherit it. A socket for both versions of IP has both.
    if address.is_ipv6() {
        set_ipv6_unicast_hops(&listener, Some(hops))?;
    }
    set_ip_ttl(&listener, u32::from(hops))?;
    Ok(Socket::Tcp { listener, address })
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;

    use rustix::net::sockopt::{ip_ttl, ipv6_unicast_hops};

    use super::*;

    #[test]
    fn every_connection_has_the_hop_limit() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let Socket::Tcp { listener, address } = listen(address.parse().unwrap(), 3).unwrap()
            else {
                panic!("not TCP");
            };
            listener.set_nonblocking(false).unwrap();
            let _client = TcpStream::connect(address).unwrap();
            let (accepted, _) = listener.accept().unwrap();
            if address.is_ipv6() {
                assert_eq!(ipv6_unicast_hops(&accepted).unwrap(), 3);
            } else {
                assert_eq!(ip_ttl(&accepted).unwrap(), 3);
            }
        }
    }
}

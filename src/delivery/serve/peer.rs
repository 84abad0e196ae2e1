//! Which user is at the other end of a connection.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::net::{TcpStream, UnixStream};

use crate::limits;
use crate::store::read_bounded;

/// The other end of a connection.
#[derive(Clone, Debug)]
pub(super) enum Caller {
    /// Over TCP; the user only when it was asked for and is on this host.
    Tcp {
        peer: SocketAddr,
        local: SocketAddr,
        uid: Option<u32>,
    },
    /// Over a UNIX socket, as the kernel says.
    Unix { uid: u32, gid: u32 },
}

impl Caller {
    /// Who is at the other end of a TCP connection. The user is looked up when
    /// `user` says so.
    pub(super) async fn of_tcp(stream: &TcpStream, user: bool) -> std::io::Result<Self> {
        let (peer, local) = (stream.peer_addr()?, stream.local_addr()?);
        let uid = if user {
            // The kernel writes the tables anew for each reading, and they may
            // be long.
            tokio::task::spawn_blocking(move || uid_of(peer, local))
                .await
                .ok()
                .flatten()
        } else {
            None
        };
        Ok(Self::Tcp { peer, local, uid })
    }

    /// Who is at the other end of a UNIX socket.
    pub(super) fn of_unix(stream: &UnixStream) -> std::io::Result<Self> {
        let credentials = stream.peer_cred()?;
        Ok(Self::Unix {
            uid: credentials.uid(),
            gid: credentials.gid(),
        })
    }
}

impl Caller {
    /// The user, where it is known.
    pub(super) const fn uid(&self) -> Option<u32> {
        match self {
            Self::Tcp { uid, .. } => *uid,
            Self::Unix { uid, .. } => Some(*uid),
        }
    }
}

/// How many places each user holds.
#[derive(Clone, Debug, Default)]
pub(super) struct Holders(Arc<Mutex<BTreeMap<u32, usize>>>);

/// One of a user's places; dropping it gives it back.
#[derive(Debug)]
pub(super) struct Holder {
    holders: Holders,
    uid: Option<u32>,
}

impl Holders {
    /// Takes a place for a user; `None` when that one has `most` already.
    /// Somebody unknown is not counted.
    pub(super) fn take(&self, uid: Option<u32>, most: usize) -> Option<Holder> {
        if let Some(uid) = uid {
            let mut held = self.held();
            let count = held.entry(uid).or_default();
            if *count >= most {
                return None;
            }
            *count += 1;
        }
        Some(Holder {
            holders: self.clone(),
            uid,
        })
    }

    fn held(&self) -> MutexGuard<'_, BTreeMap<u32, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        let Some(uid) = self.uid else { return };
        let mut held = self.holders.held();
        if let Entry::Occupied(mut entry) = held.entry(uid) {
            *entry.get_mut() -= 1;
            if *entry.get() == 0 {
                entry.remove();
            }
        }
    }
}

impl std::fmt::Display for Caller {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tcp {
                peer,
                uid: Some(uid),
                ..
            } => write!(f, "{peer} uid {uid}"),
            Self::Tcp {
                peer, uid: None, ..
            } => write!(f, "{peer}"),
            Self::Unix { uid, gid } => write!(f, "uid {uid} gid {gid}"),
        }
    }
}

/// The user who opened the other end, from the kernel's tables of sockets of
/// this host (proc(5), `/proc/net/tcp`). A program may connect to an IPv4
/// address through an IPv6 socket, so both are looked at.
fn uid_of(peer: SocketAddr, local: SocketAddr) -> Option<u32> {
    ["/proc/net/tcp", "/proc/net/tcp6"].iter().find_map(|path| {
        let table = read_bounded(Path::new(path), limits::MAX_SOCKET_TABLE).ok()?;
        find(std::str::from_utf8(&table).ok()?, peer, local)
    })
}

/// Looks for the socket whose own end is `peer` and whose other end is `local`.
fn find(table: &str, peer: SocketAddr, local: SocketAddr) -> Option<u32> {
    table.lines().skip(1).find_map(|line| {
        let mut fields = line.split_whitespace().skip(1);
        let own = address(fields.next()?)?;
        let other = address(fields.next()?)?;
        // State, queues, timer, retransmissions; then user, time-out and inode.
        let uid = fields.nth(4)?.parse().ok()?;
        let inode: u64 = fields.nth(1)?.parse().ok()?;
        // A socket that no process has any more is shown as root's.
        (inode != 0 && own == canonical(peer) && other == canonical(local)).then_some(uid)
    })
}

fn canonical(address: SocketAddr) -> (std::net::IpAddr, u16) {
    (address.ip().to_canonical(), address.port())
}

/// `0100007F:26B7`: the address as words of 32 bits in the host's byte order.
fn address(text: &str) -> Option<(std::net::IpAddr, u16)> {
    let (address, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let mut octets = Vec::with_capacity(16);
    for start in (0..address.len()).step_by(8) {
        let word = u32::from_str_radix(address.get(start..start + 8)?, 16).ok()?;
        octets.extend(word.to_ne_bytes());
    }
    let address = match octets.len() {
        4 => std::net::IpAddr::from(<[u8; 4]>::try_from(octets).ok()?),
        16 => std::net::IpAddr::from(<[u8; 16]>::try_from(octets).ok()?).to_canonical(),
        _ => return None,
    };
    Some((address, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";

    #[test]
    fn a_user_holds_so_many_places_and_no_other_one_less() {
        let holders = Holders::default();
        let first = holders.take(Some(1), 2).unwrap();
        let second = holders.take(Some(1), 2).unwrap();
        assert!(holders.take(Some(1), 2).is_none());
        assert!(holders.take(Some(2), 2).is_some());
        let unknown: Vec<_> = (0..9).map(|_| holders.take(None, 2)).collect();
        assert!(unknown.iter().all(Option::is_some));
        drop(first);
        assert!(holders.take(Some(1), 2).is_some());
        drop(second);
        assert!(holders.held().is_empty());
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn the_socket_is_found_by_both_of_its_ends() {
        let peer = "127.0.0.1:50000".parse().unwrap();
        let local = "127.0.0.1:9911".parse().unwrap();
        let row = |own: &str, other: &str, uid: u32, inode: u32| {
            format!(
                "   0: {own} {other} 01 00000000:00000000 00:00000000 00000000  {uid}        0 {inode} 1 0000000000000000 20 4 30 10 -1\n"
            )
        };
        let (theirs, ours) = ("0100007F:C350", "0100007F:26B7");
        let table = |rows: &[String]| format!("{HEAD}{}", rows.concat());
        // Our own end of the same connection, another connection, then theirs.
        let rows = [
            row(ours, theirs, 0, 7),
            row("0100007F:C351", ours, 5, 8),
            row(theirs, ours, 1000, 9),
        ];
        assert_eq!(find(&table(&rows), peer, local), Some(1000));
        assert_eq!(find(&table(&rows[..2]), peer, local), None);
        // Nobody has it any more: not root's.
        assert_eq!(find(&table(&[row(theirs, ours, 0, 0)]), peer, local), None);
        // An IPv6 socket that speaks to an IPv4 address.
        let mapped = row(
            "0000000000000000FFFF00000100007F:C350",
            "0000000000000000FFFF00000100007F:26B7",
            1001,
            9,
        );
        assert_eq!(find(&table(&[mapped]), peer, local), Some(1001));
        assert_eq!(find("", peer, local), None);
        assert_eq!(find(&table(&["x y\n".to_owned()]), peer, local), None);
    }
}

//! HTTP/1.1 on sockets that are there already: bounded in connections, in the
//! size of a head and in time. What is answered is the caller's.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONNECTION, HeaderValue};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use crate::limits;

/// When a server is to stop.
pub type Stop = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What one connection may cost.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Size of the header buffer, in bytes.
    pub head: usize,
    /// Most header fields in one request.
    pub headers: usize,
    /// Longest wait for a request's head, also between two requests.
    pub read: Duration,
    /// How long the connection may last until it is asked to end.
    pub connection: Duration,
    /// How long an answer that has begun may then still take.
    pub drain: Duration,
}

/// What a connection gives up for others who wait.
#[derive(Clone, Copy, Debug)]
pub struct Sharing<'a> {
    /// Where places may be scarce.
    pub slots: &'a Slots,
    /// Longest wait for a request's head while they are; then no answer is
    /// followed by another one either.
    pub read: Duration,
    /// Most requests in any case.
    pub requests: u32,
}

/// The places for connections.
#[derive(Clone, Debug)]
pub struct Slots {
    places: Arc<Semaphore>,
    count: u32,
}

/// One taken place; dropping it gives it back.
#[derive(Debug)]
pub struct Slot(#[expect(dead_code, reason = "held for its Drop")] OwnedSemaphorePermit);

impl Slots {
    /// So many places.
    #[must_use]
    pub fn new(count: usize) -> Self {
        Self {
            places: Arc::new(Semaphore::new(count)),
            count: u32::try_from(count).unwrap_or(u32::MAX),
        }
    }

    /// Waits for a free place and then for a connection: `accept` is a listener's
    /// `poll_accept`. What the operating system refuses is told to `failed` and
    /// tried again.
    pub async fn next<S>(
        &self,
        accept: impl Fn(&mut Context<'_>) -> Poll<io::Result<S>>,
        failed: impl Fn(&io::Error),
    ) -> (S, Slot) {
        let place = loop {
            // A semaphore that is never closed always gives.
            if let Ok(place) = Arc::clone(&self.places).acquire_owned().await {
                break place;
            }
        };
        loop {
            match poll_fn(&accept).await {
                Ok(stream) => return (stream, Slot(place)),
                Err(error) => {
                    failed(&error);
                    tokio::time::sleep(limits::ACCEPT_PAUSE).await;
                }
            }
        }
    }

    /// Whether more than half of the places are taken.
    #[must_use]
    pub fn are_scarce(&self) -> bool {
        let free = u32::try_from(self.places.available_permits()).unwrap_or(u32::MAX);
        free < self.count / 2
    }

    /// Waits until no place is taken.
    pub async fn all_free(&self) {
        let _ = self.places.acquire_many(self.count).await;
    }
}

/// How a connection ended.
#[derive(Debug)]
pub enum End<S, B> {
    /// In order, or because its time was over.
    Closed,
    /// A request was not answered: the stream as it was then, and the reason.
    Broken(S, B),
}

/// Ends hyper's part of a connection that is broken off.
#[derive(Debug, thiserror::Error)]
#[error("broken off")]
struct BrokenOff;

/// What a connection has had so far.
struct Course {
    requests: AtomicU32,
    /// When the last request came, or the connection began.
    last: Mutex<Instant>,
}

impl Course {
    /// Notes a request, and says which one it is, from 1.
    fn request(&self) -> u32 {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        self.requests.fetch_add(1, Ordering::Relaxed) + 1
    }

    fn since_last(&self) -> Duration {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.elapsed()
    }

    /// Resolves when places are scarce and this one is held for nothing.
    async fn until_idle_in_a_crowd(&self, sharing: Option<Sharing<'_>>) {
        let Some(sharing) = sharing else {
            return std::future::pending().await;
        };
        let longest = sharing.read;
        loop {
            let idle = self.since_last();
            if idle >= longest && sharing.slots.are_scarce() {
                return;
            }
            let tick = longest
                .saturating_sub(idle)
                .max(limits::CROWD_TICK)
                .min(longest);
            tokio::time::sleep(tick).await;
        }
    }
}

/// Answers the requests of one connection until it ends: by itself, when its
/// time is over, or when `stop` says so or is dropped. What is being answered
/// then is finished. Where there is to be no answer, `answer` breaks it off. When
/// places are scarce it ends after an answer, and soon when no request comes.
///
/// # Errors
///
/// hyper's, when the other side does not speak HTTP or is too slow. That it
/// went away is none.
pub async fn connection<S, F, B>(
    stream: S,
    bounds: Bounds,
    sharing: Option<Sharing<'_>>,
    mut stop: watch::Receiver<bool>,
    answer: impl Fn(Request<Incoming>) -> F,
) -> Result<End<S, B>, hyper::Error>
where
    S: AsyncRead + AsyncWrite + Unpin,
    F: Future<Output = Result<Response<Full<Bytes>>, B>>,
{
    let course = Course {
        requests: AtomicU32::new(0),
        last: Mutex::new(Instant::now()),
    };
    let broken = Mutex::new(None);
    let service = service_fn(|request| {
        let count = course.request();
        let is_last =
            sharing.is_some_and(|sharing| count >= sharing.requests || sharing.slots.are_scarce());
        let (answering, broken) = (answer(request), &broken);
        async move {
            let mut answer = answering.await.map_err(|reason| {
                *broken.lock().unwrap_or_else(PoisonError::into_inner) = Some(reason);
                BrokenOff
            })?;
            if is_last {
                let close = HeaderValue::from_static("close");
                answer.headers_mut().insert(CONNECTION, close);
            }
            Ok::<_, BrokenOff>(answer)
        }
    });
    let mut serving = hyper::server::conn::http1::Builder::new()
        .max_buf_size(bounds.head)
        .max_headers(bounds.headers)
        .timer(TokioTimer::new())
        .header_read_timeout(bounds.read)
        .serve_connection(TokioIo::new(stream), service);
    let ended = tokio::select! {
        ended = &mut serving => Some(ended),
        () = tokio::time::sleep(bounds.connection) => None,
        () = course.until_idle_in_a_crowd(sharing) => {
            return Ok(End::Closed);
        }
        _ = stop.wait_for(|stop| *stop) => None,
    };
    let ended = match ended {
        Some(ended) => ended,
        None => {
            Pin::new(&mut serving).graceful_shutdown();
            tokio::time::timeout(bounds.drain, &mut serving)
                .await
                .unwrap_or(Ok(()))
        }
    };
    let reason = broken.lock().unwrap_or_else(PoisonError::into_inner).take();
    match (reason, ended) {
        (Some(reason), _) => {
            let stream = serving.into_parts().io.into_inner();
            Ok(End::Broken(stream, reason))
        }
        (None, Err(error)) if !error.is_incomplete_message() => Err(error),
        (None, _) => Ok(End::Closed),
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::UnixStream;

    use super::*;

    const SHORT: Duration = Duration::from_millis(100);
    const LONG: Duration = Duration::from_secs(60);
    const PATIENCE: Duration = Duration::from_secs(10);

    fn bounds(read: Duration) -> Bounds {
        Bounds {
            head: 8192,
            headers: 8,
            read,
            connection: LONG,
            drain: SHORT,
        }
    }

    /// What a client gets that sends this and then waits for the end.
    async fn got(sent: &str, read: Duration, taken: usize) -> Option<String> {
        let slots = Slots::new(4);
        let places = Arc::clone(&slots.places);
        let _taken: Vec<_> = (0..taken)
            .map(|_| Arc::clone(&places).try_acquire_owned().unwrap())
            .collect();
        let (mut client, stream) = UnixStream::pair().unwrap();
        let (_going_on, stop) = watch::channel(false);
        tokio::spawn(async move {
            let sharing = Some(Sharing {
                slots: &slots,
                read: SHORT,
                requests: 2,
            });
            connection(stream, bounds(read), sharing, stop, |_| async {
                Ok::<_, ()>(Response::new(Full::new(Bytes::from_static(b"x"))))
            })
            .await
        });
        client.write_all(sent.as_bytes()).await.unwrap();
        let mut text = String::new();
        let ended = tokio::time::timeout(PATIENCE, client.read_to_string(&mut text));
        ended.await.ok()?.ok()?;
        Some(text)
    }

    const REQUEST: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

    #[tokio::test]
    async fn an_idle_connection_ends_sooner_when_places_are_scarce() {
        assert_eq!(got("", LONG, 3).await.as_deref(), Some(""));
        assert_eq!(got("GET / HT", LONG, 3).await.as_deref(), Some(""));
        let answer = got(REQUEST, LONG, 3).await.unwrap();
        assert!(answer.contains("connection: close"), "{answer}");
        // Half of them are not more than half.
        let answer = got(REQUEST, SHORT, 2).await.unwrap();
        assert!(!answer.contains("connection: close"), "{answer}");
    }

    #[tokio::test]
    async fn a_connection_carries_so_many_requests() {
        let answers = got(&REQUEST.repeat(3), LONG, 0).await.unwrap();
        assert_eq!(answers.matches("200 OK").count(), 2, "{answers}");
        assert_eq!(answers.matches("connection: close").count(), 1, "{answers}");
    }
}

#[cfg(test)]
mod broken_off {
    use super::*;
    use std::io::{Read, Write};
    use tokio::io::AsyncWriteExt;

    const BOUNDS: Bounds = Bounds {
        head: 16 * 1024,
        headers: 16,
        read: Duration::from_secs(10),
        connection: Duration::from_secs(10),
        drain: Duration::from_secs(10),
    };

    /// Serves one connection on which these requests come at once, after which
    /// the client may have gone, and gives whether it was broken off and what the
    /// client read.
    fn serve(
        requests: &'static [u8],
        goes: bool,
        answer: impl Fn(Request<Incoming>) -> Result<Response<Full<Bytes>>, &'static [u8]>,
    ) -> (bool, String) {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let mut client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let reading = std::thread::spawn(move || {
            client.write_all(requests).unwrap();
            if goes {
                client.shutdown(std::net::Shutdown::Write).unwrap();
            }
            let mut read = String::new();
            client.read_to_string(&mut read).unwrap();
            read
        });
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let broken = runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            let slots = Slots::new(1);
            let accepted = slots.next(|context| listener.poll_accept(context), |_| ());
            let ((stream, _), _slot) = accepted.await;
            let (_stopping, stop) = watch::channel(false);
            let answer = |request| std::future::ready(answer(request));
            match connection(stream, BOUNDS, None, stop, answer)
                .await
                .unwrap()
            {
                End::Closed => false,
                End::Broken(mut stream, last) => {
                    stream.write_all(last).await.unwrap();
                    stream.shutdown().await.unwrap();
                    true
                }
            }
        });
        (broken, reading.join().unwrap())
    }

    #[test]
    fn a_connection_that_is_broken_off_gives_its_stream_back() {
        let (broken, read) = serve(
            b"GET /a HTTP/1.1\r\nhost: x\r\n\r\nGET /b HTTP/1.1\r\nhost: x\r\n\r\n",
            false,
            |request| match request.uri().path() {
                "/a" => Ok(Response::new(Full::new(Bytes::from_static(b"first;")))),
                _ => Err(b"the end"),
            },
        );
        assert!(broken);
        assert!(read.starts_with("HTTP/1.1 200 OK\r\n"), "{read}");
        assert!(read.ends_with("\r\n\r\nfirst;the end"), "{read}");
    }

    #[test]
    fn a_client_that_has_gone_is_no_failure() {
        let (broken, read) = serve(b"GET /a HTTP/1.1\r\nho", true, |_| Err(b""));
        assert!(!broken, "{read}");
    }
}

//! A server of which every byte is said.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// A line, of which the request has been read.
pub type Line = BufReader<TcpStream>;

/// A request, as it came.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Its first line.
    pub line: String,
    /// By lower-case name, in their order.
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Seen {
    /// The only header of this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut all =
            self.headers.iter().filter(|(header, _)| header == name).map(|(_, value)| value.as_str());
        let first = all.next();
        assert_eq!(all.next(), None, "{name} came twice");
        first
    }
}

pub struct Server {
    pub address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    lines: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    /// Does that with each line, after each request on it, until it gives the line back no more.
    pub async fn with<F, A>(answer: F) -> Self
    where
        F: Fn(Seen, Line) -> A + Send + Sync + 'static,
        A: Future<Output = Option<Line>> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (seen, lines) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicUsize::new(0)));
        let (answer, seen_here, lines_here) = (Arc::new(answer), Arc::clone(&seen), Arc::clone(&lines));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                lines_here.fetch_add(1, Ordering::SeqCst);
                let (answer, seen) = (Arc::clone(&answer), Arc::clone(&seen_here));
                tokio::spawn(async move {
                    let mut line = BufReader::new(stream);
                    while let Some(request) = read(&mut line).await {
                        seen.lock().unwrap().push(request.clone());
                        match answer(request, line).await {
                            Some(kept) => line = kept,
                            None => return,
                        }
                    }
                });
            }
        });
        Self { address, seen, lines, task }
    }

    /// Answers each request, and keeps the line.
    pub async fn answering(answer: impl Fn(&Seen) -> Vec<u8> + Send + Sync + 'static) -> Self {
        Self::with(move |seen, mut line| {
            let bytes = answer(&seen);
            async move { line.write_all(&bytes).await.is_ok().then_some(line) }
        })
        .await
    }

    /// Sends that, whatever is asked, and closes the line.
    pub async fn sending(bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = Arc::new(bytes.into());
        Self::with(move |_, mut line| {
            let bytes = Arc::clone(&bytes);
            async move {
                // Who has had enough closes the line.
                let _ = line.write_all(&bytes).await;
                let _ = line.shutdown().await;
                None
            }
        })
        .await
    }

    /// Sends that, and nothing more, and leaves the line open.
    pub async fn stalling(bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = Arc::new(bytes.into());
        Self::with(move |_, mut line| {
            let bytes = Arc::clone(&bytes);
            async move {
                let _ = line.write_all(&bytes).await;
                // Until the other side closes it.
                let _ = line.read_to_end(&mut Vec::new()).await;
                None
            }
        })
        .await
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// Lines that were opened to it, whether a request came or not.
    pub fn lines(&self) -> usize {
        self.lines.load(Ordering::SeqCst)
    }
}

/// A whole request; none where the line was closed.
async fn read(line: &mut Line) -> Option<Seen> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(line.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).unwrap();
    let mut lines = head.trim_end().split("\r\n");
    let first = lines.next()?.to_owned();
    let headers: Vec<_> = lines
        .map(|line| line.split_once(": ").unwrap_or_else(|| panic!("{line:?} is no header")))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let mut body = vec![0; length.map_or(0, |(_, length)| length.parse().unwrap())];
    line.read_exact(&mut body).await.ok()?;
    Some(Seen { line: first, headers, body: String::from_utf8(body).unwrap() })
}

/// An answer with a body, and how long that is.
pub fn answer(status: u16, headers: &[&str], body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let length = format!("content-length: {}", body.len());
    [head(status, &[headers, &[length.as_str()]].concat()), body.to_vec()].concat()
}

/// An answer up to its body.
pub fn head(status: u16, headers: &[&str]) -> Vec<u8> {
    let lines: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
    format!("HTTP/1.1 {status} Whatever\r\n{lines}\r\n").into_bytes()
}

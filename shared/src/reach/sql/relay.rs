//! What stands between sqlx and a server, and passes on no more than there is memory for.
//!
//! sqlx makes room for a whole message of a server, whatever length its head says, before anybody sees it, and no setting bounds that: a value of a gigabyte,
//! or a server that only says so, would end the process, and the runs of all tenants with it. So sqlx talks to this instead, which passes on bytes as they
//! come and ends the line at a head that says too much, before sqlx has seen it. sqlx connects to addresses and to sockets in the file system, and can be
//! given nothing that is connected already: it is a socket.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::task::JoinHandle;

use super::frames::Frames;
use super::intake::{Ended, Intake};
#[cfg(unix)]
use super::socket::Socket;
use crate::reach::ReachFailure;

/// What is passed on at once: about a record of TLS.
const CHUNK_BYTES: usize = 16 * 1024;

/// The relay of one line. Dropped, it closes the line to the server.
#[derive(Debug)]
pub(super) struct Relay {
    folder: PathBuf,
    intake: Arc<Intake>,
    task: JoinHandle<()>,
}

impl Relay {
    /// Between a server, to which it is connected, and whoever connects to the socket in its folder, which is named as Postgres names its own for this port.
    ///
    /// # Errors
    /// `connect`: the worker cannot make a socket just now.
    #[cfg(unix)]
    pub(super) fn start<S>(server: S, port: u16) -> Result<Self, ReachFailure>
    where
        S: AsyncRead + AsyncWrite + Send + 'static,
    {
        let socket = Socket::new(port).map_err(|error| {
            // Without the path: it is the operator's.
            let why = error.kind();
            ReachFailure::passing(
                "connect",
                format!("the worker cannot make a socket among its temporary files: {why}"),
            )
        })?;
        let (folder, intake) = (socket.folder().to_owned(), Arc::new(Intake::opening()));
        let counted = Arc::clone(&intake);
        let task = tokio::spawn(async move {
            match socket.accept().await {
                Ok(client) => pass_on(server, client, &counted).await,
                Err(error) => counted.end(Ended::Broken(error)),
            }
        });
        Ok(Self { folder, intake, task })
    }

    /// Windows has no such sockets that tokio knows. To an address of this machine any of its users could connect.
    ///
    /// # Errors
    /// `invalid_connection`, always.
    #[cfg(not(unix))]
    pub(super) fn start<S>(_server: S, _port: u16) -> Result<Self, ReachFailure> {
        let message = "steps of type sql need a worker on Linux or another Unix: this one runs on Windows";
        Err(ReachFailure::new("invalid_connection", message))
    }

    /// Where to connect to, once.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// What comes from the server.
    pub(super) fn intake(&self) -> &Intake {
        &self.intake
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Passes on what both sides say until one of them ends. Why is known before sqlx can see that it has.
#[cfg_attr(not(unix), allow(dead_code, reason = "no relay starts there"))]
async fn pass_on<S, C>(server: S, client: C, intake: &Intake)
where
    S: AsyncRead + AsyncWrite,
    C: AsyncRead + AsyncWrite,
{
    let (mut from_server, mut to_server) = tokio::io::split(server);
    let (mut from_client, mut to_client) = tokio::io::split(client);
    let ended = tokio::select! {
        // A server that takes nothing any more may have said why. One that does not stop talking is stopped by what it may say.
        biased;
        answered = answers(&mut from_server, &mut to_client, intake) => answered,
        asked = tokio::io::copy(&mut from_client, &mut to_server) => asked.map(|_| ()).map_err(Ended::Broken),
    };
    if let Err(ended) = ended {
        intake.end(ended);
    }
}

async fn answers(
    from_server: &mut (impl AsyncRead + Unpin),
    to_client: &mut (impl AsyncWrite + Unpin),
    intake: &Intake,
) -> Result<(), Ended> {
    let mut frames = Frames::default();
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let count = from_server.read(&mut chunk).await.map_err(Ended::Broken)?;
        if count == 0 {
            return Ok(());
        }
        // Part of a head may have been passed on: without the rest of it sqlx makes no room.
        frames.follow(&chunk[..count], |length| intake.take(length))?;
        to_client.write_all(&chunk[..count]).await.map_err(Ended::Broken)?;
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{DuplexStream, duplex};

    use super::*;

    /// What a server and sqlx hold, what is counted, and what passes on between them.
    fn between() -> (DuplexStream, DuplexStream, Arc<Intake>, JoinHandle<()>) {
        let ((server, far), (client, near)) = (duplex(64), duplex(64));
        let intake = Arc::new(Intake::opening());
        let counted = Arc::clone(&intake);
        let task = tokio::spawn(async move { pass_on(far, near, &counted).await });
        (server, client, intake, task)
    }

    fn message(body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len() + 4).unwrap();
        [&b"D"[..], &length.to_be_bytes(), body].concat()
    }

    #[tokio::test]
    async fn each_side_hears_what_the_other_one_says_until_it_is_gone() {
        let (mut server, mut client, intake, task) = between();
        let (question, answer) = (vec![7; 300_000], message(&[8; 100_000]));
        let (mut asked, mut answered) = (vec![0; question.len()], Vec::new());
        let asking = async {
            client.write_all(&question).await.unwrap();
            client.read_to_end(&mut answered).await.unwrap();
        };
        let answering = async {
            server.read_exact(&mut asked).await.unwrap();
            server.write_all(&answer).await.unwrap();
            drop(server);
        };
        tokio::join!(asking, answering);
        assert!(asked == question && answered == answer);
        task.await.unwrap();
        assert!(intake.ended().is_none());
    }

    #[tokio::test]
    async fn a_server_is_left_when_nobody_asks_it_any_more() {
        let (mut server, client, intake, task) = between();
        drop(client);
        assert_eq!(server.read(&mut [0]).await.unwrap(), 0);
        task.await.unwrap();
        assert!(intake.ended().is_none());
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_relay_that_is_dropped_leaves_the_server_whoever_else_is_there() {
        let (mut server, far) = duplex(64);
        let relay = Relay::start(far, 7).unwrap();
        let mut client = tokio::net::UnixStream::connect(relay.folder().join(".s.PGSQL.7")).await.unwrap();
        client.write_all(b"question").await.unwrap();
        let mut heard = [0; 8];
        server.read_exact(&mut heard).await.unwrap();
        assert_eq!(&heard, b"question");
        assert!(!relay.folder().exists());
        drop(relay);
        let end = tokio::time::timeout(std::time::Duration::from_secs(20), server.read(&mut heard));
        assert_eq!(end.await.expect("it is still there").unwrap(), 0);
    }

    #[tokio::test]
    async fn a_head_that_says_too_much_is_not_passed_on_and_ends_the_line() {
        for cut in 1..5 {
            let (mut server, mut client, intake, _task) = between();
            let (before, mut heard) = (message(b"what came before"), Vec::new());
            server.write_all(&before).await.unwrap();
            let head = [b'D', 0xff, 0xff, 0xff, 0xff];
            server.write_all(&head[..cut]).await.unwrap();
            let mut first = vec![0; before.len()];
            client.read_exact(&mut first).await.unwrap();
            assert_eq!(first, before);
            server.write_all(&head[cut..]).await.unwrap();
            client.read_to_end(&mut heard).await.unwrap();
            assert!(heard.len() < head.len(), "{heard:?}");
            assert!(matches!(intake.ended(), Some(Ended::TooMuch(u32::MAX))));
        }
    }
}

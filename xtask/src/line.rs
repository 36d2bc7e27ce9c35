//! A way to a port of this machine that can be disturbed: what tests and chaos put between a client and a server.

use std::time::Duration;

use anyhow::{Context, Result};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Passes on what is sent to its port of 127.0.0.1. Dropping it cuts it.
#[derive(Debug)]
pub struct Line {
    /// Where clients connect.
    pub port: u16,
    state: watch::Sender<State>,
    task: JoinHandle<()>,
}

#[derive(Debug, Clone, Copy, Default)]
struct State {
    frozen: bool,
    refusing: bool,
    /// Answers are swallowed, and the connection with them.
    mute: bool,
    /// What each piece waits before it goes on.
    delay: Duration,
    /// How often the connections of the time were cut.
    cuts: u64,
}

impl Line {
    /// A line to `target` that lets everything through. Fails when there is no free port.
    pub async fn to(target: u16) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.context("cannot open a line")?;
        let port = listener.local_addr()?.port();
        let state = watch::Sender::new(State::default());
        let task = tokio::spawn(accept(listener, target, state.clone()));
        Ok(Self { port, state, task })
    }

    /// Connections stay open, and nothing goes through any more.
    pub fn freeze(&self) {
        self.state.send_modify(|state| state.frozen = true);
    }

    /// What was held goes on.
    pub fn thaw(&self) {
        self.state.send_modify(|state| state.frozen = false);
    }

    /// Ends the connections that there are; what was under way on them never arrives. New ones are let through, also after [`Line::freeze`].
    pub fn cut(&self) {
        self.state.send_modify(|state| {
            state.frozen = false;
            state.cuts += 1;
        });
    }

    /// Whether new connections are ended at once. Those that there are end with the change.
    pub fn refuse(&self, refusing: bool) {
        self.state.send_modify(|state| {
            state.refusing = refusing;
            state.cuts += 1;
        });
    }

    /// Whether what the server answers is lost, with its connection: the server has done what it was asked for, and nobody hears of it.
    pub fn mute(&self, mute: bool) {
        self.state.send_modify(|state| state.mute = mute);
    }

    /// How long each piece of what is sent, either way, waits before it goes on.
    pub fn slow(&self, delay: Duration) {
        self.state.send_modify(|state| state.delay = delay);
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.task.abort();
        self.state.send_modify(|state| state.cuts += 1);
    }
}

async fn accept(listener: TcpListener, target: u16, state: watch::Sender<State>) {
    while let Ok((near, _)) = listener.accept().await {
        if state.borrow().refusing {
            continue;
        }
        let (there, back) = (state.subscribe(), state.subscribe());
        let cuts = there.borrow().cuts;
        tokio::spawn(async move {
            // Whoever is behind the line is away: so is the line.
            let Ok(far) = TcpStream::connect(("127.0.0.1", target)).await else { return };
            // Small messages are not to wait for each other, which would be another delay than the one asked for.
            let _ = (near.set_nodelay(true), far.set_nodelay(true));
            let ((near_reads, near_writes), (far_reads, far_writes)) = (near.into_split(), far.into_split());
            // Either end ends both.
            tokio::select! {
                () = pass(near_reads, far_writes, there, cuts, false) => {}
                () = pass(far_reads, near_writes, back, cuts, true) => {}
            }
        });
    }
}

async fn pass(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut state: watch::Receiver<State>,
    cuts: u64,
    answers: bool,
) {
    let mut buffer = vec![0; 16 << 10];
    loop {
        let read = tokio::select! {
            read = from.read(&mut buffer) => read,
            _ = state.wait_for(|state| state.cuts != cuts) => return,
        };
        let Ok(read @ 1..) = read else { return };
        let delay = state.borrow().delay;
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        let Ok(now) = state.wait_for(|state| !state.frozen || state.cuts != cuts).await.map(|now| *now)
        else {
            return;
        };
        if now.cuts != cuts || (answers && now.mute) || to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}

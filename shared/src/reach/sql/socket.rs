//! A socket that this process alone connects to, and once.

use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use tokio::net::{UnixListener, UnixStream};

/// One that waits, in a folder of its own that no other user may enter. Dropped, it is removed.
#[derive(Debug)]
pub(super) struct Socket {
    listener: UnixListener,
    folder: TempDir,
}

impl Socket {
    /// A new one, with the name that Postgres's own has for this port.
    ///
    /// # Errors
    /// There is no room, or no right to write, where temporary files are.
    pub(super) fn new(port: u16) -> io::Result<Self> {
        let mut folder = tempfile::Builder::new();
        let folder = folder.prefix("runplane-").permissions(Permissions::from_mode(0o700)).tempdir()?;
        let listener = UnixListener::bind(named(folder.path(), port))?;
        Ok(Self { listener, folder })
    }

    /// Where it is.
    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The first that connects. Nobody else can: then the socket and its folder are gone.
    ///
    /// # Errors
    /// It was another process, or nobody any more.
    pub(super) async fn accept(self) -> io::Result<UnixStream> {
        let (client, _) = self.listener.accept().await?;
        drop(self);
        // Not every system tells.
        let is_own = |id| u32::try_from(id) == Ok(std::process::id());
        if client.peer_cred()?.pid().is_none_or(is_own) {
            return Ok(client);
        }
        Err(io::Error::new(io::ErrorKind::PermissionDenied, "another process has connected to the socket"))
    }
}

fn named(folder: &Path, port: u16) -> PathBuf {
    folder.join(format!(".s.PGSQL.{port}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_is_for_its_owner_alone_and_gone_when_somebody_has_connected() {
        let socket = Socket::new(5432).unwrap();
        let folder = socket.folder().to_owned();
        assert_eq!(folder.metadata().unwrap().permissions().mode() & 0o777, 0o700);
        let path = named(&folder, 5432);
        let (first, second) = (UnixStream::connect(&path).await, UnixStream::connect(&path).await);
        let accepted = socket.accept().await.unwrap();
        assert!(!folder.exists());
        assert!(UnixStream::connect(&path).await.is_err());
        // The second one came before it was gone, and talks to nobody.
        accepted.try_write(b"first").unwrap();
        let (mut heard, mut first) = ([0; 5], first.unwrap());
        tokio::io::AsyncReadExt::read_exact(&mut first, &mut heard).await.unwrap();
        assert_eq!(&heard, b"first");
        let mut second = second.unwrap();
        assert!(!matches!(tokio::io::AsyncReadExt::read(&mut second, &mut heard).await, Ok(1..)));
    }

    #[tokio::test]
    async fn it_is_gone_when_nobody_has_connected() {
        let socket = Socket::new(1).unwrap();
        let folder = socket.folder().to_owned();
        assert!(folder.exists());
        drop(socket);
        assert!(!folder.exists());
    }
}

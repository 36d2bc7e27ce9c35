//! Servers that are none, or not only what they seem.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use crate::support::Db;

/// What opens a line: the password is right, and the next question may come.
pub fn welcome() -> Vec<u8> {
    [message(b'R', &[0; 4]), message(b'Z', b"I")].concat()
}

/// A message of a server.
pub fn message(of_type: u8, body: &[u8]) -> Vec<u8> {
    [&head(of_type, u32::try_from(body.len()).unwrap() + 4)[..], body].concat()
}

/// The head of a message that says this length.
pub fn head(of_type: u8, length: u32) -> Vec<u8> {
    [&[of_type][..], &length.to_be_bytes()].concat()
}

/// The port of a server that says the first of these to the first who comes, each other one when it is asked something, and then `again` and again for as
/// long as it is listened to. The task is done when it is not any more.
pub async fn hostile(said: Vec<Vec<u8>>, again: Vec<u8>) -> (i32, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut question = vec![0; 65_536];
        for said in said {
            if stream.read(&mut question).await.unwrap() == 0 || stream.write_all(&said).await.is_err() {
                return;
            }
        }
        while !again.is_empty() && stream.write_all(&again).await.is_ok() {}
        let _ = stream.read_to_end(&mut Vec::new()).await;
    });
    (port.into(), server)
}

/// The port of a server that speaks TLS, and has the test's own database behind it; and the names that it was asked for.
pub async fn with_tls(db: &Db, acceptor: TlsAcceptor) -> (i32, Arc<Mutex<Vec<Option<String>>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let database = (db.options.get_host().to_owned(), db.options.get_port());
    let names = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&names);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let (acceptor, database, names) = (acceptor.clone(), database.clone(), Arc::clone(&heard));
            tokio::spawn(async move {
                stream.read_exact(&mut [0; 8]).await.unwrap();
                stream.write_all(b"S").await.unwrap();
                // Who does not like the certificate leaves.
                let Ok(mut stream) = acceptor.accept(stream).await else { return };
                names.lock().unwrap().push(stream.get_ref().1.server_name().map(ToOwned::to_owned));
                let mut behind = TcpStream::connect(database).await.unwrap();
                let _ = copy_bidirectional(&mut stream, &mut behind).await;
            });
        }
    });
    (port.into(), names)
}

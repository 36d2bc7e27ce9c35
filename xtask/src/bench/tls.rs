//! TLS in front of a Postgres that has none (the wheel's is built without): answers as Postgres does who is asked for it, and passes on
//! what it hears. The certificate is one of its own, so that clients have to ask for `sslmode=require`.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;

/// A client's first message: its length, and the number that asks for TLS.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];

/// Listens until it is dropped.
#[derive(Debug)]
pub struct Tls {
    /// On 127.0.0.1.
    pub port: u16,
    task: JoinHandle<()>,
}

impl Tls {
    /// In front of a port of 127.0.0.1.
    pub async fn start(postgres_port: u16) -> Result<Self> {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).context("a certificate")?;
        let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key.into())?;
        let (acceptor, listener) =
            (TlsAcceptor::from(Arc::new(config)), TcpListener::bind("127.0.0.1:0").await?);
        let port = listener.local_addr()?.port();
        let task = tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                // Who hangs up, or speaks something else, hears nothing more.
                tokio::spawn(async move { pass_on(near, acceptor, postgres_port).await.ok() });
            }
        });
        Ok(Self { port, task })
    }

    /// The address that leads through it.
    pub fn url(&self, database_url: &str) -> Result<String> {
        let mut url = reqwest::Url::parse(database_url)?;
        url.set_port(Some(self.port)).ok().context("an address without a port")?;
        url.query_pairs_mut().append_pair("sslmode", "require");
        Ok(url.into())
    }
}

impl Drop for Tls {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn pass_on(mut near: TcpStream, acceptor: TlsAcceptor, postgres_port: u16) -> Result<()> {
    let mut asked = [0; SSL_REQUEST.len()];
    near.read_exact(&mut asked).await?;
    anyhow::ensure!(asked == SSL_REQUEST, "no TLS was asked for");
    near.write_all(b"S").await?;
    near.set_nodelay(true)?;
    let mut near = acceptor.accept(near).await?;
    let mut far = TcpStream::connect(("127.0.0.1", postgres_port)).await?;
    far.set_nodelay(true)?;
    copy_bidirectional(&mut near, &mut far).await?;
    Ok(())
}

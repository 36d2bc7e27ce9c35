//! What RDS has before its Postgres: TLS with a certificate of an authority of its own, and a question for a password, which is a token.

use std::sync::{Arc, Mutex};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use sqlx::postgres::PgConnectOptions;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// A server, and what it was told.
pub struct Rds {
    pub port: u16,
    /// The authority that has signed its certificate.
    pub authority: String,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    /// Passwords that were sent, the first one first.
    passwords: Vec<String>,
    /// The SQLSTATE that the next ones are answered with.
    refuses: Option<&'static str>,
}

impl Rds {
    /// Before the database of the test, with a certificate for this name.
    pub async fn start(database: &PgConnectOptions, name: &str) -> Self {
        let (authority, acceptor) = certified(name);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(Mutex::new(State::default()));
        let (shared, database) = (Arc::clone(&state), (database.get_host().to_owned(), database.get_port()));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, state, database) = (acceptor.clone(), Arc::clone(&shared), database.clone());
                tokio::spawn(async move {
                    let _ = serve(stream, acceptor, &state, database).await;
                });
            }
        });
        Self { port, authority, state }
    }

    /// From now on passwords are refused with this SQLSTATE, or taken again.
    pub fn refuse(&self, code: Option<&'static str>) {
        self.state.lock().unwrap().refuses = code;
    }

    pub fn passwords(&self) -> Vec<String> {
        self.state.lock().unwrap().passwords.clone()
    }
}

/// An authority as PEM, and a server with a certificate that it has signed.
fn certified(name: &str) -> (String, TlsAcceptor) {
    let mut params = CertificateParams::new([]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let authority = params.self_signed(&key).unwrap().pem();
    let issuer = Issuer::new(params, key);
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new([name.to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
    let certificate = CertificateDer::from_pem_slice(certificate.pem().as_bytes()).unwrap();
    let key = PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
    let config = config.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    let config = config.with_single_cert(vec![certificate], key).unwrap();
    (authority, TlsAcceptor::from(Arc::new(config)))
}

async fn serve(
    mut stream: TcpStream,
    acceptor: TlsAcceptor,
    state: &Mutex<State>,
    database: (String, u16),
) -> std::io::Result<()> {
    stream.read_exact(&mut [0; 8]).await?;
    stream.write_all(b"S").await?;
    // Who does not like the certificate leaves.
    let mut stream = acceptor.accept(stream).await?;
    let startup = framed(&mut stream, 0).await?;
    // A password in plain text, as PAM wants it.
    stream.write_all(&[b'R', 0, 0, 0, 8, 0, 0, 0, 3]).await?;
    let password = framed(&mut stream, 1).await?;
    let password = String::from_utf8_lossy(&password[5..password.len() - 1]).into_owned();
    let refuses = {
        let mut state = state.lock().unwrap();
        state.passwords.push(password);
        state.refuses
    };
    if let Some(code) = refuses {
        let fields = format!("SFATAL\0VFATAL\0C{code}\0MPAM authentication failed for user\0\0");
        let length = u32::try_from(fields.len()).unwrap() + 4;
        stream.write_all(&[&[b'E'][..], &length.to_be_bytes(), fields.as_bytes()].concat()).await?;
        return stream.shutdown().await;
    }
    // The Postgres of tests asks nobody.
    let mut behind = TcpStream::connect(database).await?;
    behind.write_all(&startup).await?;
    copy_bidirectional(&mut stream, &mut behind).await.map(drop)
}

/// A message with its length, which stands after so many bytes.
async fn framed(stream: &mut (impl AsyncRead + Unpin), type_bytes: usize) -> std::io::Result<Vec<u8>> {
    let mut message = vec![0; type_bytes + 4];
    stream.read_exact(&mut message).await?;
    let length = u32::from_be_bytes(message[type_bytes..].try_into().unwrap()) as usize;
    message.resize(type_bytes + length, 0);
    stream.read_exact(&mut message[type_bytes + 4..]).await?;
    Ok(message)
}

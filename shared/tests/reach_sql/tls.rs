//! Who the server has to be.

use std::process::Stdio;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use runplane::catalog::SqlTls;
use serde_json::json;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

use crate::servers::with_tls;
use crate::support::Db;

/// Certificates and keys that one process of a test gives to another: one for `localhost` and 127.0.0.1, one for another name.
const GIVEN: [&str; 2] = ["RUNPLANE_TEST_RIGHT", "RUNPLANE_TEST_WRONG"];

/// An authority that nobody knows.
struct Authority {
    certificate: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap().pem();
        Self { certificate, issuer: Issuer::new(params, key) }
    }

    /// A certificate for these names, and its key, as PEM.
    fn signs(&self, names: &[&str]) -> String {
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &self.issuer).unwrap();
        format!("{}\n{}", certificate.pem(), key.serialize_pem())
    }
}

/// Of a server with this certificate and key, which may want one of its client.
fn acceptor(pem: &str, clients: Option<&Authority>) -> TlsAcceptor {
    let certificate = CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
    let key = PrivateKeyDer::from_pem_slice(pem.as_bytes()).unwrap();
    let provider = Arc::new(aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(Arc::clone(&provider));
    let config = config.with_safe_default_protocol_versions().unwrap();
    let config = match clients {
        None => config.with_no_client_auth(),
        Some(authority) => {
            let mut roots = RootCertStore::empty();
            roots.add(CertificateDer::from_pem_slice(authority.certificate.as_bytes()).unwrap()).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider);
            config.with_client_cert_verifier(verifier.build().unwrap())
        }
    };
    TlsAcceptor::from(Arc::new(config.with_single_cert(vec![certificate], key).unwrap()))
}

/// Leads to the database through a server with this certificate.
async fn behind(options: PgConnectOptions, pem: &str, tls: SqlTls) -> Db {
    let mut db = Db::new(options);
    let (port, _) = with_tls(&db, acceptor(pem, None)).await;
    db.destination.config.port = Some(port);
    db.destination.config.tls = Some(tls);
    db
}

#[sqlx::test(migrations = false)]
async fn require_takes_any_certificate_and_tells_the_name(_pool: PgPoolOptions, options: PgConnectOptions) {
    let mut db = Db::new(options);
    let (port, names) = with_tls(&db, acceptor(&Authority::new().signs(&["another.example"]), None)).await;
    db.destination.config.port = Some(port);
    db.destination.config.tls = None;
    for host in ["localhost", "127.0.0.1"] {
        db.destination.config.host = host.to_owned();
        assert_eq!(db.value("select repeat('x', 100000) as v", json!([])).await, json!("x".repeat(100_000)));
    }
    assert_eq!(*names.lock().unwrap(), [Some("localhost".to_owned()), None]);
}

#[sqlx::test(migrations = false)]
async fn verify_full_refuses_an_authority_that_nobody_knows(_pool: PgPoolOptions, options: PgConnectOptions) {
    let pem = Authority::new().signs(&["localhost", "127.0.0.1"]);
    let mut db = behind(options, &pem, SqlTls::VerifyFull).await;
    for host in ["localhost", "127.0.0.1"] {
        db.destination.config.host = host.to_owned();
        let failure = db.failure("select 1", json!([])).await;
        assert_eq!((failure.error.as_str(), failure.passes), ("tls", false), "{failure}");
        assert!(failure.message.contains("UnknownIssuer"), "{failure}");
    }
}

#[sqlx::test(migrations = false)]
async fn a_server_that_wants_a_certificate_of_its_client_is_told(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let (mut db, authority) = (Db::new(options), Authority::new());
    let (port, _) = with_tls(&db, acceptor(&authority.signs(&["localhost"]), Some(&authority))).await;
    (db.destination.config.port, db.destination.config.tls) = (Some(port), Some(SqlTls::Require));
    // It says so when all has been agreed upon, and sqlx has been told nothing of TLS.
    let failure = db.failure("select 1", json!([])).await;
    assert_eq!((failure.error.as_str(), failure.passes), ("tls", false), "{failure}");
    assert!(failure.message.contains("CertificateRequired"), "{failure}");
}

/// The variable is a process's, and others run in this one: it begins another.
#[sqlx::test(migrations = false)]
async fn verify_full_takes_the_right_name_from_an_authority_that_the_operator_trusts(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    if let [Ok(right), Ok(wrong)] = GIVEN.map(std::env::var) {
        return with_the_variable(options, &right, &wrong).await;
    }
    let authority = Authority::new();
    let file = tempfile::NamedTempFile::new().unwrap();
    // A file may have many.
    let all = [Authority::new().certificate, authority.certificate.clone()].join("\n");
    std::fs::write(file.path(), all).unwrap();
    let given = [authority.signs(&["localhost", "127.0.0.1"]), authority.signs(&["another.example"])];
    for trusted in [file.path().to_str().unwrap(), &authority.certificate] {
        let name = "tls::verify_full_takes_the_right_name_from_an_authority_that_the_operator_trusts";
        let mut test = tokio::process::Command::new(std::env::current_exe().unwrap());
        test.args(["--exact", name]).env("PGSSLROOTCERT", trusted).envs(GIVEN.into_iter().zip(&given));
        let output = test.stdin(Stdio::null()).output().await.unwrap();
        let told = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && told.contains("1 passed"), "{trusted}: {told}");
    }
}

async fn with_the_variable(options: PgConnectOptions, right: &str, wrong: &str) {
    let mut db = behind(options.clone(), right, SqlTls::VerifyFull).await;
    for host in ["localhost", "127.0.0.1"] {
        db.destination.config.host = host.to_owned();
        assert_eq!(db.value("select 1 as v", json!([])).await, json!(1));
    }
    let mut db = behind(options, wrong, SqlTls::VerifyFull).await;
    for host in ["localhost", "127.0.0.1"] {
        db.destination.config.host = host.to_owned();
        let failure = db.failure("select 1", json!([])).await;
        assert_eq!((failure.error.as_str(), failure.passes), ("tls", false), "{failure}");
        assert!(failure.message.contains("not valid for name"), "{failure}");
    }
}

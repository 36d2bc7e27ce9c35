//! TLS with a server, after Postgres's own way of asking for it.

use std::net::IpAddr;
use std::sync::Arc;

use sqlx::Error;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::crypto::{
    CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature,
};
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::{self, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

use crate::{config, db};

/// Asks for TLS: its length, and a number that is no version of the protocol.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

/// Whom it has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trust {
    /// Whoever answers.
    Anybody,
    /// Who has a certificate for the name, of a public authority, of RDS where the name is one of its servers, or of one that the operator trusts.
    Named,
}

/// Over a connection to a server at this address, which goes by the name of the host.
///
/// # Errors
/// As sqlx has them: `Tls`, and `Io` of the kind `InvalidData`, where it has no TLS or not the right certificate.
pub(super) async fn negotiate(
    mut server: TcpStream,
    host: &str,
    address: IpAddr,
    trust: Trust,
) -> Result<TlsStream<TcpStream>, Error> {
    server.write_all(&SSL_REQUEST).await?;
    // One byte and no more: what comes after it in the clear is not taken for what is said under TLS.
    match server.read_u8().await? {
        b'S' => {}
        b'N' => return Err(Error::Tls("the server does not speak it".into())),
        other => {
            return Err(Error::Protocol(format!("it answers with 0x{other:02x} when it is asked for TLS")));
        }
    }
    let name = match (ServerName::try_from(host.to_owned()), trust) {
        (Ok(name), _) => name,
        // What can be no name in a certificate is none that a server is told either.
        (Err(_), Trust::Anybody) => ServerName::from(address),
        (Err(error), Trust::Named) => return Err(tls(error)),
    };
    let connector = TlsConnector::from(Arc::new(configured(host, trust).await?));
    Ok(connector.connect(name, server).await?)
}

async fn configured(host: &str, trust: Trust) -> Result<ClientConfig, Error> {
    // Named: with two of them in a process there is no default.
    let provider = Arc::new(aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(Arc::clone(&provider));
    let config = config.with_safe_default_protocol_versions().map_err(tls)?;
    let config = match trust {
        Trust::Anybody => {
            config.dangerous().with_custom_certificate_verifier(Arc::new(AnyCertificate(provider)))
        }
        Trust::Named => config.with_root_certificates(authorities(host).await?),
    };
    Ok(config.with_no_client_auth())
}

/// The public ones, those of RDS for its servers, and those of the operator. These are read for each line: files of them are replaced.
async fn authorities(host: &str) -> Result<RootCertStore, Error> {
    let mut store = RootCertStore::from_iter(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    store.extend(db::tls::authorities_for(host).into_iter().flat_map(|rds| rds.roots.iter().cloned()));
    let Some(own) = config::root_certificates() else { return Ok(store) };
    let pem = match own.trim() {
        text if text.starts_with("-----BEGIN") && text.ends_with("-----") => own.into_bytes(),
        // Without the path: it is the operator's.
        _ => tokio::fs::read(&own).await.map_err(|error| unusable(&error.kind().to_string()))?,
    };
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let certificate = certificate.map_err(|error| unusable(&error.to_string()))?;
        store.add(certificate).map_err(|error| unusable(&error.to_string()))?;
    }
    Ok(store)
}

fn unusable(why: &str) -> Error {
    Error::Tls(format!("the worker's own authorities (PGSSLROOTCERT) cannot be used: {why}").into())
}

fn tls(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::Tls(Box::new(error))
}

/// Takes every certificate, whoever has signed it. That the server has its key is looked at all the same.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _certificate: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With PGSSLROOTCERT set there are more.
    #[tokio::test]
    async fn a_server_of_rds_may_be_signed_by_rds_and_any_other_by_public_authorities_alone() {
        let public = webpki_roots::TLS_SERVER_ROOTS;
        let of_rds = authorities("shop.abc123.eu-west-1.rds.amazonaws.com").await.unwrap();
        let rds = &db::tls::authorities_for("shop.abc123.eu-west-1.rds.amazonaws.com").unwrap().roots;
        assert!(rds.len() >= 90 && rds.iter().all(|root| of_rds.roots.contains(root)));
        assert!(public.iter().all(|root| of_rds.roots.contains(root)), "RDS Proxy has those of a public one");
        let others = authorities("db.example.com").await.unwrap();
        assert_eq!(others.roots, public);
    }
}

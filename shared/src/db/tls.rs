//! Whom a connection that verifies its server trusts.
//!
//! RDS signs the certificates of its servers with authorities of its own, which are no public ones: `rds.pem` has them, and every function with it. RDS Proxy
//! has certificates of a public one, Amazon Trust Services; sqlx trusts the public ones in any case, and these besides.
//!
//! Where the file comes from, and how it is renewed: CONTRIBUTING.md.

use std::sync::LazyLock;

use sqlx::postgres::{PgConnectOptions, PgSslMode};
use tokio_rustls::rustls::RootCertStore;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use url::Url;

use crate::config;

/// The authorities of Amazon RDS, one of each region and kind of key.
const RDS: &str = include_str!("rds.pem");
/// What the name of every server of RDS ends in, a proxy's too. In China there are others, and authorities that the file has not.
const OF_RDS: &str = ".rds.amazonaws.com";
/// The same authorities, read once.
static ROOTS: LazyLock<RootCertStore> = LazyLock::new(|| {
    let mut store = RootCertStore::empty();
    // A test sees that each of them can be used.
    store.add_parsable_certificates(CertificateDer::pem_slice_iter(RDS.as_bytes()).flatten());
    store
});
/// What sqlx takes the operator's own by, in a URL.
const IN_A_URL: [&str; 3] = ["sslrootcert", "ssl-root-cert", "ssl-ca"];

/// The same, trusting RDS where the server is verified. Who names authorities, in the URL or by `PGSSLROOTCERT`, trusts these instead.
pub(crate) fn trusting_rds(options: PgConnectOptions, url: &str) -> PgConnectOptions {
    let verifies = match options.get_ssl_mode() {
        PgSslMode::VerifyCa | PgSslMode::VerifyFull => true,
        PgSslMode::Disable | PgSslMode::Allow | PgSslMode::Prefer | PgSslMode::Require => false,
    };
    if !verifies || config::root_certificates().is_some() || names_authorities(url) {
        return options;
    }
    options.ssl_root_cert_from_pem(RDS.as_bytes().to_vec())
}

/// Whom a server of this name is taken from beside the public authorities, where somebody else than sqlx does TLS: RDS, for its own servers alone.
pub(crate) fn authorities_for(host: &str) -> Option<&'static RootCertStore> {
    let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    host.strip_suffix(OF_RDS).is_some_and(|server| !server.is_empty()).then(|| &*ROOTS)
}

fn names_authorities(url: &str) -> bool {
    let Ok(url) = Url::parse(url) else { return false };
    url.query_pairs().any(|(name, _)| IN_A_URL.contains(&&*name))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::str::FromStr as _;

    use sqlx::ConnectOptions as _;

    use super::*;

    /// That none of them is about to expire says a command of CONTRIBUTING.md: a test that fails as time passes would stop everything else.
    #[test]
    fn every_authority_of_the_file_can_be_used_is_amazons_and_is_there_once() {
        let certificates: Vec<_> =
            CertificateDer::pem_slice_iter(RDS.as_bytes()).collect::<Result<_, _>>().unwrap();
        // Three kinds of keys.
        assert!(certificates.len() >= 90 && certificates.len().is_multiple_of(3), "{}", certificates.len());
        let mut store = RootCertStore::empty();
        for certificate in &certificates {
            store.add(certificate.clone()).unwrap();
        }
        for root in &store.roots {
            let subject = String::from_utf8_lossy(&root.subject);
            assert!(
                subject.contains("Amazon Web Services, Inc.") && subject.contains("Amazon RDS"),
                "{subject}"
            );
        }
        let subjects: BTreeSet<_> = store.roots.iter().map(|root| root.subject.to_vec()).collect();
        assert_eq!(subjects.len(), certificates.len());
        assert_eq!(RDS.matches("-----BEGIN").count(), certificates.len(), "nothing else is in the file");
        assert_eq!(ROOTS.roots, store.roots);
    }

    #[test]
    fn rds_is_trusted_for_its_own_servers_alone() {
        for host in [
            "shop.abc123.eu-west-1.rds.amazonaws.com",
            "shop.cluster-ro-abc123.eu-west-1.rds.amazonaws.com",
            "Shop.abc123.EU-WEST-1.RDS.amazonaws.com.",
        ] {
            assert_eq!(authorities_for(host).map(RootCertStore::len), Some(ROOTS.len()), "{host}");
        }
        for host in [
            "",
            "localhost",
            "10.0.0.1",
            "rds.amazonaws.com",
            ".rds.amazonaws.com",
            "shop.evilrds.amazonaws.com",
            "shop.abc123.eu-west-1.rds.amazonaws.com.example.com",
            "shop.abc123.cn-north-1.rds.amazonaws.com.cn",
        ] {
            assert!(authorities_for(host).is_none(), "{host}");
        }
    }

    /// With PGSSLROOTCERT set this is another test: `shared/tests/logins/environment.rs`.
    #[test]
    fn who_verifies_trusts_rds_and_who_does_not_is_given_nothing() {
        let trusts = |url: &str| {
            let options = trusting_rds(PgConnectOptions::from_str(url).unwrap(), url).to_url_lossy();
            options.query_pairs().find(|(name, _)| name == "sslrootcert").map(|(_, value)| value.into_owned())
        };
        for mode in ["verify-full", "verify-ca"] {
            assert_eq!(trusts(&format!("postgres://a@db/x?sslmode={mode}")).as_deref(), Some(RDS), "{mode}");
        }
        for mode in ["disable", "prefer", "require"] {
            assert_eq!(trusts(&format!("postgres://a@db/x?sslmode={mode}")), None, "{mode}");
        }
        let own = trusts("postgres://a@db/x?sslmode=verify-full&sslrootcert=/own.pem");
        assert_eq!(own.as_deref(), Some("file: /own.pem"));
    }

    #[test]
    fn authorities_may_be_named_in_a_url() {
        for name in IN_A_URL {
            assert!(names_authorities(&format!("postgres://db/x?sslmode=verify-full&{name}=/a.pem")));
        }
        assert!(!names_authorities("postgres://db/x?sslmode=verify-full&sslcert=/a.pem"));
    }
}

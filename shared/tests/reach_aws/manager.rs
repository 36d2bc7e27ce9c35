//! Secrets in Secrets Manager, on the emulator that the environment names.

use aws_config::BehaviorVersion;
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::primitives::Blob;
use runplane::reach::secrets::Secrets;
use secrecy::ExposeSecret as _;
use uuid::Uuid;

async fn client() -> Client {
    assert!(
        std::env::var("AWS_ENDPOINT_URL").is_ok(),
        "AWS_ENDPOINT_URL is not set: `cargo xtask test` starts an emulator"
    );
    Client::new(&aws_config::load_defaults(BehaviorVersion::latest()).await)
}

#[tokio::test]
async fn a_secret_is_found_below_its_tenant_and_nowhere_else() {
    let client = client().await;
    let (prefix, tenant, other) = (format!("test-{}/", Uuid::new_v4()), Uuid::new_v4(), Uuid::new_v4());
    let name = format!("{prefix}{tenant}/shop/token");
    client.create_secret().name(&name).secret_string("first value").send().await.unwrap();
    let secrets = Secrets::of_manager(prefix.clone(), runplane::aws::of_function);
    let get = async |tenant, name: &str| {
        let secret = secrets.get(tenant, name).await;
        secret
            .map(|secret| secret.expose_secret().to_owned())
            .map_err(|failure| (failure.error, failure.passes))
    };
    assert_eq!(get(tenant, "shop/token").await.unwrap(), "first value");
    let not_found = ("secret_not_found".to_owned(), false);
    assert_eq!(get(other, "shop/token").await.unwrap_err(), not_found);
    assert_eq!(get(other, &format!("../{tenant}/shop/token")).await.unwrap_err(), not_found);
    assert_eq!(get(other, &name).await.unwrap_err(), not_found);

    // Remembered, until it was refused.
    client.put_secret_value().secret_id(&name).secret_string("second value").send().await.unwrap();
    assert_eq!(get(tenant, "shop/token").await.unwrap(), "first value");
    secrets.forget(tenant, "shop/token");
    assert_eq!(get(tenant, "shop/token").await.unwrap(), "second value");

    let binary = format!("{prefix}{tenant}/binary");
    client.create_secret().name(&binary).secret_binary(Blob::new(vec![0xff, 0xfe])).send().await.unwrap();
    let short = format!("{prefix}{tenant}/short");
    client.create_secret().name(&short).secret_string("1234567").send().await.unwrap();
    for name in ["binary", "short"] {
        assert_eq!(get(tenant, name).await.unwrap_err(), ("secret_unusable".to_owned(), false), "{name}");
    }
}

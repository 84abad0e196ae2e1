//! The AWS SDK for Rust as a client of windlass: finds credentials as any program
//! does whose environment names a place, and prints them as JSON.

use std::time::SystemTime;

use aws_config::BehaviorVersion;
use aws_credential_types::provider::ProvideCredentials;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    // Everything is on loopback, so no TLS is needed.
    let client = aws_smithy_http_client::Builder::new().build_http();
    let config = aws_config::defaults(BehaviorVersion::latest())
        .region("us-east-1")
        .http_client(client)
        .load()
        .await;
    let provider = config.credentials_provider().expect("no provider");
    let credentials = match provider.provide_credentials().await {
        Ok(credentials) => credentials,
        Err(error) => {
            eprintln!("{error:?}");
            std::process::exit(1);
        }
    };
    let left = credentials
        .expiry()
        .and_then(|expiry| expiry.duration_since(SystemTime::now()).ok())
        .map_or("null".to_owned(), |left| left.as_secs().to_string());
    println!(
        "{{\"keyId\":\"{}\",\"secretLength\":{},\"tokenLength\":{},\"secondsLeft\":{left}}}",
        credentials.access_key_id(),
        credentials.secret_access_key().len(),
        credentials.session_token().map_or(0, str::len),
    );
}

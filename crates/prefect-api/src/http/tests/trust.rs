//! Whom the transport believes.

use std::io::Write;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
use tempfile::NamedTempFile;
use tokio::io::AsyncWriteExt;
use tokio_rustls::rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
};

use super::*;

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority(name: &str) -> Authority {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, name);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

fn config(chain: Vec<CertificateDer<'static>>, key: &KeyPair) -> ServerConfig {
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap()
}

async fn server_of(authority: &Authority, name: &str) -> Server {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new([name.to_owned()]).unwrap().signed_by(&key, authority).unwrap();
    Server::start_tls(vec![Act::Answer(200, "{}")], config(vec![certificate.der().clone()], &key)).await
}

fn file(pem: &str) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(pem.as_bytes()).unwrap();
    file
}

async fn ask(server: &Server, ca_file: Option<&NamedTempFile>, verify_tls: bool) -> Result<Response, TransportError> {
    let ca_file = ca_file.map(|file| file.path().to_owned());
    HttpTransport::new(&Connection { ca_file, verify_tls, ..Connection::to(server.url("/api")) })
        .unwrap()
        .send(get("/a"))
        .await
}

fn refused_for(outcome: &Result<Response, TransportError>, reason: &str) -> bool {
    matches!(outcome, Err(TransportError::Connect(why)) if why.contains(reason))
}

#[tokio::test]
async fn a_private_authority_is_believed_when_its_certificate_is_in_the_file() {
    let (ours, other) = (authority("ours"), authority("other"));
    let server = server_of(&ours, "localhost").await;
    assert!(ask(&server, Some(&file(&ours.pem())), true).await.is_ok());
    let bundle = file(&format!("# two\n{}{}", other.pem(), ours.pem()));
    let server = server_of(&ours, "localhost").await;
    assert!(ask(&server, Some(&bundle), true).await.is_ok());
}

#[tokio::test]
async fn anyone_else_is_refused_with_the_setting_to_look_at() {
    let (ours, other) = (authority("ours"), authority("other"));
    let server = server_of(&ours, "localhost").await;
    let outcome = ask(&server, Some(&file(&other.pem())), true).await;
    assert!(refused_for(&outcome, "PREFECT_API_SSL_CERT_FILE"), "{outcome:?}");
    let server = server_of(&ours, "elsewhere").await;
    let outcome = ask(&server, Some(&file(&ours.pem())), true).await;
    assert!(refused_for(&outcome, "not valid for name"), "{outcome:?}");
    assert!(server.requests().is_empty(), "a server that is not believed is told nothing");
}

#[tokio::test]
async fn the_systems_authorities_do_not_know_a_private_one() {
    if rustls_native_certs::load_native_certs().certs.is_empty() {
        return;
    }
    let server = server_of(&authority("ours"), "localhost").await;
    let outcome = ask(&server, None, true).await;
    assert!(refused_for(&outcome, "UnknownIssuer"), "{outcome:?}");
}

#[tokio::test]
async fn without_verification_anyone_is_believed() {
    let server = server_of(&authority("ours"), "elsewhere").await;
    assert!(ask(&server, None, false).await.is_ok());
}

#[tokio::test]
async fn a_certificate_that_calls_itself_an_authority_may_be_the_servers_if_it_is_in_the_file() {
    let self_made = |name: &str, until: i32| {
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.not_after = date_time_ymd(until, 1, 1);
        CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
    };
    for (name, until, reason) in [
        ("localhost", 2999, None),
        ("elsewhere", 2999, Some("not valid for name")),
        ("localhost", 2001, Some("expired")),
    ] {
        let certificate = self_made(name, until);
        let config = config(vec![certificate.der().clone()], certificate.key());
        let server = Server::start_tls(vec![Act::Answer(200, "{}")], config).await;
        let outcome = ask(&server, Some(&file(&certificate.pem())), true).await;
        match reason {
            None => assert!(outcome.is_ok(), "{outcome:?}"),
            Some(reason) => assert!(refused_for(&outcome, reason), "{outcome:?}"),
        }
        let outcome = ask(&server, Some(&file(&self_made(name, until).pem())), true).await;
        assert!(matches!(outcome, Err(TransportError::Connect(_))), "another of the same name: {outcome:?}");
    }
}

#[tokio::test]
async fn what_is_no_tls_at_all_is_no_connection() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}/api", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
    });
    let transport = HttpTransport::new(&Connection { verify_tls: false, ..Connection::to(url) }).unwrap();
    let error = transport.send(get("/a")).await.unwrap_err();
    assert!(matches!(error, TransportError::Connect(_)), "{error}");
}

#[test]
fn a_file_without_certificates_is_named() {
    let of = |path: std::path::PathBuf, url: &str| {
        HttpTransport::new(&Connection { ca_file: Some(path), ..Connection::to(url) }).map(drop)
    };
    let empty = file("nothing");
    let error = of(empty.path().to_owned(), "https://host/api").unwrap_err().to_string();
    assert!(error.contains(&empty.path().display().to_string()) && error.contains("no certificate"), "{error}");
    let missing = of("/nowhere/ca.pem".into(), "https://host/api").unwrap_err().to_string();
    assert!(missing.contains("/nowhere/ca.pem"), "{missing}");
    assert!(of("/nowhere/ca.pem".into(), "http://host/api").is_ok(), "who speaks no TLS reads no certificates");
}

/// A server of plain HTTP answers what it cannot read, as uvicorn does.
async fn plain() -> std::net::SocketAddr {
    use tokio::io::AsyncReadExt;

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut hello = [0; 1024];
            let _ = stream.read(&mut hello).await;
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").await;
        }
    });
    address
}

#[tokio::test]
async fn https_against_http_says_which_it_is_and_http_against_https_too() {
    let address = plain().await;
    let transport = HttpTransport::new(&Connection::to(format!("https://{address}/api"))).unwrap();
    let outcome = transport.send(get("/a")).await;
    assert!(refused_for(&outcome, "speaks no TLS") && refused_for(&outcome, "http://"), "{outcome:?}");

    let authority = authority("ours");
    let server = server_of(&authority, "localhost").await;
    let url = server.url("/api").replace("https://", "http://");
    let outcome = HttpTransport::new(&Connection::to(url)).unwrap().send(get("/a")).await;
    let Err(TransportError::Lost(why)) = outcome else { panic!("{outcome:?}") };
    assert!(why.contains("speaks no HTTP") && why.contains("https://"), "{why}");
}

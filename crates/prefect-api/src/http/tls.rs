//! Whom we believe to be the server.
//!
//! A file of certificates is trusted alone, as Prefect's client does (`ssl.create_default_context(cafile=…)`); without one
//! the system's are, and `SSL_CERT_FILE` names them as usual. One thing OpenSSL allows is allowed here too: a server may
//! show the very certificate that the file holds, though it calls itself an authority. `openssl req -x509` makes such
//! certificates, and many servers at home have one.

use std::{fs, sync::Arc};

use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_name,
    },
    crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject},
    server::ParsedCertificate,
};

use super::BadConnection;
use crate::connection::Connection;

/// Certificates are read only if `https` is spoken.
pub(super) fn config(connection: &Connection, https: bool) -> Result<ClientConfig, BadConnection> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable("the TLS library", &error))?;
    if !https {
        return Ok(builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth());
    }
    if !connection.verify_tls {
        let verifier = Arc::new(Unverified(provider));
        return Ok(builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth());
    }
    let Some(file) = &connection.ca_file else {
        return Ok(builder.with_root_certificates(system()?).with_no_client_auth());
    };
    let place = file.display().to_string();
    let text = fs::read(file).map_err(|error| unusable(&place, &error))?;
    let pinned = CertificateDer::pem_slice_iter(&text)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| unusable(&place, &error))?;
    let mut roots = RootCertStore::empty();
    let (used, _) = roots.add_parsable_certificates(pinned.iter().cloned());
    if used == 0 {
        return Err(unusable(&place, &"there is no certificate in it"));
    }
    let by_authority = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
        .build()
        .map_err(|error| unusable(&place, &error))?;
    let verifier = Arc::new(FromFile { by_authority, pinned });
    Ok(builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth())
}

fn system() -> Result<RootCertStore, BadConnection> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    let (used, _) = roots.add_parsable_certificates(found.certs);
    if used == 0 {
        let reasons: Vec<String> = found.errors.iter().map(ToString::to_string).collect();
        let problem = if reasons.is_empty() { "there are none".to_owned() } else { reasons.join("; ") };
        return Err(unusable("the system's store", &problem));
    }
    Ok(roots)
}

fn unusable(place: &str, problem: &dyn std::fmt::Display) -> BadConnection {
    BadConnection::Certificates { place: place.to_owned(), problem: problem.to_string() }
}

/// Trusts what a file's authorities signed, and the file's certificates themselves.
#[derive(Debug)]
struct FromFile {
    by_authority: Arc<WebPkiServerVerifier>,
    pinned: Vec<CertificateDer<'static>>,
}

impl ServerCertVerifier for FromFile {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verdict = self.by_authority.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        match verdict {
            // An authority as a server: webpki says so after it looked at the dates. The name is looked at here, and the
            // signature of the handshake below.
            Err(Error::InvalidCertificate(CertificateError::Other(_))) if self.pinned.contains(end_entity) => {
                verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
                Ok(ServerCertVerified::assertion())
            }
            verdict => verdict,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.by_authority.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.by_authority.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.by_authority.supported_verify_schemes()
    }
}

/// Believes everyone. The handshake is still one with whoever holds the key of the certificate shown.
#[derive(Debug)]
struct Unverified(Arc<CryptoProvider>);

impl ServerCertVerifier for Unverified {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

//! `iam:SimulatePrincipalPolicy` over an installation's roles, for a command line that asks it: the emulators have no IAM that
//! reads conditions.

use std::{convert::Infallible, io, net::Ipv4Addr, sync::Arc};

use http_body_util::{BodyExt, Full};
use hyper::{
    Request, Response,
    body::{Bytes, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use percent_encoding::percent_decode_str;
use tokio::{net::TcpListener, task::JoinHandle};

use super::{Ask, Roles};

/// The endpoint; it ends when this is dropped.
#[derive(Debug)]
pub struct Iam {
    url: String,
    serving: JoinHandle<()>,
}

impl Iam {
    /// Serves on a free port of loopback.
    ///
    /// # Errors
    /// There is none.
    pub async fn start(roles: Arc<Roles>) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let roles = Arc::clone(&roles);
                let service = service_fn(move |request| answer(Arc::clone(&roles), request));
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        Ok(Self { url, serving })
    }

    /// For `AWS_ENDPOINT_URL_IAM`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Iam {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn answer(roles: Arc<Roles>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let body = request.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    Ok(Response::new(Full::new(simulate(&roles, &String::from_utf8_lossy(&body)).into())))
}

/// One action, as the command line asks for it.
fn simulate(roles: &Roles, form: &str) -> String {
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let fields: Vec<(String, String)> = form
        .split('&')
        .filter_map(|field| field.split_once('='))
        .map(|(name, value)| (decoded(name), decoded(value)))
        .collect();
    let field = |wanted: &str| fields.iter().find(|(name, _)| name == wanted).map_or("", |(_, value)| value);
    let role = field("PolicySourceArn").rsplit('/').next().unwrap_or_default();
    let (key, value) =
        (field("ContextEntries.member.1.ContextKeyName"), field("ContextEntries.member.1.ContextKeyValues.member.1"));
    let resources = fields.iter().filter(|(name, _)| name.starts_with("ResourceArns.member."));
    let results: String = resources
        .map(|(_, resource)| {
            let ask = Ask::new(field("ActionNames.member.1"), resource).with(key, value);
            let decision = if roles.ask(role, &ask).is_ok() { "allowed" } else { "implicitDeny" };
            format!("<member><EvalResourceName>{resource}</EvalResourceName><EvalDecision>{decision}</EvalDecision></member>")
        })
        .collect();
    format!(
        "<SimulatePrincipalPolicyResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"><SimulatePrincipalPolicyResult>\
         <EvaluationResults>{results}</EvaluationResults></SimulatePrincipalPolicyResult></SimulatePrincipalPolicyResponse>"
    )
}

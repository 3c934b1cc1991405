//! The names that the suite answers to: this machine's own.
//!
//! **Invariant:** a page of the internet whose name is made to lead here (DNS rebinding) is answered nothing, so it neither
//! reads the mailbox nor sends anything: a browser says by which name it came, and the name is the page's.

use axum::Router;
use axum::extract::Request;
use axum::http::uri::Authority;
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};

use crate::bridge::said;

/// What this machine is called on this machine.
const NAMES: [&str; 3] = ["127.0.0.1", "localhost", "[::1]"];

/// The port that a browser leaves out.
const HTTP_PORT: u16 = 80;

/// The same routes, for whoever comes by a name of this machine and the port that they are served at.
pub(crate) fn only(router: Router, port: u16) -> Router {
    router.layer(middleware::from_fn(move |request: Request, next: Next| async move {
        if is_ours(&request, port) {
            next.run(request).await
        } else {
            said(StatusCode::MISDIRECTED_REQUEST, "This is served under the names of its own machine only.")
        }
    }))
}

fn is_ours(request: &Request, port: u16) -> bool {
    let named = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    // HTTP/2 says it in the address.
    let named = named.or_else(|| request.uri().authority().map(Authority::as_str));
    let Some(host) = named.map(str::to_ascii_lowercase) else { return false };
    let at_port = format!(":{port}");
    let rests = NAMES.iter().filter_map(|name| host.strip_prefix(name));
    rests.into_iter().any(|rest| rest == at_port || (rest.is_empty() && port == HTTP_PORT))
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::routing::get;
    use tower::ServiceExt as _;

    use super::*;

    async fn status(port: u16, host: Option<&str>) -> StatusCode {
        let router = only(Router::new().route("/mailbox", get(|| async { "mail" })), port);
        let mut request = Request::get("/mailbox");
        if let Some(host) = host {
            request = request.header("host", host);
        }
        router.oneshot(request.body(Body::empty()).unwrap()).await.unwrap().status()
    }

    #[tokio::test]
    async fn a_page_whose_name_is_made_to_lead_here_is_answered_nothing() {
        for host in ["127.0.0.1:8700", "localhost:8700", "LOCALHOST:8700", "[::1]:8700"] {
            assert_eq!(status(8700, Some(host)).await, StatusCode::OK, "{host}");
        }
        let others = [
            "evil.example",
            "evil.example:8700",
            "127.0.0.1.evil.example:8700",
            "localhost.evil.example:8700",
            "evil.example:8700@127.0.0.1:8700",
            "localhost",
            "localhost:8701",
            "localhost:8700:8700",
            "127.0.0.2:8700",
            "",
        ];
        for host in others {
            assert_eq!(status(8700, Some(host)).await, StatusCode::MISDIRECTED_REQUEST, "{host}");
        }
        assert_eq!(status(8700, None).await, StatusCode::MISDIRECTED_REQUEST);
        assert_eq!(status(80, Some("localhost")).await, StatusCode::OK, "browsers leave the port of HTTP out");
    }

    #[tokio::test]
    async fn what_is_not_there_is_not_told_to_others_either() {
        let router = only(Router::new(), 8700);
        let request = Request::get("/nothing").header("host", "evil.example").body(Body::empty()).unwrap();
        assert_eq!(router.oneshot(request).await.unwrap().status(), StatusCode::MISDIRECTED_REQUEST);
    }
}

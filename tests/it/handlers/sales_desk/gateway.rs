//! H41 on one machine: the gateway of `perennial up` lets nobody through to the function whom it does not know.

use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use perennial_app::programs;
use perennial_core::ids::Pepper;
use perennial_local::authorizer::{Authorizer, Caller, TOKEN_PERIOD};
use perennial_local::clock::Pace;
use perennial_local::store_file::StoreFile;
use perennial_local::suite::Suite;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tracing::level_filters::LevelFilter;

use crate::handlers::ingest_lead::logs::Log;

async fn ask(suite: &Suite, path: &str, authorization: Option<&str>) -> (u16, String) {
    ask_as(suite, &suite.base_url().replace("http://", ""), path, authorization).await
}

/// A request to the suite by some name.
async fn ask_as(suite: &Suite, host: &str, path: &str, authorization: Option<&str>) -> (u16, String) {
    let authorization = authorization.map(|value| format!("authorization: {value}\r\n")).unwrap_or_default();
    let request = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\n{authorization}connection: close\r\n\r\n");
    let mut connection = TcpStream::connect(suite.base_url().replace("http://", "")).await.unwrap();
    connection.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.unwrap();
    (answer.split(' ').nth(1).unwrap().parse().unwrap(), answer)
}

#[tokio::test]
async fn h41_only_a_token_of_this_machine_that_is_good_now_comes_through_to_sales() {
    let files = programs::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../programs")).unwrap();
    let suite = Suite::start_on(StoreFile::memory().unwrap(), 0, Pace::Real, &files, None, None).await.unwrap();
    let now = Timestamp::now();
    let bearer = |token: String| format!("Bearer {token}");
    let operator = bearer(suite.authorizer().token(&Caller::Operator, now));
    let (people, machines) = ("/v1/sales/leads?queue=sdr", "/v1/crm/leads?queue=sdr");
    for path in [people, machines] {
        let (status, answer) = ask(&suite, path, Some(&operator)).await;
        assert_eq!(status, 200, "{answer}");
        assert!(answer.ends_with("{\"leads\":[]}"), "{answer}");
    }

    let log = Log::at(LevelFilter::INFO);
    let expired = suite.authorizer().token(&Caller::Operator, now - TOKEN_PERIOD - SignedDuration::from_secs(1));
    let elsewhere = Authorizer::new(&Pepper::new([9; 32])).token(&Caller::Operator, now);
    let (_, unsigned) = operator.split_once('.').unwrap();
    // {"alg":"none"}
    let unsigned = format!("eyJhbGciOiJub25lIn0.{}.", unsigned.split('.').next().unwrap());
    let refused = [
        None,
        Some("Basic b3Blbjpz".to_owned()),
        Some(bearer(expired)),
        Some(bearer(elsewhere)),
        Some(bearer(unsigned)),
    ];
    for authorization in &refused {
        for (path, expected) in [(people, 401), (machines, 403)] {
            let (status, answer) = ask(&suite, path, authorization.as_deref()).await;
            assert_eq!(status, expected, "{authorization:?} {path}: {answer}");
        }
    }
    assert_eq!(log.text().matches("gateway.unauthorised").count(), refused.len() * 2);
    assert!(!log.text().contains("eyJ"), "no token is in the log: {}", log.text());

    // A rep whom no roster knows is let through by the gateway, and not by the function; and is no machine.
    let rep = bearer(suite.authorizer().token(&Caller::Rep("robin@perennial.example".to_owned()), now));
    assert_eq!(ask(&suite, people, Some(&rep)).await.0, 403);
    assert_eq!(ask(&suite, machines, Some(&rep)).await.0, 403);
    assert_eq!(ask(&suite, "/v1/desk/v1.k1.e30.x", None).await.0, 400);

    // A page of the internet whose name was made to lead here is answered nothing, whatever it asks for.
    let port = suite.base_url().rsplit(':').next().unwrap().to_owned();
    for path in ["/mailbox", "/mailbox/messages.json", people, "/nothing-there"] {
        let (status, answer) = ask_as(&suite, &format!("evil.example:{port}"), path, Some(&operator)).await;
        assert_eq!(status, 421, "{path}: {answer}");
    }
    assert_eq!(ask_as(&suite, &format!("localhost:{port}"), "/mailbox", None).await.0, 200);
    suite.stop().await.unwrap();
}

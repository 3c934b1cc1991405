//! What the doctor makes of answers of AWS that are not all of one kind.

use perennial_app::doctor::facts::NotLooked;
use perennial_aws::clients::Clients;
use perennial_aws::doctor::Examiner;
use perennial_core::ids::SenderDomain;
use tokio::net::TcpListener;

use crate::loopback::{Answer, Loopback};

fn sender() -> SenderDomain {
    SenderDomain::parse("mail.shop.example").unwrap()
}

fn examiner(server: &Loopback) -> Examiner {
    Examiner::new(&Clients::loopback(&server.url))
}

fn not_found() -> Answer {
    Answer::Reply(404, "NotFoundException", r#"{"message":"no such thing"}"#.to_owned())
}

#[tokio::test]
async fn a_sender_goes_out_by_the_nearest_domain_that_ses_knows() {
    let server = Loopback::start(|_, request| {
        if !request.line().starts_with("GET /v2/email/identities/shop.example ") {
            return not_found();
        }
        let identity = r#"{"VerifiedForSendingStatus":true,"DkimAttributes":{"SigningEnabled":true,"Status":"PENDING",
            "Tokens":["abc"],"SigningHostedZone":"eu.dkim.example"},"MailFromAttributes":{"MailFromDomain":"b.shop.example",
            "MailFromDomainStatus":"FAILED","BehaviorOnMxFailure":"REJECT_MESSAGE"}}"#;
        Answer::Reply(200, "", identity.to_owned())
    })
    .await;
    let identity = examiner(&server).identity(&sender()).await.unwrap().expect("the one above it is known");
    assert_eq!((identity.domain.as_str(), identity.dkim.as_str()), ("shop.example", "PENDING"));
    assert!(identity.is_verified && identity.is_signing);
    let record = ("abc._domainkey.shop.example".to_owned(), "abc.eu.dkim.example".to_owned());
    assert_eq!(identity.dkim_records, [record]);
    assert!(identity.mail_from.is_some_and(|mail_from| mail_from.is_required && mail_from.status == "FAILED"));
    let asked: Vec<String> = server.requests().iter().map(|request| request.line().to_owned()).collect();
    assert_eq!(asked.len(), 2, "each once: {asked:?}");
}

#[tokio::test]
async fn what_is_not_there_is_no_error() {
    let server = Loopback::start(|_, request| match request.call() {
        "DescribeTable" => Answer::Reply(400, "ResourceNotFoundException", r#"{"message":"none"}"#.to_owned()),
        _ => not_found(),
    })
    .await;
    let examiner = examiner(&server);
    assert!(examiner.identity(&sender()).await.unwrap().is_none());
    assert!(examiner.configuration_set("perennial").await.unwrap().is_none());
    assert!(examiner.destinations("perennial").await.unwrap().is_empty());
    assert!(examiner.table("perennial").await.unwrap().is_none());
    let asked = server.requests();
    assert!(asked.iter().all(|request| !request.line().contains("identities/example ")), "a whole ending is nobody's");
}

#[tokio::test]
async fn an_aws_that_is_not_reached_is_not_one_without_anything() {
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let examiner = Examiner::new(&Clients::loopback(&format!("http://{nobody}")));
    let Err(NotLooked::Failed(why)) = examiner.table("perennial").await else { panic!("nobody answered") };
    assert!(why.contains("Connection refused"), "{why}");
}

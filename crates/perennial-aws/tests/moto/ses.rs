//! Mail, as moto's SES takes it or refuses it.

use jiff::Timestamp;
use perennial_app::ports::{Mailer as _, OutboundMail};
use perennial_aws::ses::SesMailer;
use perennial_core::decide::SendOutcome;
use perennial_core::event::FailReason;
use perennial_core::ids::{LeadId, TouchId};

fn mail(from_address: String) -> OutboundMail {
    OutboundMail {
        from_name: "Zoë from Perennial".to_owned(),
        from_address,
        to: "ada@example.com".to_owned(),
        reply_to: ("Zoë, Sales".to_owned(), "zoe@perennial.example".to_owned()),
        subject: "Grüße – your question".to_owned(),
        text: "Hello Ada,\n\nhere it is: ☘\n".to_owned(),
        html: "<p>Hello Ada,</p><p>here it is: ☘</p>".to_owned(),
        headers: vec![("List-Unsubscribe-Post", "List-Unsubscribe=One-Click".to_owned())],
        date: Timestamp::UNIX_EPOCH,
        lead: LeadId::parse("abcdefghijklmnopqrstuvwxyz").unwrap(),
        touch: TouchId::parse("1_welcome_helpful-link_0").unwrap(),
        attempt: 1,
    }
}

#[tokio::test]
async fn a_mail_of_an_identity_that_is_there_is_taken_and_one_of_another_is_refused_for_good() {
    let (client, domain) = (crate::clients().ses(), format!("{}.example", crate::name("sender")));
    let mailer = SesMailer::new(client.clone(), None);
    let from = format!("zoe@{domain}");
    assert_eq!(mailer.send(&mail(from.clone())).await.outcome, SendOutcome::Refused(FailReason::Rejected));
    client.create_email_identity().email_identity(&from).send().await.unwrap();
    let taken = mailer.send(&mail(from)).await.outcome;
    assert!(matches!(&taken, SendOutcome::Accepted { message_id } if !message_id.is_empty()), "{taken:?}");
}

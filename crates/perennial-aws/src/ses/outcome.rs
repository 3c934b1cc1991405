//! What the answer of SES, or its absence, means for a mail (TRUST.md §2.4).
//!
//! **Invariant:** only what is known counts as known. An error that fits nowhere is ambiguous: a mail is
//! put on the review list by mistake rather than sent twice.

use std::error::Error;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_sesv2::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sesv2::operation::RequestId;
use aws_sdk_sesv2::operation::send_email::{SendEmailError, SendEmailOutput};
use hyper_util::client::legacy::Error as HttpError;
use perennial_app::ports::SendReport;
use perennial_core::decide::SendOutcome;
use perennial_core::event::{DeferReason, FailReason};

/// How much of what SES says is kept for the log, in characters.
const MESSAGE_LENGTH_MAX: usize = 400;

/// SES answered with an error.
///
/// Made anew from the SDK's: what SES says may hold the recipient's address, which belongs into no log.
#[derive(Debug, thiserror::Error)]
#[error("SES answered {status} {code}: {message} (request {request})")]
struct SesAnswer {
    status: u16,
    code: String,
    message: String,
    request: String,
}

/// SES took the mail, and says what it calls it.
#[derive(Debug, thiserror::Error)]
#[error("SES answered without a message id")]
struct NoMessageId;

/// What an answer means.
pub(super) fn of_answer(taken: SendEmailOutput) -> SendReport {
    match taken.message_id {
        Some(message_id) => SendReport::accepted(message_id),
        // Whoever answers so may not be SES.
        None => SendReport { outcome: SendOutcome::Ambiguous, cause: Some(Box::new(NoMessageId)) },
    }
}

/// What an error means.
pub(super) fn of_error(error: SdkError<SendEmailError>) -> SendReport {
    if let SdkError::ServiceError(answer) = &error {
        let answer = SesAnswer {
            status: answer.raw().status().as_u16(),
            code: answer.err().code().unwrap_or_default().to_owned(),
            message: without_addresses(answer.err().message().unwrap_or_default()),
            request: answer.err().request_id().unwrap_or("unnamed").to_owned(),
        };
        let outcome = of_code(answer.status, &answer.code);
        return SendReport { outcome, cause: Some(Box::new(answer)) };
    }
    let outcome =
        if never_left(&error) { SendOutcome::NotYet(DeferReason::NotReached) } else { SendOutcome::Ambiguous };
    SendReport { outcome, cause: Some(Box::new(error)) }
}

/// What an error that SES names means. Without a name it is not known to be from SES at all.
fn of_code(status: u16, code: &str) -> SendOutcome {
    if code.is_empty() || !(400..500).contains(&status) {
        return SendOutcome::Ambiguous;
    }
    match code {
        "MessageRejected" => SendOutcome::Refused(FailReason::Rejected),
        "BadRequestException" => SendOutcome::Refused(FailReason::BadRequest),
        "TooManyRequestsException" | "ThrottlingException" | "Throttling" => {
            SendOutcome::NotYet(DeferReason::Throttled)
        }
        "AccountSuspendedException"
        | "SendingPausedException"
        | "MailFromDomainNotVerifiedException"
        | "NotFoundException"
        | "LimitExceededException" => SendOutcome::NotYet(DeferReason::SendingPaused),
        code if is_about_credentials(status, code) => SendOutcome::NotYet(DeferReason::SendingPaused),
        _ => SendOutcome::Refused(FailReason::BadRequest),
    }
}

/// Whether it is not the mail that is refused but whoever sends it: a matter for the operator, of every mail.
fn is_about_credentials(status: u16, code: &str) -> bool {
    const CODES: [&str; 10] = [
        "AccessDenied",
        "AccessDeniedException",
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignature",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "OptInRequired",
        "RequestExpired",
        "SignatureDoesNotMatch",
    ];
    matches!(status, 401 | 403) || CODES.contains(&code)
}

/// Whether the request cannot have left: it was not built, not signed, or there was no connection for it.
fn never_left(error: &SdkError<SendEmailError>) -> bool {
    if matches!(error, SdkError::ConstructionFailure(_)) {
        return true;
    }
    let mut link: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = link {
        let no_connection = error.downcast_ref::<HttpError>().is_some_and(HttpError::is_connect);
        if no_connection || error.is::<CredentialsError>() {
            return true;
        }
        link = error.source();
    }
    false
}

fn without_addresses(message: &str) -> String {
    let words = message.split_whitespace().map(|word| if word.contains('@') { "<address>" } else { word });
    let text: Vec<&str> = words.collect();
    text.join(" ").chars().take(MESSAGE_LENGTH_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_refusal_of_ses_has_its_outcome() {
        use DeferReason::{SendingPaused, Throttled};
        use SendOutcome::{Ambiguous, NotYet, Refused};
        for (status, code, outcome) in [
            (400, "MessageRejected", Refused(FailReason::Rejected)),
            (400, "BadRequestException", Refused(FailReason::BadRequest)),
            (400, "ValidationException", Refused(FailReason::BadRequest)),
            (429, "TooManyRequestsException", NotYet(Throttled)),
            (400, "ThrottlingException", NotYet(Throttled)),
            (400, "AccountSuspendedException", NotYet(SendingPaused)),
            (400, "SendingPausedException", NotYet(SendingPaused)),
            (400, "MailFromDomainNotVerifiedException", NotYet(SendingPaused)),
            (404, "NotFoundException", NotYet(SendingPaused)),
            (400, "LimitExceededException", NotYet(SendingPaused)),
            (403, "AccessDeniedException", NotYet(SendingPaused)),
            (403, "UnrecognizedClientException", NotYet(SendingPaused)),
            (400, "ExpiredTokenException", NotYet(SendingPaused)),
            (500, "InternalFailure", Ambiguous),
            (503, "TooManyRequestsException", Ambiguous),
            (400, "", Ambiguous),
            (302, "Found", Ambiguous),
        ] {
            assert_eq!(of_code(status, code), outcome, "{status} {code}");
        }
    }

    #[test]
    fn the_log_does_not_get_the_address_that_ses_repeats() {
        let message = "Email address is not verified. The following identities failed: <ada@example.com>, sales@x.y";
        let kept = without_addresses(message);
        assert_eq!(kept, "Email address is not verified. The following identities failed: <address> <address>");
    }
}

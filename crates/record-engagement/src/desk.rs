//! What every page shares: who asks, in which words they are answered, and how a page is put together.

use aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use perennial_app::engagement::HearError;
use perennial_app::error_chain::ErrorChain;
use perennial_app::mail::MailRef;
use perennial_app::ports::Stored;
use perennial_core::catalog::Catalog;
use perennial_core::ids::{Language, LeadId};
use perennial_core::lead::StageKind;
use perennial_core::token::{Purpose, TokenError};
use perennial_lambda::http::form::{self, FormError, Pair};
use perennial_lambda::http::page::Page;
use perennial_lambda::http::{self, escape};
use tracing::{error, info};

use crate::Deps;
use crate::phrases::Phrases;

/// One request for a page.
pub(crate) struct Desk<'a> {
    pub(crate) deps: &'a Deps,
    pub(crate) catalog: &'a Catalog,
    pub(crate) request: &'a ApiGatewayV2httpRequest,
}

/// An answer that ends a request before its page is made.
pub(crate) type Early = Box<ApiGatewayV2httpResponse>;

/// How a page answers.
pub(crate) type Shown = Result<ApiGatewayV2httpResponse, Early>;

impl Desk<'_> {
    /// The payload of a token, or the page for one that is cut, forged or of another purpose (H23).
    pub(crate) fn payload(&self, purpose: Purpose, token: &str) -> Result<String, Early> {
        self.deps.keyring.verify(purpose, token).map_err(|error| self.refused(purpose, error))
    }

    /// The mail that a token came in.
    pub(crate) fn mail(&self, purpose: Purpose, token: &str) -> Result<MailRef, Early> {
        let payload = self.payload(purpose, token)?;
        MailRef::parse(&payload).ok_or_else(|| self.refused(purpose, TokenError::Malformed))
    }

    /// Counts a token that is refused, and offers a way that works without one.
    pub(crate) fn refused(&self, purpose: Purpose, error: TokenError) -> Early {
        info!(token.error = %error, token.purpose = ?purpose, metric = "token.refused", "a token was refused");
        let phrases = self.phrases(None);
        let organisation = &self.catalog.organisation;
        let address = escape(organisation.unsubscribe_mailbox.as_ref().unwrap_or(&organisation.team.address));
        let link = format!("<a href=\"mailto:{address}?subject=unsubscribe\">{address}</a>");
        let body = format!("<p>{}</p>", self.said(phrases.incomplete).replace("{address}", &link));
        Box::new(self.page(phrases, 400, phrases.incomplete_title, &body))
    }

    /// What is stored of a person of whom anything is known.
    pub(crate) async fn person(&self, lead: &LeadId) -> Result<Option<Stored>, Early> {
        let stored = self.deps.listener.person(lead).await.map_err(|error| {
            error!(lead.id = %lead, error = ErrorChain(&error).to_string(), "a page could not be made");
            self.not_saved(self.phrases(None))
        })?;
        Ok(stored.filter(|stored| stored.lead.stage.kind() != StageKind::Terminal))
    }

    /// The same for a page that must come whatever happens, and only speaks another language without it.
    pub(crate) async fn person_if_any(&self, lead: &LeadId) -> Option<Stored> {
        self.person(lead).await.ok().flatten()
    }

    /// Whether a browser shows what is answered.
    pub(crate) fn is_shown(&self) -> bool {
        http::header(self.request, "accept").is_some_and(|accept| accept.contains("text/html"))
    }

    /// The words for a person.
    pub(crate) fn phrases(&self, person: Option<&Stored>) -> &'static Phrases {
        self.phrases_in(person.and_then(|stored| stored.lead.language.as_ref()))
    }

    /// The words of a language, else of the browser's.
    pub(crate) fn phrases_in(&self, language: Option<&Language>) -> &'static Phrases {
        let accepted = http::header(self.request, "accept-language").unwrap_or_default();
        Phrases::for_lead(language, accepted)
    }

    /// A phrase as HTML, with the organisation's name in it.
    pub(crate) fn said(&self, phrase: &str) -> String {
        escape(phrase).replace("{name}", &escape(&self.catalog.organisation.name))
    }

    /// A page in the name of the organisation.
    pub(crate) fn page(&self, phrases: &Phrases, status: u16, title: &str, body: &str) -> ApiGatewayV2httpResponse {
        let from = Some(self.catalog.organisation.name.as_str());
        Page { status, language: phrases.language, title, from, body, style: "" }.answer()
    }

    /// A page that says one thing.
    pub(crate) fn note(&self, phrases: &Phrases, title: &str, phrase: &str) -> ApiGatewayV2httpResponse {
        self.page(phrases, 200, title, &format!("<p>{}</p>", self.said(phrase)))
    }

    /// The store took nothing: the same again in a moment may work (F11).
    fn not_saved(&self, phrases: &Phrases) -> Early {
        let body = format!("<p>{}</p>", self.said(phrases.not_saved));
        let mut response = self.page(phrases, 503, phrases.not_saved_title, &body);
        http::set_header(&mut response, "retry-after", http::RETRY_AFTER_S);
        Box::new(response)
    }

    /// As [`Self::not_saved`], for an error that is written down.
    pub(crate) fn unheard(&self, phrases: &Phrases, lead: &LeadId, error: &HearError) -> Early {
        error!(lead.id = %lead, error = ErrorChain(error).to_string(), "what a person said was not saved");
        self.not_saved(phrases)
    }

    /// What the page's form posted.
    pub(crate) fn posted(&self, phrases: &Phrases) -> Result<Vec<Pair>, Early> {
        form::read(self.request).map_err(|error: FormError| {
            let body = format!("<p>{}</p>", escape(&error.to_string()));
            Box::new(self.page(phrases, error.status(), phrases.not_saved_title, &body))
        })
    }
}

/// A page that a person asked for by a method that it has not.
pub(crate) fn not_allowed() -> ApiGatewayV2httpResponse {
    let mut response = http::problem(405, "method_not_allowed", "Use GET or POST.");
    http::set_header(&mut response, "allow", "GET, HEAD, POST");
    response
}

/// Either of two answers: a request that ends early ends with a page too.
pub(crate) fn either(shown: Shown) -> ApiGatewayV2httpResponse {
    shown.unwrap_or_else(|early| *early)
}

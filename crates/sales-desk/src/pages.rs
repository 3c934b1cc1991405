//! The pages behind signed links: what a GET shows, and what a press does.
//!
//! **Invariants:** only a POST changes anything, and it needs nothing but the token; the form carries a word of the page
//! it stands on, so that a press that comes twice counts once. What is refused is said, and what was filled in stays.

mod lead;
mod list;

use aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use perennial_app::alerts::Told;
use perennial_app::desk::view::{LeadView, zone_of};
use perennial_app::desk::{self, DESK_PATH, DeskLink, DisposeError, Done, LINK_PERIOD, LinkError, Seat};
use perennial_app::error_chain::ErrorChain;
use perennial_core::catalog::Catalog;
use perennial_core::ids::LeadId;
use perennial_core::sales::{Outcome, Party};
use perennial_core::token::Purpose;
use perennial_lambda::http::form;
use perennial_lambda::http::page::Page;
use perennial_lambda::http::{self, escape};
use tracing::{error, info};

use crate::Deps;
use crate::given::{Given, Misread};
use crate::phrases::{ENGLISH, Phrases, fill};

/// What the pages look like besides what every page does.
const STYLE: &str = include_str!("pages/style.css");

/// The name of the word that tells a press from any other.
const NONCE: &str = "nonce";

/// The longest such word, in characters.
const NONCE_LENGTH_MAX: usize = 64;

/// What is done by a press that tells no outcome, by the name of its button.
const ACT: &str = "act";

/// What the Enter key does in a form of many buttons: it chooses none.
const CHOOSE: &str = "choose";

/// One request for a page.
struct Visit<'a> {
    deps: &'a Deps,
    catalog: &'a Catalog,
    request: &'a ApiGatewayV2httpRequest,
    phrases: &'static Phrases,
    token: &'a str,
    seat: Seat,
    made_at: Timestamp,
}

/// What stands above a page.
enum Notice {
    /// Nothing.
    None,
    /// What was just done.
    Done(String),
    /// What is wrong, and the id of where it can be mended.
    Error(String, &'static str),
}

/// What a press asks for.
enum Act {
    Tell(Outcome),
    Note,
    GiveTo(perennial_core::lead::Ownership),
}

pub(crate) async fn handle(
    deps: &Deps,
    catalog: &Catalog,
    request: &ApiGatewayV2httpRequest,
    rest: &str,
) -> ApiGatewayV2httpResponse {
    let (token, more) = rest.split_once('/').map_or((rest, None), |(token, lead)| (token, Some(lead)));
    match http::method(request) {
        "GET" | "HEAD" | "POST" => {}
        _ => return not_allowed(),
    }
    let link = match DeskLink::read(token, deps.keyring(), catalog) {
        Ok(link) => link,
        Err(error) => return refused(catalog, error),
    };
    let visit =
        Visit { deps, catalog, request, phrases: &ENGLISH, token, seat: link.seat().clone(), made_at: link.made_at() };
    if http::method(request) == "HEAD" {
        return http::empty(200);
    }
    if link.is_over(deps.herald.wall_clock.now()) {
        return visit.old(&link).await;
    }
    match (&link, more) {
        (DeskLink::Lead(desk), None) => visit.lead(&desk.lead, None).await,
        (DeskLink::List(_), None) => visit.list().await,
        (DeskLink::List(_), Some(lead)) => match LeadId::parse(lead) {
            Ok(lead) => visit.lead(&lead, Some(&format!("{DESK_PATH}{token}"))).await,
            Err(_) => visit.not_yours(),
        },
        (DeskLink::Lead(_), Some(_)) => visit.not_yours(),
    }
}

impl Visit<'_> {
    fn party(&self) -> Party {
        self.seat.party()
    }

    /// What people call whoever looks.
    fn name(&self) -> &str {
        match &self.seat {
            Seat::Rep(rep) => self.catalog.roster.reps.get(rep).map_or(rep.as_str(), |rep| rep.sender.name.as_str()),
            Seat::Queue(queue) => &self.catalog.queue_sender(queue).name,
        }
    }

    async fn lead(&self, lead: &LeadId, list: Option<&str>) -> ApiGatewayV2httpResponse {
        if http::method(self.request) == "GET" {
            return match self.deps.desk.view(&self.party(), lead).await {
                Ok(view) => self.shown(200, &view, &Notice::None, &Given::default(), list),
                Err(error) => self.failed(&error),
            };
        }
        let given = match form::read(self.request) {
            Ok(pairs) => Given(pairs),
            Err(error) => return self.note(error.status(), self.phrases.not_saved_title, &error.to_string()),
        };
        let view = match self.deps.desk.view(&self.party(), lead).await {
            Ok(view) => view,
            Err(error) => return self.failed(&error),
        };
        match self.pressed(&view, &given).await {
            Ok(said) => self.after(lead, said, list).await,
            Err(Pressed::Mend(what, place)) => self.shown(422, &view, &Notice::Error(what, place), &given, list),
            Err(Pressed::Failed(error)) => self.failed(&error),
        }
    }

    /// Does what a press asks for; what to say of it.
    async fn pressed(&self, view: &LeadView, given: &Given) -> Result<Said, Pressed> {
        let phrases = self.phrases;
        let mend = |misread: Misread| Pressed::Mend((phrases.misread)(&misread).to_owned(), lead::place_of(given));
        let nonce = given.text(NONCE);
        if nonce.is_empty() || nonce.len() > NONCE_LENGTH_MAX {
            return Err(Pressed::Mend(phrases.press_again.to_owned(), lead::TOP));
        }
        let act = match given.text(ACT) {
            "note" => Act::Note,
            CHOOSE => return Err(Pressed::Mend(phrases.choose.to_owned(), lead::place_of(given))),
            "hand_over" => match lead::owner_of(given.text("to")) {
                Some(owner) => Act::GiveTo(owner),
                None => return Err(Pressed::Mend(phrases.no_such_owner.to_owned(), lead::place_of(given))),
            },
            _ => Act::Tell(given.outcome(self.catalog, &view.zone).map_err(mend)?),
        };
        // A press again on the page before it, of another button or with other words, is another press.
        let key = given.0.iter().fold(String::new(), |key, (name, value)| format!("{key}{name}={value}\n"));
        let (party, lead, desk) = (self.party(), &view.lead().id, &self.deps.desk);
        let done = match &act {
            Act::Tell(outcome) => {
                let (outcome, note) = (outcome.clone(), given.note());
                desk.dispose(&desk::Told {
                    by: party,
                    lead: lead.clone(),
                    outcome,
                    note,
                    happened_at: None,
                    is_status: false,
                    key,
                })
                .await
            }
            Act::Note => desk.note(&party, lead, given.text(crate::given::NOTE), &key).await,
            Act::GiveTo(owner) => desk.hand_over(&party, lead, owner.clone()).await,
        };
        match done {
            Ok(done) => {
                info!(lead.id = %lead, desk.party = party_name(&self.seat), is_new = done == Done::Now, "sales told of a lead");
                Ok(Said { act, done })
            }
            Err(error) => Err(self.unmet(error, given)),
        }
    }

    /// What a person can mend about an error, in words; all others are somebody else's.
    fn unmet(&self, error: DisposeError, given: &Given) -> Pressed {
        let phrases = self.phrases;
        let what = match &error {
            DisposeError::Refused(refusal) => (phrases.refused)(refusal),
            DisposeError::NoNote => phrases.no_note.to_owned(),
            DisposeError::NoteTooLong => phrases.note_too_long.to_owned(),
            DisposeError::NoSuchOwner => phrases.no_such_owner.to_owned(),
            DisposeError::KeyReused => phrases.press_again.to_owned(),
            // Nobody on a page tells of what is over.
            DisposeError::NotTheirs
            | DisposeError::Late
            | DisposeError::Library(_)
            | DisposeError::React(_)
            | DisposeError::Store(_) => {
                return Pressed::Failed(error);
            }
        };
        Pressed::Mend(what, lead::place_of(given))
    }

    /// The page after a press; the lead may be with somebody else by then.
    async fn after(&self, lead: &LeadId, said: Said, list: Option<&str>) -> ApiGatewayV2httpResponse {
        let view = match self.deps.desk.view(&self.party(), lead).await {
            Ok(view) => view,
            Err(DisposeError::NotTheirs) => {
                let body = format!("<p>{}</p>\n{}", escape(self.phrases.gone_on), self.way_back(list));
                return self.page(200, &self.done_words(None, &said), &body);
            }
            Err(error) => return self.failed(&error),
        };
        let notice = Notice::Done(self.done_words(Some(&view), &said));
        self.shown(200, &view, &notice, &Given::default(), list)
    }

    fn done_words(&self, view: Option<&LeadView>, said: &Said) -> String {
        let phrases = self.phrases;
        match (&said.act, said.done, view) {
            (_, Done::Before, _) => phrases.known.to_owned(),
            (Act::Tell(outcome), Done::Now, Some(view)) => (phrases.done)(view, outcome),
            (Act::GiveTo(owner), Done::Now, _) => {
                fill(phrases.given_to, &[("name", &(phrases.owner)(self.catalog, owner))])
            }
            (Act::Note, Done::Now, _) | (Act::Tell(_), Done::Now, None) => phrases.noted.to_owned(),
        }
    }

    fn shown(
        &self,
        status: u16,
        view: &LeadView,
        notice: &Notice,
        given: &Given,
        list: Option<&str>,
    ) -> ApiGatewayV2httpResponse {
        let nonce = self.nonce();
        let page = lead::LeadPage { visit: self, view, given, nonce: &nonce, list };
        self.page(status, &page.title(), &page.body(notice))
    }

    /// A word that no other page has: API Gateway's name for the request that it answers.
    fn nonce(&self) -> String {
        let context = &self.request.request_context;
        context.request_id.clone().unwrap_or_else(|| format!("{}", context.time_epoch))
    }

    fn zone(&self) -> TimeZone {
        zone_of(self.catalog, &self.party())
    }

    fn way_back(&self, list: Option<&str>) -> String {
        list.map_or_else(String::new, |list| {
            format!("<p class=\"back\"><a href=\"{}\">← {}</a></p>\n", escape(list), escape(self.phrases.back_to_list))
        })
    }

    /// A page in the name of the organisation, on the desk of whoever looks.
    fn page(&self, status: u16, title: &str, body: &str) -> ApiGatewayV2httpResponse {
        let organisation = self.catalog.organisation.name.as_str();
        let from = fill(self.phrases.desk_of, &[("organisation", organisation), ("name", self.name())]);
        let language = self.phrases.language;
        Page { status, language, title, from: Some(&from), body, style: STYLE }.answer()
    }

    /// A page that says one thing.
    fn note(&self, status: u16, title: &str, text: &str) -> ApiGatewayV2httpResponse {
        self.page(status, title, &format!("<p>{}</p>", escape(text)))
    }

    /// A link that opens nothing any more: its page sends another, to the mailbox of whoever it was for.
    async fn old(&self, link: &DeskLink) -> ApiGatewayV2httpResponse {
        let phrases = self.phrases;
        if http::method(self.request) == "GET" {
            let days = (LINK_PERIOD.as_hours() / 24).to_string();
            let text = escape(&fill(phrases.too_old, &[("days", &days), ("name", self.name())]));
            // It needs nothing but the token, and changes nothing but a mailbox: once a day.
            let button = format!("<form method=\"post\"><button>{}</button></form>", escape(phrases.fresh_button));
            return self.page(410, phrases.too_old_title, &format!("<p>{text}</p>\n{button}"));
        }
        match self.deps.herald.renew(link).await {
            Ok(Told::Gone) => self.not_yours(),
            Ok(told) => {
                info!(desk.party = party_name(&self.seat), is_new = told == Told::Sent, "a fresh link was asked for");
                self.note(200, phrases.fresh_title, &fill(phrases.fresh, &[("name", self.name())]))
            }
            Err(error) => {
                error!(error = ErrorChain(&error).to_string(), "a fresh link was not sent");
                self.not_saved()
            }
        }
    }

    fn not_saved(&self) -> ApiGatewayV2httpResponse {
        let mut response = self.note(503, self.phrases.not_saved_title, self.phrases.not_saved);
        http::set_header(&mut response, "retry-after", http::RETRY_AFTER_S);
        response
    }

    fn not_yours(&self) -> ApiGatewayV2httpResponse {
        self.note(404, self.phrases.not_yours_title, self.phrases.not_yours)
    }

    fn failed(&self, error: &DisposeError) -> ApiGatewayV2httpResponse {
        if matches!(error, DisposeError::NotTheirs) {
            return self.not_yours();
        }
        error!(error = ErrorChain(error).to_string(), "a page of sales could not be made");
        self.not_saved()
    }
}

/// What a press did.
struct Said {
    act: Act,
    done: Done,
}

/// Why a press did nothing.
enum Pressed {
    /// Whoever pressed can mend it: what is wrong, and where.
    Mend(String, &'static str),
    /// Nobody can.
    Failed(DisposeError),
}

fn party_name(seat: &Seat) -> &str {
    match seat {
        Seat::Rep(rep) => rep.as_str(),
        Seat::Queue(queue) => queue.as_str(),
    }
}

/// A phrase with the address that somebody can write to.
fn with_address(text: &str, catalog: &Catalog) -> String {
    let address = escape(&catalog.organisation.team.address);
    text.replace("{address}", &format!("<a href=\"mailto:{address}\">{address}</a>"))
}

/// A token that is cut, forged or of another purpose (H23), or of a seat that is another's by now (H42).
fn refused(catalog: &Catalog, error: LinkError) -> ApiGatewayV2httpResponse {
    info!(token.error = %error, token.purpose = ?Purpose::Desk, metric = "token.refused", "a token was refused");
    let phrases = &ENGLISH;
    let (status, title, text) = match error {
        LinkError::Token(_) => (400, phrases.incomplete_title, with_address(&escape(phrases.incomplete), catalog)),
        LinkError::OtherMailbox => (404, phrases.not_yours_title, escape(phrases.not_yours)),
    };
    let body = format!("<p>{text}</p>");
    let from = Some(catalog.organisation.name.as_str());
    Page { status, language: phrases.language, title, from, body: &body, style: STYLE }.answer()
}

fn not_allowed() -> ApiGatewayV2httpResponse {
    let mut response = http::problem(405, "method_not_allowed", "Use GET or POST.");
    http::set_header(&mut response, "allow", "GET, HEAD, POST");
    response
}

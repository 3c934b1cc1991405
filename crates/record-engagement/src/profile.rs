//! The page on which people answer a few questions (progressive profiling), and where an answer in a mail leads.
//!
//! **Invariants:** a GET saves nothing, not even the answer that it was made for (P5): the button does. At most a few
//! questions at a time, and the next ones only on request. The token of a visitor of the customer's site only shows the
//! page: what it sends goes by a token of the page's own. Nothing is shown of what is known, but for an answer that
//! is asked for again.

use std::collections::BTreeMap;

use aws_lambda_events::apigw::ApiGatewayV2httpResponse;
use jiff::Timestamp;
use perennial_app::mail::{AnswerRef, MailRef, PROFILE_PATH};
use perennial_app::ports::Stored;
use perennial_core::ids::{FieldName, LeadId};
use perennial_core::profile::Answers;
use perennial_core::program::ASKED_MAX;
use perennial_core::questions::{self, AnswerError, Knowledge};
use perennial_core::token::{Purpose, TokenError};
use perennial_lambda::http;
use perennial_lambda::http::form::Pair;
use tracing::info;

use crate::desk::{Desk, Early, Shown, either, not_allowed};
use crate::phrases::Phrases;
use crate::question::{self, Question};

/// The query of the page that asks further.
const MORE: &str = "more";

/// The field that says what the page asked.
const ASKED: &str = "asked";

pub(crate) async fn handle(desk: &Desk<'_>, token: &str) -> ApiGatewayV2httpResponse {
    either(answer(desk, token).await)
}

async fn answer(desk: &Desk<'_>, token: &str) -> Shown {
    let (link, is_visit) = link(desk, token)?;
    match http::method(desk.request) {
        "HEAD" => return Ok(http::empty(200)),
        "GET" | "POST" => {}
        _ => return Ok(not_allowed()),
    }
    let person = desk.person(&link.mail.lead).await?;
    let phrases = desk.phrases(person.as_ref());
    let Some(person) = person else { return Ok(desk.note(phrases, phrases.closed_title, phrases.closed)) };
    let action = if is_visit { own_action(desk, &link) } else { http::path(desk.request).to_owned() };
    let now = desk.deps.listener.now();
    let interview = Interview { action, is_visit, desk, phrases, person: &person, now };
    if http::method(desk.request) == "POST" { interview.take(&link.mail.lead).await } else { Ok(interview.ask(&link)) }
}

/// What a token says, and whether it is that of a visitor of the customer's site, by which a page may only be looked at.
fn link(desk: &Desk<'_>, token: &str) -> Result<(AnswerRef, bool), Early> {
    if http::method(desk.request) == "GET"
        && let Ok(payload) = desk.deps.keyring.verify(Purpose::Visit, token)
    {
        let mail = MailRef::parse(&payload).ok_or_else(|| desk.refused(Purpose::Visit, TokenError::Malformed))?;
        return Ok((AnswerRef { mail, choice: None }, true));
    }
    let payload = desk.payload(Purpose::Answer, token)?;
    let link = AnswerRef::parse(&payload).ok_or_else(|| desk.refused(Purpose::Answer, TokenError::Malformed))?;
    Ok((link, false))
}

/// Where the answers of a visitor go.
fn own_action(desk: &Desk<'_>, link: &AnswerRef) -> String {
    format!("{PROFILE_PATH}{}", desk.deps.keyring.sign(Purpose::Answer, &link.mail.payload()))
}

/// One person, and what they may be asked now.
struct Interview<'a> {
    /// Where the form goes: without the query of this page, so that a reload asks anew.
    action: String,
    /// Whether a visitor of the customer's site looks, whose link others may have: they see nothing of what is known.
    is_visit: bool,
    desk: &'a Desk<'a>,
    phrases: &'static Phrases,
    person: &'a Stored,
    now: Timestamp,
}

impl Interview<'_> {
    // --- Asking ------------------------------------------------------------------------------

    fn ask(&self, link: &AnswerRef) -> ApiGatewayV2httpResponse {
        if let Some((field, mark)) = &link.choice {
            return self.ask_one(field, mark);
        }
        let catalog = self.desk.catalog;
        let of_mail = questions::of_touch(catalog, &link.mail.touch);
        let asks_further = of_mail.is_empty() || self.desk.request.raw_query_string.as_deref() == Some(MORE);
        let fields = if asks_further { self.further() } else { self.open(of_mail) };
        if fields.is_empty() {
            return self.nothing_to_ask();
        }
        self.form(200, self.phrases.questions_title, self.phrases.questions, &fields, &Given::default())
    }

    /// The page that an answer in a mail leads to: the question with that answer, to be sent or changed.
    fn ask_one(&self, name: &FieldName, mark: &str) -> ApiGatewayV2httpResponse {
        let Some((field, _)) = questions::asked_for(self.desk.catalog, name) else { return self.nothing_to_ask() };
        let fields = std::slice::from_ref(name);
        match questions::marked_choice(field, mark) {
            Some(choice) => {
                let answers = [(name.clone(), choice.to_owned())].into();
                let (title, intro) = (self.phrases.one_answer_title, self.phrases.one_answer);
                self.form(200, title, intro, fields, &Given { answers, errors: None })
            }
            None => self.form(200, self.phrases.questions_title, self.phrases.questions, fields, &Given::default()),
        }
    }

    fn open<'f>(&self, fields: impl IntoIterator<Item = &'f FieldName>) -> Vec<FieldName> {
        questions::open(self.desk.catalog, Some(&self.person.profile), fields, self.now)
    }

    /// What the programs on this person's way would ask next.
    fn further(&self) -> Vec<FieldName> {
        let catalog = self.desk.catalog;
        let program = self.person.lead.enrolment.as_ref().map_or(&catalog.last_resort, |enrolment| &enrolment.program);
        self.open(questions::on_the_way(catalog, program))
    }

    fn nothing_to_ask(&self) -> ApiGatewayV2httpResponse {
        let further = self.further_link(&self.further());
        let body = format!("<p>{}</p>\n{further}", self.desk.said(self.phrases.all_known));
        let title = if further.is_empty() { self.phrases.all_known_title } else { self.phrases.thanks_title };
        self.desk.page(self.phrases, 200, title, &body)
    }

    fn further_link(&self, fields: &[FieldName]) -> String {
        if fields.is_empty() {
            return String::new();
        }
        let more = self.desk.said(self.phrases.more);
        format!("<p class=\"apart\"><a class=\"button quiet\" href=\"?{MORE}\">{more}</a></p>")
    }

    fn form(
        &self,
        status: u16,
        title: &str,
        intro: &str,
        fields: &[FieldName],
        given: &Given,
    ) -> ApiGatewayV2httpResponse {
        let (desk, phrases) = (self.desk, self.phrases);
        let shown: Vec<Question<'_>> = fields.iter().filter_map(|name| self.question(name, given)).collect();
        let mut body = String::new();
        match &given.errors {
            None => body.extend(["<p>", &desk.said(intro), "</p>\n"]),
            Some(_) => body.push_str(&question::summary(&shown, phrases)),
        }
        let action = http::escape(&self.action);
        body.extend(["<form method=\"post\" action=\"", &action, "\" novalidate>\n"]);
        for question in &shown {
            body.push_str(&question.html(phrases));
        }
        let names: Vec<&str> = fields.iter().map(FieldName::as_str).collect();
        body.extend(["<input type=\"hidden\" name=\"", ASKED, "\" value=\"", &names.join(" "), "\">\n"]);
        body.extend(["<button type=\"submit\">", &desk.said(phrases.send), "</button>\n</form>"]);
        desk.page(phrases, status, title, &body)
    }

    fn question<'q>(&'q self, name: &'q FieldName, given: &'q Given) -> Option<Question<'q>> {
        let catalog = self.desk.catalog;
        let language = self.person.lead.language.as_ref();
        let (field, text) = (catalog.fields.get(name)?, catalog.question_in(name, language)?);
        let knowledge = Knowledge::of(self.desk.catalog, Some(&self.person.profile), name, self.now);
        let is_doubtful = knowledge == Knowledge::Doubtful && given.is_empty();
        let known = self.person.profile.fields.get(name).filter(|_| is_doubtful && !self.is_visit);
        let answer = given.answers.get(name).or(known).map(String::as_str);
        let error = given.errors.as_ref().and_then(|errors| errors.get(name)).copied();
        Some(Question { name, field, text, choices: catalog.choices_in(name, language), answer, is_doubtful, error })
    }

    // --- Taking answers ----------------------------------------------------------------------

    async fn take(&self, lead: &LeadId) -> Shown {
        let pairs = self.desk.posted(self.phrases)?;
        let fields = asked(&pairs);
        match questions::read(self.desk.catalog, &fields, &pairs) {
            Err(errors) => Ok(self.ask_again(&fields, &pairs, errors)),
            Ok(answers) if answers.0.is_empty() => Ok(self.ask_again(&fields, &pairs, BTreeMap::new())),
            Ok(answers) => self.save(lead, answers).await,
        }
    }

    async fn save(&self, lead: &LeadId, answers: Answers) -> Shown {
        let answered: Vec<FieldName> = answers.0.keys().cloned().collect();
        let heard = self.desk.deps.listener.answered(lead, answers).await;
        let heard = heard.map_err(|error| self.desk.unheard(self.phrases, lead, &error))?;
        info!(lead.id = %lead, answers.count = answered.len(), answers.heard = ?heard, "a person answered");
        let mut further = self.further();
        further.retain(|field| !answered.contains(field));
        let body = format!("<p>{}</p>\n{}", self.desk.said(self.phrases.thanks), self.further_link(&further));
        Ok(self.desk.page(self.phrases, 200, self.phrases.thanks_title, &body))
    }

    fn ask_again(
        &self,
        fields: &[FieldName],
        pairs: &[Pair],
        errors: BTreeMap<FieldName, AnswerError>,
    ) -> ApiGatewayV2httpResponse {
        let is_asked = |name: &FieldName| fields.contains(name);
        let said = pairs.iter().filter_map(|(name, value)| Some((FieldName::parse(name).ok()?, value.clone())));
        let answers = said.filter(|(name, _)| is_asked(name)).collect();
        let given = Given { answers, errors: Some(errors) };
        self.form(422, self.phrases.questions_title, self.phrases.questions, fields, &given)
    }
}

/// What a person has put into the form already.
#[derive(Default)]
struct Given {
    answers: BTreeMap<FieldName, String>,
    /// What is wrong with it; present once it was sent, even where nothing was answered.
    errors: Option<BTreeMap<FieldName, AnswerError>>,
}

impl Given {
    fn is_empty(&self) -> bool {
        self.answers.is_empty() && self.errors.is_none()
    }
}

/// What the page asked: a group of radio buttons without a choice is not posted, so the page names it.
fn asked(pairs: &[Pair]) -> Vec<FieldName> {
    let said = pairs.iter().find(|(name, _)| name == ASKED);
    let names: Vec<&str> = match said {
        Some((_, listed)) => listed.split(' ').collect(),
        // A form of somebody else's page.
        None => pairs.iter().map(|(name, _)| name.as_str()).collect(),
    };
    let mut fields: Vec<FieldName> = Vec::new();
    for name in names.into_iter().filter_map(|name| FieldName::parse(name).ok()) {
        if !fields.contains(&name) {
            fields.push(name);
        }
    }
    fields.truncate(ASKED_MAX);
    fields
}

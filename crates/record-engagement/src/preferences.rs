//! The page on which people say what they want to get: topics, how much, whether they are followed, in which language.
//!
//! **Invariants:** only a POST changes anything; to end all mail takes one press here too. A topic that no program
//! speaks of is not shown, and what was once said of it stays. A choice that the page itself
//! had made says nothing: `de-at` stays where `de` was shown as chosen and comes back.

use std::collections::BTreeSet;

use aws_lambda_events::apigw::ApiGatewayV2httpResponse;
use perennial_app::mail::MailRef;
use perennial_app::ports::Stored;
use perennial_core::catalog::{Catalog, Topic};
use perennial_core::consent::{Following, Pace, Preferences};
use perennial_core::ids::{Language, TopicName};
use perennial_core::lead::EmailReach;
use perennial_core::token::Purpose;
use perennial_lambda::http::form::Pair;
use perennial_lambda::http::{self, escape};
use tracing::info;

use crate::desk::{Desk, Shown, either, not_allowed};
use crate::phrases::{self, Phrases};
use crate::unsubscribe::{done, unsubscribe};

const TOPIC: &str = "topic";
const LESS_OFTEN: &str = "less_often";
const NOT_FOLLOWED: &str = "not_followed";
const LANGUAGE: &str = "language";

/// What a press of one of the page's buttons means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wish {
    /// What the form says.
    Save,
    /// Less mail, and everything else as it is.
    LessOften,
    /// No mail at all.
    Unsubscribe,
}

impl Wish {
    /// What the buttons are called.
    pub(crate) const NAME: &str = "wish";

    const ALL: [Self; 3] = [Self::Save, Self::LessOften, Self::Unsubscribe];

    /// What a button's value says.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Save => "save",
            Self::LessOften => "less",
            Self::Unsubscribe => "unsubscribe",
        }
    }

    fn of(pairs: &[Pair]) -> Option<Self> {
        let (_, value) = pairs.iter().find(|(name, _)| name == Self::NAME)?;
        Self::ALL.into_iter().find(|wish| wish.as_str() == value)
    }
}

pub(crate) async fn handle(desk: &Desk<'_>, token: &str) -> ApiGatewayV2httpResponse {
    either(answer(desk, token).await)
}

async fn answer(desk: &Desk<'_>, token: &str) -> Shown {
    let mail = desk.mail(Purpose::Preferences, token)?;
    match http::method(desk.request) {
        "HEAD" => return Ok(http::empty(200)),
        "GET" | "POST" => {}
        _ => return Ok(not_allowed()),
    }
    let person = desk.person(&mail.lead).await?;
    let phrases = desk.phrases(person.as_ref());
    // Of whom nothing is known, nothing is sent to.
    let Some(person) = person else { return Ok(done(desk, phrases)) };
    if http::method(desk.request) == "GET" {
        return Ok(choices(desk, phrases, &person, &person.lead.preferences));
    }
    let pairs = desk.posted(phrases)?;
    match Wish::of(&pairs) {
        Some(Wish::Save) => {
            let preferences = chosen(desk.catalog, &person, &pairs);
            match chosen_language(desk.catalog, &person, &pairs) {
                Ok(language) => save(desk, phrases, &mail, preferences, language).await,
                Err(NotOffered) => Ok(choose_again(desk, phrases, &person, &preferences)),
            }
        }
        Some(Wish::LessOften) => {
            let preferences = Preferences { pace: Pace::LessOften, ..person.lead.preferences.clone() };
            save(desk, phrases, &mail, preferences, None).await
        }
        Some(Wish::Unsubscribe) => unsubscribe(desk, &mail).await,
        // Whatever posts here without a button says nothing.
        None => Ok(choices(desk, phrases, &person, &person.lead.preferences)),
    }
}

async fn save(
    desk: &Desk<'_>,
    phrases: &Phrases,
    mail: &MailRef,
    preferences: Preferences,
    language: Option<Language>,
) -> Shown {
    // Whoever chooses a language reads it from here on.
    let phrases = language.as_ref().map_or(phrases, |language| desk.phrases_in(Some(language)));
    let heard = desk.deps.listener.preferred(&mail.lead, preferences, language).await;
    let heard = heard.map_err(|error| desk.unheard(phrases, &mail.lead, &error))?;
    info!(lead.id = %mail.lead, touch.id = %mail.touch, preferences.heard = ?heard, "a person chose what they get");
    let body = format!(
        "<p>{}</p>\n<p><a href=\"{}\">{}</a></p>",
        desk.said(phrases.saved),
        escape(http::path(desk.request)),
        desk.said(phrases.change_again)
    );
    Ok(desk.page(phrases, 200, phrases.saved_title, &body))
}

/// The topics that programs speak of, as people read them.
fn topics(catalog: &Catalog) -> Vec<(&TopicName, &Topic)> {
    let used: BTreeSet<&TopicName> = catalog.programs.values().filter_map(|program| program.topic.as_ref()).collect();
    catalog.topics.iter().filter(|(name, _)| used.contains(name)).collect()
}

/// What the form says: a box without its tick is not posted.
fn chosen(catalog: &Catalog, person: &Stored, pairs: &[Pair]) -> Preferences {
    let is_posted = |name: &str, value: &str| pairs.iter().any(|(given, said)| given == name && said == value);
    let has = |name: &str| pairs.iter().any(|(given, _)| given == name);
    let mut off = person.lead.preferences.off.clone();
    for (name, _) in topics(catalog) {
        if is_posted(TOPIC, name.as_str()) {
            off.remove(name);
        } else {
            off.insert(name.clone());
        }
    }
    Preferences {
        off,
        pace: if has(LESS_OFTEN) { Pace::LessOften } else { Pace::Usual },
        following: if has(NOT_FOLLOWED) { Following::Off } else { Following::Usual },
    }
}

/// A language that the catalog does not offer.
struct NotOffered;

/// The language that the form says, where that is another than the one that it showed as chosen.
fn chosen_language(catalog: &Catalog, person: &Stored, pairs: &[Pair]) -> Result<Option<Language>, NotOffered> {
    let Some((_, tag)) = pairs.iter().find(|(name, _)| name == LANGUAGE) else { return Ok(None) };
    let offered = catalog.languages_offered();
    let chosen = offered.iter().copied().find(|language| language.as_str() == tag).ok_or(NotOffered)?;
    let is_new = language_read(&offered, person) != Some(chosen);
    Ok(is_new.then(|| chosen.clone()))
}

/// Which of the languages on offer a person reads, as far as we were told.
fn language_read<'l>(offered: &[&'l Language], person: &Stored) -> Option<&'l Language> {
    let known = person.lead.language.as_ref()?.and_wider();
    known.iter().find_map(|known| offered.iter().copied().find(|language| *language == known))
}

fn choices(desk: &Desk<'_>, phrases: &Phrases, person: &Stored, preferences: &Preferences) -> ApiGatewayV2httpResponse {
    let body = format!("<p>{}</p>\n{}", desk.said(phrases.preferences), form(desk, phrases, person, preferences));
    desk.page(phrases, 200, phrases.preferences_title, &body)
}

/// The page once more, with what was posted, for a language that nobody offered.
fn choose_again(
    desk: &Desk<'_>,
    phrases: &Phrases,
    person: &Stored,
    preferences: &Preferences,
) -> ApiGatewayV2httpResponse {
    let body = format!(
        "<div class=\"errors\" role=\"alert\" tabindex=\"-1\" autofocus>\n<h2>{}</h2>\n\
         <ul><li>{}: {}</li></ul>\n</div>\n{}",
        desk.said(phrases.errors_title),
        desk.said(phrases.language_title),
        desk.said(phrases.not_a_choice),
        form(desk, phrases, person, preferences)
    );
    desk.page(phrases, 422, phrases.preferences_title, &body)
}

fn form(desk: &Desk<'_>, phrases: &Phrases, person: &Stored, preferences: &Preferences) -> String {
    let Preferences { off, pace, following } = preferences;
    let mut body = String::new();
    if person.lead.email == EmailReach::Unsubscribed {
        body.extend(["<p class=\"note\">", &desk.said(phrases.is_unsubscribed), "</p>\n"]);
    }
    body.push_str("<form method=\"post\">\n");
    let topics = topics(desk.catalog);
    if !topics.is_empty() {
        let words = desk.catalog.words(person.lead.language.as_ref());
        let boxes = topics.iter().map(|(name, topic)| {
            let label = words.and_then(|words| words.topics.get(*name)).unwrap_or(&topic.label);
            tick(TOPIC, name.as_str(), label, !off.contains(*name))
        });
        body.push_str(&group(&desk.said(phrases.topics), &boxes.collect::<String>()));
    }
    let less_often = tick(LESS_OFTEN, "1", phrases.less_often, *pace == Pace::LessOften);
    body.push_str(&group(&desk.said(phrases.frequency), &less_often));
    let not_followed = tick(NOT_FOLLOWED, "1", phrases.not_followed, *following == Following::Off);
    body.push_str(&group(&desk.said(phrases.privacy), &not_followed));
    body.push_str(&languages(desk, phrases, person));
    body.push_str(&button(Wish::Save, "", &desk.said(phrases.save)));
    body.push_str("</form>\n");
    if person.lead.email != EmailReach::Unsubscribed {
        let (title, label) = (desk.said(phrases.no_mail_title), desk.said(phrases.unsubscribe_all));
        let button = button(Wish::Unsubscribe, " class=\"quiet\"", &label);
        body.extend(["<section class=\"apart\">\n<h2>", &title, "</h2>\n<form method=\"post\">", &button]);
        body.push_str("</form>\n</section>");
    }
    body
}

/// The languages to choose from, each in its own words; nothing where there is only one.
fn languages(desk: &Desk<'_>, phrases: &Phrases, person: &Stored) -> String {
    let offered = desk.catalog.languages_offered();
    if offered.is_empty() {
        return String::new();
    }
    let read = language_read(&offered, person);
    let radio = |language: &&Language| {
        let checked = if read == Some(*language) { " checked" } else { "" };
        let name = escape(&phrases::own_name(language));
        format!(
            "<label class=\"choice\"><input type=\"radio\" name=\"{LANGUAGE}\" value=\"{language}\"{checked}> \
             <span lang=\"{language}\">{name}</span></label>\n"
        )
    };
    group(&desk.said(phrases.language_title), &offered.iter().map(radio).collect::<String>())
}

fn group(legend: &str, boxes: &str) -> String {
    format!("<fieldset>\n<legend>{legend}</legend>\n{boxes}</fieldset>\n")
}

fn tick(name: &str, value: &str, label: &str, is_ticked: bool) -> String {
    let checked = if is_ticked { " checked" } else { "" };
    format!(
        "<label class=\"choice\"><input type=\"checkbox\" name=\"{name}\" value=\"{}\"{checked}> <span>{}</span></label>\n",
        escape(value),
        escape(label)
    )
}

fn button(wish: Wish, attributes: &str, label: &str) -> String {
    format!(
        "<button type=\"submit\" name=\"{}\" value=\"{}\"{attributes}>{label}</button>\n",
        Wish::NAME,
        wish.as_str()
    )
}

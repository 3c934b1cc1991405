//! The page on which people say what they want to get: topics, how much, whether they are followed.
//!
//! **Invariants:** only a POST changes anything; to end all mail takes one press here too. A topic that no program
//! speaks of is not shown, and what was once said of it stays.

use std::collections::BTreeSet;

use aws_lambda_events::apigw::ApiGatewayV2httpResponse;
use perennial_app::mail::MailRef;
use perennial_app::ports::Stored;
use perennial_core::catalog::{Catalog, Topic};
use perennial_core::consent::{Following, Pace, Preferences};
use perennial_core::ids::TopicName;
use perennial_core::lead::EmailReach;
use perennial_core::token::Purpose;
use perennial_lambda::http::form::Pair;
use perennial_lambda::http::{self, escape};
use tracing::info;

use crate::desk::{Desk, Shown, either, not_allowed};
use crate::phrases::Phrases;
use crate::unsubscribe::{done, unsubscribe};

const TOPIC: &str = "topic";
const LESS_OFTEN: &str = "less_often";
const NOT_FOLLOWED: &str = "not_followed";

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
        return Ok(choices(desk, phrases, &person));
    }
    let pairs = desk.posted(phrases)?;
    match Wish::of(&pairs) {
        Some(Wish::Save) => save(desk, phrases, &mail, chosen(desk.catalog, &person, &pairs)).await,
        Some(Wish::LessOften) => {
            let preferences = Preferences { pace: Pace::LessOften, ..person.lead.preferences.clone() };
            save(desk, phrases, &mail, preferences).await
        }
        Some(Wish::Unsubscribe) => unsubscribe(desk, &mail).await,
        // Whatever posts here without a button says nothing.
        None => Ok(choices(desk, phrases, &person)),
    }
}

async fn save(desk: &Desk<'_>, phrases: &Phrases, mail: &MailRef, preferences: Preferences) -> Shown {
    let heard = desk.deps.listener.preferred(&mail.lead, preferences, None).await;
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

fn choices(desk: &Desk<'_>, phrases: &Phrases, person: &Stored) -> ApiGatewayV2httpResponse {
    let Preferences { off, pace, following } = &person.lead.preferences;
    let mut body = format!("<p>{}</p>\n", desk.said(phrases.preferences));
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
    body.push_str(&button(Wish::Save, "", &desk.said(phrases.save)));
    body.push_str("</form>\n");
    if person.lead.email != EmailReach::Unsubscribed {
        let (title, label) = (desk.said(phrases.no_mail_title), desk.said(phrases.unsubscribe_all));
        let button = button(Wish::Unsubscribe, " class=\"quiet\"", &label);
        body.extend(["<section class=\"apart\">\n<h2>", &title, "</h2>\n<form method=\"post\">", &button]);
        body.push_str("</form>\n</section>");
    }
    desk.page(phrases, 200, phrases.preferences_title, &body)
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

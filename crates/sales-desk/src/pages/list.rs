//! What waits for somebody, the most urgent first.

use std::fmt::Write as _;

use aws_lambda_events::apigw::ApiGatewayV2httpResponse;
use jiff::{SignedDuration, Timestamp};
use perennial_app::desk::{DESK_PATH, Seat, TeamDesk, Waiting};
use perennial_app::ports::{Cursor, DeskOwner};
use perennial_core::ids::{QueueName, RepName};
use perennial_core::lead::Ownership;
use perennial_lambda::http::{self, escape, form};

use super::Visit;
use crate::cursor::{self, NotOurs};
use crate::given::{Given, QUEUE, REP};
use crate::phrases::fill;

/// Where a list goes on, in a query.
const AFTER: &str = "after";

/// How soon something is, as the list is divided.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Soon {
    Overdue,
    Today,
    Week,
    Later,
}

impl Visit<'_> {
    pub(super) async fn list(&self) -> ApiGatewayV2httpResponse {
        if http::method(self.request) == "POST" {
            return super::not_allowed();
        }
        let own = match &self.seat {
            Seat::Rep(rep) => DeskOwner::Rep(rep.clone()),
            Seat::Queue(queue) => DeskOwner::Queue(queue.clone()),
        };
        let Ok((owner, after)) = self.asked_for(&own) else {
            return self.note(400, self.phrases.incomplete_title, self.phrases.no_place);
        };
        let is_own = owner == own;
        let is_first = after.is_none();
        let page = match self.deps.desk.waiting(&self.party(), &owner, after).await {
            Ok(page) => page,
            Err(error) => return self.failed(&error),
        };
        let next = page.next.as_ref().map(|next| {
            let after = cursor::sign(self.deps.keyring(), &owner, next);
            if is_own { format!("?{AFTER}={after}") } else { format!("{}&{AFTER}={after}", query_of(&owner)) }
        });
        let mut body = String::new();
        if !is_own {
            body.push_str(&self.way_back(Some(&format!("{DESK_PATH}{}", self.token))));
        }
        body.push_str(&self.rows(&page.leads, next.as_deref(), is_own));
        if is_own && is_first {
            match self.deps.desk.team(&self.party()).await {
                Ok(desks) => body.push_str(&self.team(&desks)),
                Err(error) => return self.failed(&error),
            }
        }
        let title = if is_own {
            self.phrases.list_title.to_owned()
        } else {
            fill(self.phrases.list_of, &[("name", &self.owner_name(&owner))])
        };
        self.page(200, &title, &body)
    }

    /// Whose list is asked for, and where it goes on. A query says nothing else (H43).
    fn asked_for(&self, own: &DeskOwner) -> Result<(DeskOwner, Option<Cursor>), NotOurs> {
        let query = self.request.raw_query_string.as_deref().unwrap_or_default();
        let query = Given(form::urlencoded(query.as_bytes()).map_err(|_not_text| NotOurs)?);
        query.only(&[REP, QUEUE, AFTER]).map_err(|_unknown| NotOurs)?;
        let owner = match (query.text(REP), query.text(QUEUE)) {
            ("", "") => own.clone(),
            (rep, "") => DeskOwner::Rep(RepName::parse(rep).map_err(|_not_a_name| NotOurs)?),
            ("", queue) => DeskOwner::Queue(QueueName::parse(queue).map_err(|_not_a_name| NotOurs)?),
            (_, _) => return Err(NotOurs),
        };
        let after = match query.text(AFTER) {
            "" => None,
            after => Some(cursor::read(self.deps.keyring(), &owner, after)?),
        };
        Ok((owner, after))
    }

    fn owner_name(&self, owner: &DeskOwner) -> String {
        let owner = match owner {
            DeskOwner::Rep(rep) => Ownership::Assigned { rep: rep.clone() },
            DeskOwner::Queue(queue) => Ownership::Queue { queue: queue.clone() },
        };
        (self.phrases.owner)(self.catalog, &owner)
    }

    /// What waits for each of the team of whoever manages one, with a way to it.
    fn team(&self, desks: &[TeamDesk]) -> String {
        if desks.is_empty() {
            return String::new();
        }
        let phrases = self.phrases;
        let row = |desk: &TeamDesk| {
            let (count, more) = (desk.waiting.to_string(), if desk.is_more { "+" } else { "" });
            let waits = match desk.waiting {
                0 => phrases.team_nothing.to_owned(),
                _ => fill(phrases.team_waiting, &[("count", &format!("{count}{more}"))]),
            };
            let (name, waits) = (escape(&self.owner_name(&desk.owner)), escape(&waits));
            let (link, query) = (format!("{DESK_PATH}{}", self.token), escape(&query_of(&desk.owner)));
            format!("<li><a href=\"{link}{query}\"><strong>{name}</strong><span>{waits}</span></a></li>\n")
        };
        let (title, rows) = (escape(phrases.team), desks.iter().map(row).collect::<String>());
        format!("<h2 class=\"group\">{title}</h2>\n<ol class=\"leads\">\n{rows}</ol>\n")
    }

    fn rows(&self, leads: &[Waiting], next: Option<&str>, is_own: bool) -> String {
        let phrases = self.phrases;
        if leads.is_empty() && next.is_none() {
            let empty = if is_own { phrases.list_empty } else { phrases.list_of_empty };
            return format!("<p>{}</p>\n", escape(empty));
        }
        let now = self.deps.desk.clock.now();
        let mut html = String::new();
        let mut group = None;
        for waiting in leads {
            let soon = waiting.deadline.map_or(Soon::Later, |at| self.soon(at, now));
            if group != Some(soon) {
                html.push_str(if group.is_some() { "</ol>\n" } else { "" });
                let title = match soon {
                    Soon::Overdue => phrases.list_overdue,
                    Soon::Today => phrases.list_today,
                    Soon::Week => phrases.list_week,
                    Soon::Later => phrases.list_later,
                };
                let written = write!(html, "<h2 class=\"group\">{}</h2>\n<ol class=\"leads\">\n", escape(title));
                debug_assert!(written.is_ok(), "a string takes whatever is written to it");
                group = Some(soon);
            }
            html.push_str(&self.row(waiting, now));
        }
        html.push_str(if group.is_some() { "</ol>\n" } else { "" });
        if let Some(next) = next {
            let (next, more) = (escape(next), escape(phrases.list_more));
            html.extend([format!("<p><a class=\"button quiet\" href=\"{next}\">{more}</a></p>\n")]);
        }
        html
    }

    fn row(&self, waiting: &Waiting, now: Timestamp) -> String {
        let phrases = self.phrases;
        let lead = &waiting.stored.lead;
        let (name, company) = super::lead::who(&waiting.stored, phrases);
        let mut lines = String::new();
        if let Some(company) = company {
            lines.extend([format!("<span>{}</span>", escape(&company))]);
        }
        let what = match &lead.task {
            Some(task) => (phrases.task)(task.kind),
            None => (phrases.stage)(lead.stage),
        };
        let when = waiting.deadline.map(|at| {
            let class = if at < now { "late" } else { "soft" };
            let (time, relative) = (phrases.when(at, now, &self.zone()), (phrases.relative)(at, now));
            format!(" <span class=\"{class}\">{}, {}</span>", escape(&time), escape(&relative))
        });
        format!(
            "<li><a href=\"{DESK_PATH}{}/{}\"><strong>{}</strong>{lines}<span>{}</span>{}</a></li>\n",
            self.token,
            lead.id,
            escape(&name),
            escape(what),
            when.unwrap_or_default()
        )
    }

    fn soon(&self, at: Timestamp, now: Timestamp) -> Soon {
        let zone = self.zone();
        if at < now {
            Soon::Overdue
        } else if at.to_zoned(zone.clone()).date() == now.to_zoned(zone).date() {
            Soon::Today
        } else if at < now + SignedDuration::from_hours(7 * 24) {
            Soon::Week
        } else {
            Soon::Later
        }
    }
}

/// How a query names a desk.
fn query_of(owner: &DeskOwner) -> String {
    match owner {
        DeskOwner::Rep(rep) => format!("?{REP}={rep}"),
        DeskOwner::Queue(queue) => format!("?{QUEUE}={queue}"),
    }
}

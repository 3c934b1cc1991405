//! What waits for somebody, the most urgent first.

use std::fmt::Write as _;

use aws_lambda_events::apigw::ApiGatewayV2httpResponse;
use jiff::{SignedDuration, Timestamp};
use perennial_app::desk::{DESK_PATH, Seat, Waiting};
use perennial_app::ports::{Cursor, DeskOwner};
use perennial_lambda::http::{self, escape, form};

use super::Visit;
use crate::cursor::{self, NotOurs};
use crate::given::Given;

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
        let owner = match &self.seat {
            Seat::Rep(rep) => DeskOwner::Rep(rep.clone()),
            Seat::Queue(queue) => DeskOwner::Queue(queue.clone()),
        };
        let Ok(after) = self.going_on(&owner) else {
            return self.note(400, self.phrases.incomplete_title, self.phrases.no_place);
        };
        match self.deps.desk.waiting(&self.party(), &owner, after).await {
            Ok(page) => {
                let next = page.next.as_ref().map(|next| cursor::sign(self.deps.keyring(), &owner, next));
                self.page(200, self.phrases.list_title, &self.rows(&page.leads, next.as_deref()))
            }
            Err(error) => self.failed(&error),
        }
    }

    /// Where the list goes on. A query says nothing else (H43).
    fn going_on(&self, owner: &DeskOwner) -> Result<Option<Cursor>, NotOurs> {
        let query = self.request.raw_query_string.as_deref().unwrap_or_default();
        let query = Given(form::urlencoded(query.as_bytes()).map_err(|_not_text| NotOurs)?);
        query.only(&[AFTER]).map_err(|_unknown| NotOurs)?;
        match query.text(AFTER) {
            "" => Ok(None),
            after => cursor::read(self.deps.keyring(), owner, after).map(Some),
        }
    }

    fn rows(&self, leads: &[Waiting], next: Option<&str>) -> String {
        let phrases = self.phrases;
        if leads.is_empty() && next.is_none() {
            return format!("<p>{}</p>", escape(phrases.list_empty));
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
            let more = escape(phrases.list_more);
            html.extend([format!("<p><a class=\"button quiet\" href=\"?{AFTER}={next}\">{more}</a></p>\n")]);
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

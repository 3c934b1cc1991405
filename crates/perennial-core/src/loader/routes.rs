//! `[routes]` and `[handover]`: who gets a lead.

use std::collections::BTreeMap;

use crate::catalog::{Handover, Queue, Route};
use crate::ids::{QueueName, RouteName, TeamName};
use crate::loader::catalog::reference;
use crate::loader::report::{Report, parse_name};
use crate::loader::section::Section;

/// `[routes.<name>]`.
pub(super) fn routes(
    report: &mut Report<'_>,
    root: &mut Section<'_>,
    queues: &BTreeMap<QueueName, Queue>,
) -> BTreeMap<RouteName, Route> {
    let mut routes = BTreeMap::new();
    for (key, mut section) in root.map(report, "routes") {
        let Some(name) = parse_name(report, key, RouteName::parse) else { continue };
        let team = section.name(report, "team", TeamName::parse).map(|named| named.name);
        let queue = reference(report, &mut section, "queue", QueueName::parse, queues.keys(), "a queue");
        section.finish(report);
        // Declared all the same, as with fields; the error keeps it from ever being used.
        let queue = queue.or_else(|| QueueName::parse("none").ok());
        routes.extend(queue.map(|queue| (name.name, Route { team, queue })));
    }
    routes
}

/// `[handover]`.
pub(super) fn handover(
    report: &mut Report<'_>,
    root: &mut Section<'_>,
    routes: &BTreeMap<RouteName, Route>,
) -> Handover {
    let Some(mut section) = root.section(report, "handover") else { return Handover::default() };
    let entry = reference(report, &mut section, "entry", RouteName::parse, routes.keys(), "a route");
    let qualified = reference(report, &mut section, "qualified", RouteName::parse, routes.keys(), "a route");
    section.finish(report);
    Handover { entry, qualified }
}

//! `reps.toml`: who sells.
//!
//! It may lie beside `catalog.toml`, and belongs to no release: it is put in force by itself (`perennial reps apply`).

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use crate::catalog::{Catalog, Route, Sender};
use crate::diagnostic::{Code, Diagnostic};
use crate::ids::{RepName, RouteName, SenderDomain, TeamName};
use crate::loader::SourceFile;
use crate::loader::catalog::sender_of;
use crate::loader::hours;
use crate::loader::report::{Named, Report, parse_name, suggestion};
use crate::loader::section::Section;
use crate::loader::shape;
use crate::roster::{OfficeHours, Rep, RepStatus, RosterFile, Team};

/// The file.
pub const REPS_FILE: &str = "reps.toml";

/// What a roster has to fit.
pub(super) struct Deployment<'a> {
    /// Whence mail may be sent.
    domains: BTreeSet<SenderDomain>,
    routes: &'a BTreeMap<RouteName, Route>,
}

impl<'a> Deployment<'a> {
    /// What a catalog says.
    pub(super) fn of(catalog: &'a Catalog) -> Self {
        Self { domains: catalog.own_senders(), routes: &catalog.routes }
    }
}

/// Reads the file; `None` if it is not TOML, or something of it was reported as an error.
pub(super) fn read(source: &SourceFile, deployment: Option<&Deployment<'_>>) -> (Option<RosterFile>, Vec<Diagnostic>) {
    let mut report = Report::new(source);
    let file = read_into(&mut report, deployment);
    let found = report.into_found();
    (file.filter(|_| !found.iter().any(Diagnostic::is_error)), found)
}

fn read_into(report: &mut Report<'_>, deployment: Option<&Deployment<'_>>) -> Option<RosterFile> {
    let text = report.readable()?;
    let table = report.parse_toml(text, 0)?;
    let mut root = Section::root("the file", &shape::ROSTER, &table, 0);
    let span = root.span();
    let named = teams(report, &mut root);
    let teams: BTreeSet<&TeamName> = named.keys().collect();
    let mut file = RosterFile::default();
    let mut declared = BTreeSet::new();
    for (key, section) in root.map(report, "reps") {
        let Some(name) = parse_name(report, key, RepName::parse) else { continue };
        declared.insert(name.name.clone());
        if section.has("status") {
            file.stated.insert(name.name.clone());
        }
        let rep = rep(report, section, &teams, deployment);
        file.roster.reps.extend(rep.map(|rep| (name.name, rep)));
    }
    root.finish(report);
    for NamedTeam { manager, .. } in named.values() {
        if let Some(manager) = manager.as_ref().filter(|manager| !declared.contains(&manager.name)) {
            let reps: Vec<&str> = declared.iter().map(RepName::as_str).collect();
            unknown(report, manager.span.clone(), manager.name.as_str(), &reps, "a rep");
        }
    }
    let routed = deployment.into_iter().flat_map(|deployment| deployment.routes);
    for (route, Route { team, queue }) in routed {
        if let Some(team) = team.as_ref().filter(|team| !teams.contains(team)) {
            let message =
                format!("there is no team `{team}`, to which the route `{route}` leads: `{queue}` has its leads");
            report.warning(
                Code::UnknownName,
                span.clone(),
                message,
                format!("add `[teams.{team}]`, or change the route"),
            );
        }
    }
    let team = |(name, NamedTeam { manager, hours }): (TeamName, NamedTeam)| {
        Some((name, Team { manager: manager.map(|manager| manager.name), hours: hours? }))
    };
    file.roster.teams = named.into_iter().filter_map(team).collect();
    Some(file)
}

/// A team, and where it names its manager.
struct NamedTeam {
    manager: Option<Named<RepName>>,
    hours: Option<OfficeHours>,
}

fn teams(report: &mut Report<'_>, root: &mut Section<'_>) -> BTreeMap<TeamName, NamedTeam> {
    let mut teams = BTreeMap::new();
    for (key, mut section) in root.map(report, "teams") {
        let Some(name) = parse_name(report, key, TeamName::parse) else { continue };
        let manager = section.name(report, "manager", RepName::parse);
        let hours = section.section(report, "hours").and_then(|section| hours::read(report, section));
        section.finish(report);
        // Declared all the same: whoever names it is not wrong too.
        teams.insert(name.name, NamedTeam { manager, hours });
    }
    teams
}

fn rep(
    report: &mut Report<'_>,
    mut section: Section<'_>,
    teams: &BTreeSet<&TeamName>,
    deployment: Option<&Deployment<'_>>,
) -> Option<Rep> {
    const STATUSES: [(&str, RepStatus); 3] =
        [("active", RepStatus::Active), ("away", RepStatus::Away), ("left", RepStatus::Left)];
    let sender = sender_of(report, &mut section);
    let team = section.name(report, "team", TeamName::parse);
    let status = section.word(report, "status", &STATUSES);
    let hours = section.section(report, "hours").and_then(|section| hours::read(report, section));
    let open_max = section.number(report, "open_max");
    if let Some(sender) = &sender {
        warn_of_domain(report, &section, sender, deployment);
    }
    section.finish(report);
    let team = team.filter(|team| {
        let is_known = teams.contains(&team.name);
        if !is_known {
            let teams: Vec<&str> = teams.iter().map(|team| team.as_str()).collect();
            unknown(report, team.span.clone(), team.name.as_str(), &teams, "a team");
        }
        is_known
    });
    Some(Rep { sender: sender?, team: team?.name, status: status.unwrap_or_default(), hours, open_max })
}

fn unknown(report: &mut Report<'_>, span: Range<usize>, name: &str, declared: &[&str], what: &str) {
    let remedy = if declared.is_empty() {
        "there is none yet: declare it in this file".to_owned()
    } else {
        suggestion(name, declared)
    };
    report.error(Code::UnknownName, span, format!("`{name}` is not {what}"), remedy);
}

/// Mail comes from a rep's own address, so SES must know its domain. Whether it does is not known here.
fn warn_of_domain(
    report: &mut Report<'_>,
    section: &Section<'_>,
    sender: &Sender,
    deployment: Option<&Deployment<'_>>,
) {
    let Some(domain) = SenderDomain::of_address(&sender.address) else { return };
    let domains = deployment.map(|deployment| &deployment.domains);
    if let Some(domains) = domains.filter(|domains| !domains.contains(&domain)) {
        let known: Vec<&str> = domains.iter().map(SenderDomain::as_str).collect();
        let message = format!("mail will come from `{domain}`, where nobody of the catalog sends from");
        let remedy = format!("verify it with Amazon SES, or write an address at {}", known.join(" or "));
        report.warning(Code::ForeignSender, section.span_of("address"), message, remedy);
    }
}

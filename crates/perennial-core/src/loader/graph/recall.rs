//! Whether leads that sales gave back can ever be offered again.

use super::{Code, DAY, Finding, Minutes, Place, planned, quoted};
use crate::catalog::Catalog;
use crate::loader::solve::{Terms, World};
use crate::policy::{RequalifyRule, TurnbackPolicy, TurnbackReason};
use crate::program::Program;

/// The rules of a program, which take the place of the turnback table's.
pub(super) fn check_program(program: &Program, catalog: &Catalog, world: &World<'_>, found: &mut Vec<Finding>) {
    let mut reasons = catalog.turnbacks.0.values().filter(|policy| policy.program.as_ref() == Some(&program.name));
    let rules = Rules { catalog, world, has_date: reasons.any(|policy| policy.date.is_some()), horizon_days: None };
    for (number, rule) in program.requalify.iter().enumerate() {
        rules.check(rule, |key| Place::program(program, format!("requalify.{number}.{key}")), found);
    }
}

/// The turnback table.
pub(super) fn check_catalog(catalog: &Catalog, world: &World<'_>, found: &mut Vec<Finding>) {
    for (reason, policy) in &catalog.turnbacks.0 {
        let reason = *reason;
        let rules = Rules { catalog, world, has_date: policy.date.is_some(), horizon_days: policy.horizon_days };
        for (number, rule) in policy.requalify.iter().enumerate() {
            rules.check(rule, |key| place(reason, &format!("requalify.{number}.{key}")), found);
        }
        cooldown(reason, policy, found);
        no_rule(reason, policy, catalog, found);
    }
}

fn place<'c>(reason: TurnbackReason, key: &str) -> Place<'c> {
    Place::catalog(format!("turnback.{}.{key}", reason.as_str()))
}

/// A cool-down that lasts until the lead has left.
fn cooldown(reason: TurnbackReason, policy: &TurnbackPolicy, found: &mut Vec<Finding>) {
    let Some(days) = policy.horizon_days else { return };
    if planned(policy.cooldown) < DAY * Minutes::from(days) {
        return;
    }
    found.push(place(reason, "cooldown").error(
        Code::RequalifyNever,
        format!(
            "whoever is given back for `{}` leaves after {days} days, before the cool-down is over",
            reason.as_str()
        ),
        "shorten the `cooldown`, or lengthen the `horizon`",
    ));
}

/// A reason from which nothing leads back to sales, not even time.
fn no_rule(reason: TurnbackReason, policy: &TurnbackPolicy, catalog: &Catalog, found: &mut Vec<Finding>) {
    let Some(name) = &policy.program else { return };
    let own_rules = catalog.program_or_last_resort(name).is_some_and(|program| !program.requalify.is_empty());
    if !policy.requalify.is_empty() || own_rules || policy.horizon_days.is_some() {
        return;
    }
    found.push(place(reason, "requalify").error(
        Code::RequalifyNever,
        format!(
            "whoever is given back for `{}` is never offered to sales again: there is no rule and no horizon",
            reason.as_str()
        ),
        format!("add a rule: [[turnback.{}.requalify]] with `signal = \"hand_raised\"`", reason.as_str()),
    ));
}

struct Rules<'w, 'c> {
    catalog: &'c Catalog,
    world: &'w World<'c>,
    /// Whether the reason carries a date.
    has_date: bool,
    /// After how long the lead leaves, if it does.
    horizon_days: Option<u32>,
}

impl Rules<'_, '_> {
    fn check<'p>(&self, rule: &RequalifyRule, place: impl Fn(&str) -> Place<'p>, found: &mut Vec<Finding>) {
        let mut never = |key, message: String, remedy: &str| {
            found.push(place(key).error(Code::RequalifyNever, message, remedy));
        };
        if let Some(when) = rule.when.as_ref().filter(|when| !self.world.can_hold(when, Terms::STEP)) {
            let unset = self.world.tags_never_set(when);
            let why = unset.first().map_or_else(
                || format!("{} never holds", quoted(when)),
                |tag| format!("no program sets the tag `{tag}`"),
            );
            never("when", format!("this rule is never met: {why}"), "ask for what can be so, or remove the rule");
        }
        if let Some((takes, all)) = rule.score_percent.and_then(|percent| self.beyond_reach(percent)) {
            never(
                "score_percent",
                format!("this rule takes {takes} points, and all signals together, each given once, are worth {all}"),
                "lower `score_percent`, or let signals be worth more in [scores]",
            );
        }
        if rule.in_window && !self.has_date {
            never(
                "in_window",
                "this rule is never met: the reason carries no date, so there is no window".to_owned(),
                "name the profile date that the reason carries (`date = \"…\"`), or remove `in_window`",
            );
        }
        if rule.days_min > 1 && rule.signals.is_empty() {
            never(
                "days_min",
                "this rule is never met: `days_min` counts the days of a signal, and no `signal` is named".to_owned(),
                "add `signal = \"clicked\"`, or remove `days_min`",
            );
        }
        if let Some(days) = self.horizon_days.filter(|days| *days < rule.days_min) {
            never(
                "days_min",
                format!("this rule takes {} days of signals, and the lead leaves after {days}", rule.days_min),
                "lower `days_min`, or lengthen the `horizon`",
            );
        }
    }

    /// The points that a share of the gate's score takes, and those that there are, where these are fewer.
    fn beyond_reach(&self, percent: u32) -> Option<(u64, u64)> {
        let takes = (u64::from(self.catalog.gate.score) * u64::from(percent)).div_ceil(100);
        let all = self.catalog.scores.0.values().map(|worth| u64::from(worth.points)).sum();
        (takes > all).then_some((takes, all))
    }
}

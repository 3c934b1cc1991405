//! The tables of `reps.toml`.

use super::{HOURS, Named, Shape, Value, default, optional, required};

/// The most leads that a cap names.
const OPEN_MAX: u32 = 10_000;

/// `reps.toml`.
pub static ROSTER: Shape = Shape {
    name: "roster",
    heading: "reps.toml",
    doc: "Who sells: their teams, when they are in, and how much each takes on.",
    parts: &[&[
        required(
            "teams",
            Value::Map(Named::Team, &TEAM),
            "add `[teams.inside-sales]` with its hours: every rep is in a team",
            "The teams, to which the routes of `catalog.toml` lead.",
        ),
        required(
            "reps",
            Value::Map(Named::Rep, &REP),
            "add `[reps.robin-vale]` with `name`, `address` and `team`",
            "Everybody who sells. Whoever has left stays in it: history names them.",
        ),
    ]],
    rules: &[],
};

/// One of the `[teams]`.
pub static TEAM: Shape = Shape {
    name: "team",
    heading: "[teams.<name>]",
    doc: "Reps who work together. Each sees the leads of all.",
    parts: &[&[
        optional(
            "manager",
            Value::Name(Named::Rep),
            "Who is told when a lead waits too long, and gets the deals of a rep who leaves. They need not be in the team.",
        ),
        required(
            "hours",
            Value::Table(&HOURS),
            "add `hours = { zone = \"…\", days = […], opens = \"…\", closes = \"…\" }`",
            "When the team is in.",
        ),
    ]],
    rules: &[],
};

/// One of the `[reps]`.
pub static REP: Shape = Shape {
    name: "rep",
    heading: "[reps.<name>]",
    doc: "Somebody who sells. Mails that say `from = \"rep\"` come from them, and their alerts go to them.",
    parts: &[&[
        required("name", Value::Text, "add the name that readers see", "The name that readers see: one line."),
        required("address", Value::Text, "add the address that mail comes from", "The address that mail comes from."),
        required("team", Value::Name(Named::Team), "add `team = \"…\"` with the name of a team", "Their team."),
        default(
            "status",
            Value::Word(&["active", "away", "left"]),
            "\"active\"",
            "\"active\": they get leads. \"away\": they keep theirs and get none. \"left\": they own nothing. Without it, \
             whoever is known stays as they are.",
        ),
        optional("hours", Value::Table(&HOURS), "When they are in, where that differs from their team."),
        optional(
            "open_max",
            Value::Number { min: 1, max: OPEN_MAX },
            "How many leads may wait for them at once; without it, any number.",
        ),
    ]],
    rules: &[],
};

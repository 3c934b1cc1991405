//! The tables of `catalog.toml`.

use super::{
    CHOICES, FIELD_LENGTH_MAX, FIT_MAX, Key, LIST_MAX, Named, Need, PERIOD, PERIOD_DAYS, PERIOD_OR_NONE, REQUALIFY,
    REQUALIFY_MAX, RUNGS_MAX, Rule, Shape, Units, Value, Variants, Zero, default, optional, required,
};
use crate::calendar::WEEKLY_MAX;
use crate::diagnostic::Code;
use crate::event::Event;

const DAYS: &[&str] = &["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

const FIELD_TYPES: &[&str] = &["text", "choice", "date"];

/// `catalog.toml`.
pub static CATALOG: Shape = Shape {
    name: "catalog",
    heading: "catalog.toml",
    doc: "Who sends, when, to which forms, what is known of a lead, and what sales is promised.",
    parts: &[&[
        required(
            "default_zone",
            Value::Text,
            "add `default_zone`, for example \"Europe/Berlin\"",
            "The IANA time zone of a lead whose own is not known.",
        ),
        required(
            "default_queue",
            Value::Name(Named::Queue),
            "add `default_queue = \"…\"` with the name of a queue",
            "The queue that owns a lead who belongs to no rep yet.",
        ),
        required(
            "last_resort",
            Value::Name(Named::Program),
            "add `last_resort = \"…\"` with the name of a program",
            "The program that a lead ends up in when nothing else follows; it never ends.",
        ),
        required(
            "organisation",
            Value::Table(&ORGANISATION),
            "add `[organisation]`: every mail says who sends it",
            "Who sends, as every mail must say.",
        ),
        required(
            "window",
            Value::Table(&WINDOW),
            "add `[window]` with `days`, `opens` and `closes`",
            "When mail goes out, in the lead's own time zone.",
        ),
        required(
            "cap",
            Value::Table(&CAP),
            "add `[cap]` with `spacing` and `weekly_max`",
            "How much mail one person gets, across programs.",
        ),
        required(
            "fields",
            Value::MapOfVariants(Named::Field, &FIELD),
            "add `[fields.first_name]` and what else you ask",
            "What is known of a lead. `email` and `phone` are always there and are not declared.",
        ),
        optional(
            "topics",
            Value::Map(Named::Topic, &TOPIC),
            "What people can be interested in, and switch off by preference.",
        ),
        optional(
            "consent",
            Value::Table(&CONSENT),
            "The rules about mail wherever no region says otherwise, and how often \"less often\" is.",
        ),
        optional(
            "regions",
            Value::Map(Named::Region, &REGION),
            "The rules about mail in parts of the world. A country counts before a time zone.",
        ),
        optional(
            "opt_in",
            Value::Table(&OPT_IN),
            "The mail that asks people to confirm that they want to be written to.",
        ),
        default(
            "language",
            Value::Name(Named::Language),
            "\"en\"",
            "The language that this file and the mails are written in. People can choose it beside the `[languages]`.",
        ),
        optional(
            "languages",
            Value::Map(Named::Language, &LANGUAGE),
            "The words of this file in other languages. A mail has its own variants: `touches/<name>.<language>.md`.",
        ),
        optional(
            "replies",
            Value::Table(&REPLIES),
            "How long programs stand still when somebody writes back, or is away.",
        ),
        optional("inbound", Value::Table(&INBOUND), "What becomes of mail from people who are not known yet."),
        optional("retention", Value::Table(&RETENTION), "How long what is known of people is kept."),
        optional("forms", Value::Map(Named::Form, &FORM), "The forms on your site, and the lists you import."),
        optional("limits", Value::Table(&LIMITS), "How many posts forms take in a minute."),
        required(
            "queues",
            Value::Map(Named::Queue, &QUEUE),
            "add `[queues.sdr]` with its sender: someone owns every lead",
            "The owners of leads that belong to no rep yet.",
        ),
        optional("routes", Value::Map(Named::Route, &ROUTE), "Who gets a lead: somebody of a team, else a queue."),
        optional(
            "handover",
            Value::Table(&HANDOVER),
            "Which route a lead takes; without it, the default queue has it.",
        ),
        optional("webhooks", Value::Map(Named::Webhook, &WEBHOOK), "Servers of yours that are told of events."),
        optional("holdout", Value::Table(&HOLDOUT), "The share of leads that nurture is measured against."),
        required(
            "gate",
            Value::Table(&GATE),
            "add `[gate]` with `score`, `touches_min`, `human_signals_min` and `reentry_percent`",
            "When an inquiry is ready for sales.",
        ),
        required(
            "scores",
            Value::Table(&SCORES),
            "add `[scores]`, for example `replied = { points = 25, half_life = \"60d\" }`",
            "What signals are worth, and how fast that fades. A signal that is not named is worth nothing.",
        ),
        optional(
            "fit",
            Value::Tables { of: &FIT, min: 1, max: FIT_MAX },
            "What answers are worth, on top of what signals are. It does not fade, and counts from the moment that the \
             answer is known.",
        ),
        required(
            "sla",
            Value::Table(&SLA),
            "add `[sla]`: how long sales has, and what happens when it does not act",
            "How long sales has, and what happens when it does not act.",
        ),
        required(
            "turnback",
            Value::Table(&TURNBACK),
            "add `[turnback.no_response]` and a table for each other reason: what happens with a lead that sales gives back",
            "What happens with a lead that sales gives back: a table for each reason.",
        ),
        optional(
            "crm",
            Value::Map(Named::Crm, &CRM),
            "What the words of your CRM mean, as it tells what sales does (`POST /v1/crm/dispositions`).",
        ),
        optional("bounces", Value::Table(&BOUNCES), "When an address whose mail comes back rests."),
        optional("breaker", Value::Table(&BREAKER), "When a sender's mail pauses, before SES pauses the account."),
    ]],
    rules: &[],
};

/// `[organisation]`.
pub static ORGANISATION: Shape = Shape {
    name: "organisation",
    heading: "[organisation]",
    doc: "Who sends, as every mail must say.",
    parts: &[&[
        required("name", Value::Text, "add the name that readers know you by", "The name that readers know you by."),
        required(
            "postal_address",
            Value::Text,
            "add it: the law asks for a postal address in every mail",
            "The postal address for the footer; the law asks for it in every mail.",
        ),
        required(
            "reason",
            Value::Text,
            "add one sentence: why people get this mail",
            "Why people get this mail: one honest sentence for the footer.",
        ),
        required(
            "unsubscribe_label",
            Value::Text,
            "add what the link says, for example \"Unsubscribe\"",
            "What the unsubscribe link in the footer says.",
        ),
        default(
            "preferences_label",
            Value::Text,
            "\"Choose what you get\"",
            "What the link beside it says, which leads to the page of preferences.",
        ),
        optional(
            "unsubscribe_mailbox",
            Value::Text,
            "A mailbox that people may write to instead of clicking, if somebody reads it.",
        ),
        required(
            "team",
            Value::Table(&SENDER),
            "add `[organisation.team]` with `name` and `address`: your own voice",
            "Your own voice, for mails that say `from = \"team\"`.",
        ),
        optional("facts", Value::Facts(Named::Fact), "What mails may say about you: `{{ facts.name }}`."),
    ]],
    rules: &[],
};

/// A sender: `[organisation.team]`, and `sender` of a queue.
pub static SENDER: Shape = Shape {
    name: "sender",
    heading: "{ name = \"…\", address = \"…\" }",
    doc: "Who a mail comes from. The address's domain must be verified with Amazon SES.",
    parts: &[&[
        required("name", Value::Text, "add the name that readers see", "The name that readers see: one line."),
        required("address", Value::Text, "add the address that mail comes from", "The address that mail comes from."),
    ]],
    rules: &[],
};

/// `[window]`, and `window` of a program.
pub static WINDOW: Shape = Shape {
    name: "window",
    heading: "[window]",
    doc: "When mail that can wait goes out, in the lead's own time zone.",
    parts: &[&[
        required("days", Value::Words(DAYS), "add the weekdays: `days = [\"mon\", \"tue\"]`", "The weekdays."),
        required("opens", Value::Time, "add a time of day, for example \"08:00\"", "From this time on."),
        required("closes", Value::Time, "add a time of day, for example \"17:00\"", "Until just before this time."),
    ]],
    rules: &[],
};

/// `[cap]`, and `cap` of a program.
pub static CAP: Shape = Shape {
    name: "cap",
    heading: "[cap]",
    doc: "How much mail one person gets. What is over waits; nothing is dropped.",
    parts: &[&[
        required(
            "spacing",
            Value::Period { days_max: crate::timing::DELAY_DAYS_MAX, zero: Zero::Allowed, units: Units::Exact },
            "add the least time between two mails, for example \"20h\"",
            "The least time between two mails.",
        ),
        required(
            "weekly_max",
            Value::Number { min: 1, max: WEEKLY_MAX_U32 },
            "add the most mails in seven days, for example 3",
            "The most mails in any seven days.",
        ),
    ]],
    rules: &[],
};

const WEEKLY_MAX_U32: u32 = {
    // `u32::try_from` is not const.
    #[expect(clippy::as_conversions, clippy::cast_possible_truncation, reason = "a small constant")]
    {
        WEEKLY_MAX as u32
    }
};

/// The fields.
pub static FIELD: Variants = Variants {
    name: "field",
    key: "type",
    default: Some("text"),
    shapes: &[("text", &FIELD_TEXT), ("choice", &FIELD_CHOICE), ("date", &FIELD_DATE)],
};

const FIELD_HEAD: &[Key] = &[
    required("label", Value::Text, "add what people read beside the field", "What people read beside the field."),
    default(
        "type",
        Value::Word(FIELD_TYPES),
        "\"text\"",
        "What an answer may be: any text, one of some choices, or a date.",
    ),
];

const FIELD_TAIL: &[Key] = &[
    optional("question", Value::Text, "How a mail asks for it; a field without a question is never asked for."),
    default(
        "threat",
        Value::Number { min: 1, max: 5 },
        "3",
        "How much people mind being asked, from 1 (not at all) to 5; what is asked together goes from low to high.",
    ),
    optional("ask_again_after", PERIOD_DAYS, "An answer older than this may be asked for again."),
    optional(
        "supplied_by",
        Value::Word(&["sales", "enrichment"]),
        "Who fills it in, where neither a form nor a mail asks for it.",
    ),
];

/// A field that any text answers.
pub static FIELD_TEXT: Shape = Shape {
    name: "field-text",
    heading: "[fields.<name>]\ntype = \"text\"",
    doc: "A field that any text answers.",
    parts: &[
        FIELD_HEAD,
        &[required(
            "length_max",
            Value::Number { min: 1, max: FIELD_LENGTH_MAX },
            "add the longest answer that is taken, in characters",
            "The longest answer that is taken, in characters.",
        )],
        FIELD_TAIL,
    ],
    rules: &[],
};

/// A field that one of some choices answers.
pub static FIELD_CHOICE: Shape = Shape {
    name: "field-choice",
    heading: "[fields.<name>]\ntype = \"choice\"",
    doc: "A field that one of some choices answers.",
    parts: &[
        FIELD_HEAD,
        &[required(
            "choices",
            Value::Texts { min: CHOICES.0, max: CHOICES.1 },
            "add what people choose from: `choices = [\"…\", \"…\"]`",
            "What people choose from.",
        )],
        FIELD_TAIL,
    ],
    rules: &[],
};

/// A field that a date answers.
pub static FIELD_DATE: Shape = Shape {
    name: "field-date",
    heading: "[fields.<name>]\ntype = \"date\"",
    doc: "A field that a date answers, `2027-05-01`; steps may be timed by it.",
    parts: &[FIELD_HEAD, FIELD_TAIL],
    rules: &[],
};

/// One of the `[topics]`.
pub static TOPIC: Shape = Shape {
    name: "topic",
    heading: "[topics.<name>]",
    doc: "Something that people can be interested in, and switch off by preference.",
    parts: &[&[required("label", Value::Text, "add what people read", "What people read.")]],
    rules: &[],
};

const MAIL_RULES: &[Key] = &[
    default(
        "opt_in",
        Value::Word(&["single", "double"]),
        "\"single\"",
        "\"single\": getting in touch is enough. \"double\": people must confirm by a mail that only they can read.",
    ),
    default(
        "tracking",
        Value::Word(&["off", "clicks", "clicks+opens"]),
        "\"clicks\"",
        "What of a mail is followed. Opens are kept, and never used.",
    ),
    optional(
        "implied_consent",
        PERIOD_DAYS,
        "How long somebody who got in touch, and agreed to nothing more, is written to; without it, until they say no.",
    ),
];

/// `[replies]`.
pub static REPLIES: Shape = Shape {
    name: "replies",
    heading: "[replies]",
    doc: "How long programs stand still when somebody writes back, or is away.",
    parts: &[&[
        default(
            "pause",
            Value::Period { days_max: crate::timing::DELAY_DAYS_MAX, zero: Zero::Refused, units: Units::Exact },
            "\"14d\"",
            "How long after a reply. Each further reply starts it anew.",
        ),
        default(
            "away",
            Value::Period { days_max: crate::timing::DELAY_DAYS_MAX, zero: Zero::Refused, units: Units::Exact },
            "\"5d\"",
            "How long after an automatic answer that names no date. One that does pauses to the day after it.",
        ),
    ]],
    rules: &[],
};

/// `[inbound]`.
pub static INBOUND: Shape = Shape {
    name: "inbound",
    heading: "[inbound]",
    doc: "What becomes of mail from people who are not known yet.",
    parts: &[&[required(
        "form",
        Value::Name(Named::Form),
        "add `form = \"…\"` with the name of a form",
        "The form by whose rules the mail becomes a lead. Its field `message` takes what they wrote.",
    )]],
    rules: &[],
};

/// `[consent]`.
pub static CONSENT: Shape = Shape {
    name: "consent",
    heading: "[consent]",
    doc: "The rules about mail wherever no region says otherwise.",
    parts: &[
        MAIL_RULES,
        &[default(
            "less_often",
            Value::Period { days_max: crate::timing::DELAY_DAYS_MAX, zero: Zero::Refused, units: Units::Exact },
            "\"14d\"",
            "The least time between two mails to somebody who wants to hear less often.",
        )],
    ],
    rules: &[],
};

/// One of the `[regions]`.
pub static REGION: Shape = Shape {
    name: "region",
    heading: "[regions.<name>]",
    doc: "The rules about mail in a part of the world.",
    parts: &[
        &[
            default(
                "countries",
                Value::Texts { min: 0, max: LIST_MAX },
                "[]",
                "The answers to the field `country` that mean it, regardless of case.",
            ),
            default(
                "zones",
                Value::Texts { min: 0, max: LIST_MAX },
                "[]",
                "How the time zones in it begin: `\"Europe/\"`.",
            ),
        ],
        MAIL_RULES,
    ],
    rules: &[],
};

/// `[opt_in]`.
pub static OPT_IN: Shape = Shape {
    name: "opt-in",
    heading: "[opt_in]",
    doc: "The mail that asks people to confirm, and what they agree to.",
    parts: &[OPT_IN_LETTER, &[default("wait", PERIOD_DAYS, "\"14d\"", "How long an answer is waited for.")]],
    rules: &[],
};

const OPT_IN_LETTER: &[Key] = &[
    required("subject", Value::Text, "add the subject of the mail: one line", "The subject of the mail."),
    required(
        "body",
        Value::Text,
        "add the mail, with a link to `{{ confirm_url }}`",
        "The mail, in Markdown, with a link to `{{ confirm_url }}`.",
    ),
    required(
        "text",
        Value::Text,
        "add what people agree to: one or two plain sentences",
        "What people agree to, as the page shows it. Its hash is kept with each consent.",
    ),
];

/// One of the `[languages]`.
pub static LANGUAGE: Shape = Shape {
    name: "language",
    heading: "[languages.<tag>]",
    doc: "The words of this file for who reads a language, `de` or `pt-br`. What is absent is said as it is.",
    parts: &[&[
        optional("reason", Value::Text, "Why people get this mail, for the footer."),
        optional("unsubscribe_label", Value::Text, "What the unsubscribe link in the footer says."),
        optional("preferences_label", Value::Text, "What the link beside it says."),
        optional("topics", Value::Map(Named::Topic, &TOPIC), "What topics are called."),
        optional(
            "fields",
            Value::Map(Named::Field, &FIELD_WORDS),
            "What fields are called, and how they are asked for.",
        ),
        optional(
            "opt_in",
            Value::Table(&OPT_IN_WORDS),
            "The mail that asks people to confirm, and what they agree to.",
        ),
    ]],
    rules: &[],
};

/// The words of a field.
pub static FIELD_WORDS: Shape = Shape {
    name: "field-words",
    heading: "[languages.<tag>.fields.<name>]",
    doc: "The words of a field in another language.",
    parts: &[&[
        optional("label", Value::Text, "What people read beside the field."),
        optional("question", Value::Text, "How a mail asks for it."),
        optional(
            "choices",
            Value::Texts { min: CHOICES.0, max: CHOICES.1 },
            "What people choose from, in the order of the field's own choices, which are what is kept.",
        ),
    ]],
    rules: &[],
};

/// The opt-in mail in another language.
pub static OPT_IN_WORDS: Shape = Shape {
    name: "opt-in-words",
    heading: "[languages.<tag>.opt_in]",
    doc: "The mail that asks people to confirm, in another language.",
    parts: &[OPT_IN_LETTER],
    rules: &[],
};

/// One of the `[forms]`.
pub static FORM: Shape = Shape {
    name: "form",
    heading: "[forms.<name>]",
    doc: "A form on your site (`POST /v1/forms/<name>`), or a list to import.",
    parts: &[&[
        required(
            "intent",
            Value::Word(&["hand_raise", "inquiry"]),
            "add `intent = \"hand_raise\"` if its sender asks to be spoken to, else \"inquiry\"",
            "\"hand_raise\": whoever sends it asks to be spoken to. \"inquiry\": everything else.",
        ),
        required(
            "program",
            Value::Name(Named::Program),
            "add `program = \"…\"` with the name of a program",
            "The program that a new lead enters.",
        ),
        default(
            "fields",
            Value::Names { of: Named::Field, min: 0, max: LIST_MAX },
            "[]",
            "The fields it may fill, besides `email` and `phone`.",
        ),
        optional("honeypot", Value::Text, "A field that the page hides from people: whoever fills it in is a robot."),
        default(
            "stamp",
            Value::Word(&["optional", "required"]),
            "\"optional\"",
            "Whether a post without the form's stamp is quarantined.",
        ),
        default(
            "captcha",
            Value::Word(&["off", "altcha", "turnstile"]),
            "\"off\"",
            "\"altcha\": the browser works for a second, and nobody else is asked. \"turnstile\": Cloudflare's, \
             without an adapter yet: every post is held back.",
        ),
        default(
            "captcha_failed",
            Value::Word(&["quarantine", "refuse"]),
            "\"quarantine\"",
            "What becomes of a post that did not pass the captcha; where nobody can tell, it is quarantined.",
        ),
        default(
            "origins",
            Value::Texts { min: 0, max: LIST_MAX },
            "[]",
            "The sites that hold this form, as browsers name them; empty is any.",
        ),
        default(
            "thanks_urls",
            Value::Texts { min: 0, max: LIST_MAX },
            "[]",
            "Where a browser without JavaScript may go after its post; the first is the default.",
        ),
        optional(
            "consent_text",
            Value::Text,
            "What stands beside the box `consent` by which people agree to mail; without it, the form has no such box.",
        ),
        default(
            "status",
            Value::Word(&["open", "closed"]),
            "\"open\"",
            "A closed form answers as if it did not exist.",
        ),
    ]],
    rules: &[],
};

/// The most that a limit may be: as good as none.
const LIMIT_MAX: u32 = 1_000_000;

/// `[limits]`.
pub static LIMITS: Shape = Shape {
    name: "limits",
    heading: "[limits]",
    doc: "How many posts forms take in a minute. More get a 429 with `Retry-After`.",
    parts: &[&[
        default(
            "network_per_minute",
            Value::Number { min: 1, max: LIMIT_MAX },
            "30",
            "The most from one network, to all forms together: an IPv4 address, or the /64 of an IPv6 one.",
        ),
        default(
            "network_suspicious",
            Value::Number { min: 1, max: LIMIT_MAX },
            "10",
            "From one network; each further one weighs as suspicious, which alone quarantines nobody.",
        ),
        default(
            "form_per_minute",
            Value::Number { min: 1, max: LIMIT_MAX },
            "600",
            "The most to one form, from everywhere.",
        ),
    ]],
    rules: &[],
};

/// The most days off that a calendar names: five years of them.
const HOLIDAYS_MAX: usize = 200;

/// One of the `[queues]`.
pub static QUEUE: Shape = Shape {
    name: "queue",
    heading: "[queues.<name>]",
    doc: "People who share the leads that no one of them owns yet.",
    parts: &[&[
        required(
            "sender",
            Value::Table(&SENDER),
            "add `sender = { name = \"…\", address = \"…\" }`",
            "Who writes the mails that say `from = \"rep\"` while the queue owns the lead.",
        ),
        optional(
            "hours",
            Value::Table(&HOURS),
            "When its people are in; without it, the send window in the default zone.",
        ),
    ]],
    rules: &[],
};

/// `hours` of a queue, a team or a rep.
pub static HOURS: Shape = Shape {
    name: "hours",
    heading: "{ zone = \"…\", days = […], opens = \"…\", closes = \"…\" }",
    doc: "When people are in. The time that sales has counts only then.",
    parts: &[&[
        required(
            "zone",
            Value::Text,
            "add the IANA time zone, for example \"Europe/Berlin\"",
            "The IANA time zone of the times.",
        ),
        required("days", Value::Words(DAYS), "add the weekdays: `days = [\"mon\", \"tue\"]`", "The weekdays."),
        required("opens", Value::Time, "add a time of day, for example \"09:00\"", "From this time on."),
        required("closes", Value::Time, "add a time of day, for example \"17:30\"", "Until just before this time."),
        default(
            "holidays",
            Value::Texts { min: 0, max: HOLIDAYS_MAX },
            "[]",
            "Days on which nobody is in: `\"2026-12-25\"`.",
        ),
    ]],
    rules: &[],
};

/// One of the `[routes]`.
pub static ROUTE: Shape = Shape {
    name: "route",
    heading: "[routes.<name>]",
    doc: "Who gets a lead: whoever of a team has least to do, or a queue.",
    parts: &[&[
        optional(
            "team",
            Value::Name(Named::Team),
            "The team (`reps.toml`); without it, or while nobody of it can take one more, the queue has the lead.",
        ),
        required(
            "queue",
            Value::Name(Named::Queue),
            "add `queue = \"…\"` with the name of a queue: someone owns every lead",
            "The queue that has the lead where nobody of the team can.",
        ),
    ]],
    rules: &[],
};

/// `[handover]`.
pub static HANDOVER: Shape = Shape {
    name: "handover",
    heading: "[handover]",
    doc: "Which route a lead takes.",
    parts: &[&[
        optional(
            "entry",
            Value::Name(Named::Route),
            "From the moment that it comes in by a form or a mail. Lists stay with the default queue.",
        ),
        optional(
            "qualified",
            Value::Name(Named::Route),
            "When it is ready for sales: a rep of this route who has it keeps it. Without it, whoever has it does.",
        ),
    ]],
    rules: &[],
};

/// One of the `[webhooks]`.
pub static WEBHOOK: Shape = Shape {
    name: "webhook",
    heading: "[webhooks.<name>]",
    doc: "A server that is told of events, signed after Standard Webhooks (docs/webhooks.md).",
    parts: &[&[
        required(
            "url",
            Value::Text,
            "add `url = \"https://…\"`: where it is",
            "Where it is: `https`, at a public address.",
        ),
        required(
            "events",
            Value::Words(Event::NAMES),
            "add what it is told of, for example `events = [\"lead.received\"]`",
            "What it is told of.",
        ),
        default(
            "status",
            Value::Word(&["on", "off"]),
            "\"on\"",
            "\"off\": it is not told, and never hears of what happens meanwhile; what waits for it waits on.",
        ),
    ]],
    rules: &[],
};

/// `[holdout]`.
pub static HOLDOUT: Shape = Shape {
    name: "holdout",
    heading: "[holdout]",
    doc: "A share of leads that gets responses and calls, but no nurture mail, so that nurture can be measured.",
    parts: &[&[required(
        "percent",
        Value::Number { min: 0, max: 50 },
        "add for example `percent = 0`",
        "The share, in percent.",
    )]],
    rules: &[],
};

/// `[retention]`.
pub static RETENTION: Shape = Shape {
    name: "retention",
    heading: "[retention]",
    doc: "How long what is known of people is kept, where nothing else ends it sooner. That somebody was there, and \
          what was decided, is counted for ever, and names nobody.",
    parts: &[&[
        default("junk", PERIOD_DAYS, "\"14d\"", "What purged junk told you, counted from the purge."),
        default(
            "submissions",
            PERIOD_DAYS,
            "\"1095d\"",
            "What a form post or a row of a list said, word for word. What mails need of it stays in the lead's profile.",
        ),
        default("engagement", PERIOD_DAYS, "\"400d\"", "What became of each mail."),
    ]],
    rules: &[],
};

/// `[gate]`.
pub static GATE: Shape = Shape {
    name: "gate",
    heading: "[gate]",
    doc: "When an inquiry is ready for sales.",
    parts: &[&[
        required("score", Value::Number { min: 1, max: 10_000 }, "add for example `score = 65`", "The score it takes."),
        required(
            "touches_min",
            Value::Number { min: 0, max: 100 },
            "add for example `touches_min = 2`",
            "How many touches it takes.",
        ),
        required(
            "human_signals_min",
            Value::Number { min: 0, max: 100 },
            "add for example `human_signals_min = 1`",
            "How many signs of the person it takes.",
        ),
        required(
            "reentry_percent",
            Value::Number { min: 1, max: 100 },
            "add for example `reentry_percent = 60`",
            "The share of the score that takes a lead back in whom sales gave back, in percent.",
        ),
    ]],
    rules: &[],
};

/// `[scores]`.
pub static SCORES: Shape = Shape {
    name: "scores",
    heading: "[scores]",
    doc: "What signals are worth, and how fast that fades.",
    parts: &[&[
        optional("replied", Value::Table(&WORTH), "They answered a mail."),
        optional("clicked", Value::Table(&WORTH), "They followed a link."),
        optional("form_submitted", Value::Table(&WORTH), "They sent a form."),
        optional("hand_raised", Value::Table(&WORTH), "They asked to be spoken to."),
        optional("answered", Value::Table(&WORTH), "They answered a question."),
        optional("meeting_booked", Value::Table(&WORTH), "They booked a meeting."),
        optional("webinar_attended", Value::Table(&WORTH), "They came to a webinar."),
        optional("page_visited", Value::Table(&WORTH), "They looked at a page."),
        optional("pricing_visited", Value::Table(&WORTH), "They looked at prices."),
        optional("connected", Value::Table(&WORTH), "They spoke with somebody of ours."),
    ]],
    rules: &[],
};

/// What one signal is worth.
pub static WORTH: Shape = Shape {
    name: "worth",
    heading: "{ points = …, half_life = \"…\" }",
    doc: "What one signal is worth.",
    parts: &[&[
        required(
            "points",
            Value::Number { min: 0, max: 1_000 },
            "add for example `points = 25`",
            "Points when the signal is given.",
        ),
        required("half_life", PERIOD, "add for example `half_life = \"30d\"`", "After how long half of them are left."),
    ]],
    rules: &[],
};

/// One of the `[[fit]]`.
pub static FIT: Shape = Shape {
    name: "fit",
    heading: "[[fit]]",
    doc: "Answers that are worth something: who is the kind of customer that you do well by.",
    parts: &[&[
        required(
            "when",
            Value::Condition,
            "add for example `when = { field = \"company_size\", one_of = [\"50-249\", \"250+\"] }`",
            "The answers. It asks for fields only: what people do is worth points in `[scores]`.",
        ),
        required(
            "points",
            Value::Number { min: 1, max: 100 },
            "add for example `points = 5`",
            "Points, as long as that is so.",
        ),
        required(
            "label",
            Value::Text,
            "add what a rep reads beside the points, for example \"Fifty people or more\"",
            "What a rep reads beside the points: one line.",
        ),
    ]],
    rules: &[],
};

/// `[sla]`.
pub static SLA: Shape = Shape {
    name: "sla",
    heading: "[sla]",
    doc: "How long sales has, in the business time of the owner, and what happens when it does not act.",
    parts: &[&[
        required(
            "hand_raise_first_attempt",
            PERIOD,
            "add for example `hand_raise_first_attempt = \"5m\"`",
            "To the first attempt at somebody who asked to be spoken to.",
        ),
        required(
            "first_attempt",
            PERIOD,
            "add for example `first_attempt = \"4h\"`",
            "To the first attempt at anybody else.",
        ),
        required("decide_within", PERIOD, "add for example `decide_within = \"48h\"`", "To a decision."),
        required(
            "resubmissions_max",
            Value::Number { min: 0, max: 10 },
            "add for example `resubmissions_max = 2`",
            "How often a lead is offered to another rep.",
        ),
        default(
            "ladder",
            Value::Tables { of: &RUNG, min: 0, max: RUNGS_MAX },
            "[]",
            "What happens on the way, by share of the time for the first attempt, rising.",
        ),
        Key {
            name: "last",
            value: Value::Word(&["queue", "nurture"]),
            need: Need::Required {
                code: Code::SlaNoLastRung,
                remedy: "add `last = \"queue\"` (the queue owns the lead, and nurture goes on) or `last = \"nurture\"`",
            },
            doc: "The last rung, which needs no human: the queue owns the lead, or it goes back to nurture.",
        },
        required(
            "sal",
            Value::Table(&STAGE_CLOCK),
            "add `[sla.sal]` with `idle` and `expires`",
            "While a rep works an accepted lead.",
        ),
        required(
            "sql",
            Value::Table(&STAGE_CLOCK),
            "add `[sla.sql]` with `idle` and `expires`",
            "While a deal is open.",
        ),
    ]],
    rules: &[],
};

/// One rung of the ladder.
pub static RUNG: Shape = Shape {
    name: "rung",
    heading: "{ at_percent = …, do = \"…\" }",
    doc: "One rung of the ladder.",
    parts: &[&[
        required(
            "at_percent",
            Value::Number { min: 1, max: 1_000 },
            "add for example `at_percent = 50`",
            "At this share of the time, in percent.",
        ),
        required(
            "do",
            Value::Word(&["warn", "manager", "reassign"]),
            "add what happens: `do = \"warn\"`, \"manager\" or \"reassign\"",
            "What happens: the rep is warned, the manager is told, another rep gets the lead.",
        ),
    ]],
    rules: &[],
};

/// `[sla.sal]` and `[sla.sql]`.
pub static STAGE_CLOCK: Shape = Shape {
    name: "stage-clock",
    heading: "[sla.sal]",
    doc: "How long a stage may idle.",
    parts: &[&[
        required("idle", PERIOD, "add for example `idle = \"7d\"`", "Until a rescue task is made."),
        optional("manager", PERIOD, "Until the manager is told."),
        required("expires", PERIOD, "add for example `expires = \"14d\"`", "Until the lead leaves the stage."),
    ]],
    rules: &[],
};

/// A reason of [`TURNBACK`].
const fn reason(name: &'static str, doc: &'static str) -> Key {
    Key {
        name,
        value: Value::Table(&POLICY),
        need: Need::Required {
            code: Code::TurnbackMissing,
            remedy: "add a table for it with `program = \"…\"` (or `stays = true`), and how it is ready again",
        },
        doc,
    }
}

/// `[bounces]`.
pub static BOUNCES: Shape = Shape {
    name: "bounces",
    heading: "[bounces]",
    doc: "When an address whose mail comes back rests. One that does not exist is never mailed again.",
    parts: &[&[
        default(
            "soft_max",
            Value::Number { min: 1, max: 8 },
            "3",
            "How many soft bounces (a full mailbox, a server that is down) let an address rest.",
        ),
        default("within", BOUNCE_PERIOD, "\"14d\"", "Within how long they must come."),
        default(
            "rest",
            BOUNCE_PERIOD,
            "\"30d\"",
            "For how long no mail goes to the address then: somebody calls where a number is known, else the mail waits.",
        ),
    ]],
    rules: &[],
};

/// `[breaker]`.
pub static BREAKER: Shape = Shape {
    name: "breaker",
    heading: "[breaker]",
    doc: "When the mail of a sender (the domain it comes from) pauses by itself: nothing is dropped, all of it waits.",
    parts: &[&[
        default(
            "window",
            Value::Period { days_max: 30, zero: Zero::Refused, units: Units::Days },
            "\"7d\"",
            "Over how many days bounces and complaints are counted, today included.",
        ),
        default(
            "sends_min",
            Value::Number { min: 1, max: 1_000_000 },
            "200",
            "With fewer mails than this nothing is concluded.",
        ),
        optional("slow", Value::Table(&BREAKER_LIMITS), "From where on programs of low priority pause."),
        optional("stop", Value::Table(&BREAKER_LIMITS), "From where on all of them pause, with an alarm."),
        default(
            "pauses_below",
            Value::Number { min: 0, max: 100 },
            "50",
            "Programs of a lower priority than this are the ones that pause first.",
        ),
        default(
            "look_again",
            Value::Period { days_max: 7, zero: Zero::Refused, units: Units::Exact },
            "\"4h\"",
            "After how long a mail that waits is looked at again.",
        ),
    ]],
    rules: &[],
};

/// `[breaker.slow]` and `[breaker.stop]`.
pub static BREAKER_LIMITS: Shape = Shape {
    name: "breaker_limits",
    heading: "{ bounces = …, complaints = … }",
    doc: "So many of 10,000 mails.",
    parts: &[&[
        required(
            "bounces",
            Value::Number { min: 1, max: 10_000 },
            "add for example `bounces = 400`: 4 %",
            "Mails that came back for good.",
        ),
        required(
            "complaints",
            Value::Number { min: 1, max: 10_000 },
            "add for example `complaints = 8`: 0.08 %",
            "Mails that somebody called spam.",
        ),
    ]],
    rules: &[],
};

/// What a lead remembers of its bounces, and how long it may wait for a mail, have an end.
const BOUNCE_PERIOD: Value = Value::Period { days_max: 90, zero: Zero::Refused, units: Units::Exact };

/// `[turnback]`.
pub static TURNBACK: Shape = Shape {
    name: "turnback",
    heading: "[turnback]",
    doc: "What happens with a lead that sales gives back: a table for each reason.",
    parts: &[&[
        reason("no_response", "Nobody could be reached."),
        reason("timing", "Not now."),
        reason("no_budget", "No money for it."),
        reason("evaluating", "Still comparing."),
        reason("competitor", "Bound to somebody else."),
        reason("no_authority", "Cannot decide it."),
        reason("wrong_contact", "Somebody else's matter."),
        reason("product_mismatch", "Wants something else than was offered."),
        reason("bad_answers", "What the form said is not so."),
        reason("bad_email", "The address is wrong."),
        reason("bad_phone", "The number is wrong."),
        reason("no_interest", "Does not want to."),
        reason("sla_expired", "Sales did not act in time."),
        reason("rep_left", "The rep is gone."),
        reason("closed_lost", "The deal was lost."),
        reason("other", "None of these."),
    ]],
    rules: &[],
};

/// The policy of a turnback reason.
pub static POLICY: Shape = Shape {
    name: "policy",
    heading: "[turnback.<reason>]",
    doc: "What happens with a lead that is given back for this reason.",
    parts: &[&[
        optional("program", Value::Name(Named::Program), "The program that the lead goes to."),
        optional("stays", Value::Switch, "Instead of `program`: with `stays = true` the running program goes on."),
        default(
            "cooldown",
            PERIOD_OR_NONE,
            "\"0m\"",
            "How long before sales sees the lead again; a hand-raise ends it.",
        ),
        optional("horizon", PERIOD_DAYS, "After how long the lead leaves for the last resort."),
        optional(
            "date",
            Value::Name(Named::Field),
            "The profile date that the reason carries, such as when to come back.",
        ),
        optional("lead_time", PERIOD_OR_NONE, "How long before that date sales may have the lead."),
        optional(
            "route",
            Value::Name(Named::Route),
            "Who gets the lead when it is ready again, where the rep who knows it cannot; without it, `qualified`.",
        ),
        default(
            "attempts_min",
            Value::Number { min: 0, max: 20 },
            "0",
            "How often the rep must have tried before this reason is taken.",
        ),
        default(
            "requalify",
            Value::Tables { of: &REQUALIFY, min: 0, max: REQUALIFY_MAX },
            "[]",
            "When the lead is offered to sales again: any of these.",
        ),
    ]],
    rules: &[
        Rule::One {
            of: &["program", "stays"],
            remedy: "add `program = \"…\"`, or `stays = true` if the running program goes on",
        },
        Rule::With("lead_time", "date"),
    ],
};

/// Words of a CRM that mean the same.
const fn words(name: &'static str, doc: &'static str) -> Key {
    default(name, Value::Texts { min: 0, max: LIST_MAX }, "[]", doc)
}

/// One of the `[crm]`.
pub static CRM: Shape = Shape {
    name: "crm",
    heading: "[crm.<name>]",
    doc: "What the words of a CRM mean, regardless of case and of what stands between their parts. A word that is in no \
          list is refused: nobody guesses.",
    parts: &[&[
        words("nothing", "Nobody has done anything yet."),
        words("accepted", "Somebody has taken the lead on."),
        words("no_answer", "They tried, and nobody answered."),
        words("left_voicemail", "They tried, and a machine answered."),
        words("busy", "They tried, and the line was busy."),
        words("wrote", "They wrote, and wait for an answer."),
        words("connected", "They spoke with the person."),
        words("call_back", "They are to call again. It comes with a date."),
        words("meeting_booked", "They will meet."),
        words("wrong_person", "Somebody else answers that number."),
        words("bad_number", "Nobody answers to that number."),
        words("do_not_call", "The person wants no calls."),
        words("qualified", "It is a real opportunity."),
        words("existing_customer", "They are a customer already."),
        words("won", "They bought."),
        words("lost", "They bought elsewhere, or nothing."),
        optional("turned_back", Value::Table(&CRM_TURNED_BACK), "The lead goes back: words by reason."),
        optional("disqualified", Value::Table(&CRM_DISQUALIFIED), "It is no lead at all: words by reason."),
    ]],
    rules: &[],
};

/// `turned_back` of a CRM.
pub static CRM_TURNED_BACK: Shape = Shape {
    name: "given-back",
    heading: "[crm.<name>.turned_back]",
    doc: "The words of a CRM for a lead that goes back, by reason. What happens then stands in `[turnback]`.",
    parts: &[&[
        words("no_response", "Nobody could be reached."),
        words("timing", "Not now. A date says when to come back."),
        words("no_budget", "No money for it. A date says when to come back."),
        words("evaluating", "Still comparing."),
        words("competitor", "Bound to somebody else. A date says when the contract ends."),
        words("no_authority", "Cannot decide it."),
        words("wrong_contact", "Somebody else's matter."),
        words("product_mismatch", "Wants something else than was offered."),
        words("bad_answers", "What the form said is not so. It comes with the fields."),
        words("bad_email", "The address is wrong."),
        words("bad_phone", "The number is wrong."),
        words("no_interest", "Does not want to."),
        words("closed_lost", "The deal was lost."),
        words("other", "None of these."),
    ]],
    rules: &[],
};

/// `disqualified` of a CRM.
pub static CRM_DISQUALIFIED: Shape = Shape {
    name: "no-lead",
    heading: "[crm.<name>.disqualified]",
    doc: "The words of a CRM for somebody who is no lead at all, by reason. They are only listened to from then on.",
    parts: &[&[
        words("not_a_fit", "Nothing that you sell fits them."),
        words("competitor_employee", "They work for a competitor."),
        words("student_or_personal", "They study, or want it for themselves."),
        words("job_seeker", "They look for work."),
        words("vendor_pitch", "They sell something."),
        words("ineligible", "Nothing may be sold to them."),
    ]],
    rules: &[],
};

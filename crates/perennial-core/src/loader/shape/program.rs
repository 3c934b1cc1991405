//! The tables of `program.toml`, and the head of a mail.

use super::condition::SIGNALS;
use super::{
    CAP, Key, Named, Need, PERIOD_DAYS_MAX, PERIOD_EXACT, REQUALIFY_MAX, Rule, STOPS_MAX, Shape, TAGS_MAX, Units,
    Value, Variants, WINDOW, Zero, default, optional, required,
};
use crate::diagnostic::Code;
use crate::program::{ARMS_MAX, ASKED_MAX, CASES_MAX, STEPS_MAX, TEMPLATES_MAX, WEIGHT_MAX};

const WAIT: Value = Value::Wait(Zero::Allowed);
const WAIT_SOME: Value = Value::Wait(Zero::Refused);

const KINDS: &[&str] = &[
    "email",
    "ask",
    "call",
    "personal_mail",
    "wait",
    "wait_until",
    "branch",
    "split",
    "alert",
    "set",
    "emit",
    "recur",
    "goal",
    "exit",
    "goto",
];

/// `program.toml`.
pub static PROGRAM: Shape = Shape {
    name: "program",
    heading: "program.toml",
    doc: "What is sent, in which order, after how long, and what follows.",
    parts: &[&[
        required("title", Value::Text, "add what people call this program", "What people call the program."),
        required(
            "then",
            Value::Name(Named::Program),
            "add `then = \"…\"`: the program that follows when these steps are used up (\"occasional\" if nothing better)",
            "The program that follows when this one is used up, its goal is met, or its horizon has passed.",
        ),
        default(
            "priority",
            Value::Number { min: 1, max: 99 },
            "50",
            "Which of two programs that claim a lead gets it: the one with the higher number.",
        ),
        optional(
            "enter",
            Value::Condition,
            "When this becomes true for a lead, the lead is moved here from a program of lower priority.",
        ),
        default(
            "beside_sales",
            Value::Switch,
            "true",
            "Whether touches go on while sales works the lead (stages sal and sql); if false, they wait.",
        ),
        optional(
            "topic",
            Value::Name(Named::Topic),
            "What people can switch off by preference; a topic of the catalog.",
        ),
        default(
            "opt_in",
            Value::Word(&["single", "double"]),
            "\"single\"",
            "\"double\": its mails go only to people who have confirmed that they want them, wherever they are.",
        ),
        optional(
            "horizon",
            PERIOD_EXACT,
            "After how long the program ends, whatever step a lead stands at; `then` follows.",
        ),
        optional(
            "skip_if",
            Value::Condition,
            "Touches (email, ask, call, personal_mail, recur) are skipped while this holds.",
        ),
        optional("window", Value::Table(&WINDOW), "When mail of this program goes out: narrower than the catalog's."),
        optional("cap", Value::Table(&CAP), "How much mail this program may send: stricter than the catalog's."),
        optional(
            "goal",
            Value::Table(&GOAL),
            "What the program is for: reached, it ends. Looked at after each signal.",
        ),
        default(
            "stop",
            Value::Tables { of: &STOP, min: 0, max: STOPS_MAX },
            "[]",
            "What else ends the program. Looked at after each signal.",
        ),
        optional("hurry", Value::Table(&HURRY), "Signals that pull the next touch nearer."),
        optional("quiet", Value::Table(&QUIET), "How the program slows down for a lead who never answers."),
        default(
            "requalify",
            Value::Tables { of: &REQUALIFY, min: 0, max: REQUALIFY_MAX },
            "[]",
            "When a lead in this program is ready for sales again, in place of its turnback reason's rules: any of these.",
        ),
        Key {
            name: "step",
            value: Value::Variants { of: &STEP, min: 1, max: STEPS_MAX },
            need: Need::Required { code: Code::StepCount, remedy: "add a `[[step]]` with `id`, `kind` and `after`" },
            doc: "The steps, run from top to bottom.",
        },
    ]],
    rules: &[],
};

/// `broadcast.toml`.
pub static BROADCAST: Shape = Shape {
    name: "broadcast",
    heading: "broadcast.toml",
    doc: "A mail that goes out once to everybody of a segment (docs/broadcasts.md). The mail is `touches/mail.md` beside it.",
    parts: &[&[
        required(
            "title",
            Value::Text,
            "add what people call this broadcast",
            "What people call the broadcast; its readers never see it.",
        ),
        required(
            "segment",
            Value::Condition,
            "add who gets it: `segment = { stage = [\"inquiry\", \"recycled\"] }`",
            "Who gets it, of those who may be mailed. Signals without `within` count however long ago they were.",
        ),
        optional(
            "until",
            Value::Text,
            "The last day on which it may go out, such as `\"2027-03-01\"`, at most 90 days ahead; if absent, 14 days \
             after it was sent.",
        ),
        optional(
            "topic",
            Value::Name(Named::Topic),
            "The topic of the catalog that it is about: it does not go to people who switched that off.",
        ),
        default(
            "beside_sales",
            Value::Switch,
            "false",
            "Whether it also goes to leads that sales works (stages sal and sql).",
        ),
        default(
            "age_min",
            Value::Period { days_max: PERIOD_DAYS_MAX, zero: Zero::Allowed, units: Units::Exact },
            "\"1d\"",
            "How long ago somebody must have come in: whoever came today has other mail to read.",
        ),
        optional("window", Value::Table(&WINDOW), "When it goes out: narrower than the catalog's."),
    ]],
    rules: &[],
};

/// `goal` of a program.
pub static GOAL: Shape = Shape {
    name: "goal",
    heading: "[goal]",
    doc: "What a program is for: when it holds, the program has met its goal and ends.",
    parts: &[END],
    rules: &[],
};

/// One of the `stop`s of a program.
pub static STOP: Shape =
    Shape { name: "stop", heading: "[[stop]]", doc: "A condition that ends a program.", parts: &[END], rules: &[] };

const END: &[Key] = &[
    required(
        "when",
        Value::Condition,
        "add what ends the program: `when = { signal = \"replied\" }`",
        "What is asked.",
    ),
    optional("then", Value::Name(Named::Program), "The program that follows, in place of the program's own `then`."),
];

/// `hurry` of a program.
pub static HURRY: Shape = Shape {
    name: "hurry",
    heading: "[hurry]",
    doc: "A signal of this kind pulls the next touch to at most this far ahead.",
    parts: &[&[
        required(
            "signal",
            Value::WordOrWords(SIGNALS),
            "add for example `signal = \"pricing_visited\"`",
            "The signs that make it hurry.",
        ),
        required("to", WAIT, "add for example `to = \"1d\"`", "How far ahead the next touch may be then."),
    ]],
    rules: &[],
};

/// `quiet` of a program.
pub static QUIET: Shape = Shape {
    name: "quiet",
    heading: "[quiet]",
    doc: "After some touches without a sign from the person, steps are further apart.",
    parts: &[&[
        required(
            "after_touches",
            Value::Number { min: 1, max: 1_000 },
            "add for example `after_touches = 3`",
            "After how many touches of the program without a sign from the person.",
        ),
        required("every", WAIT_SOME, "add for example `every = \"90d\"`", "How far apart steps are then, at least."),
    ]],
    rules: &[],
};

/// One way to be ready for sales again.
pub static REQUALIFY: Shape = Shape {
    name: "requalify",
    heading: "[[requalify]]",
    doc: "One way for a lead to be ready for sales again: all that it names must hold.",
    parts: &[&[
        optional("signal", Value::WordOrWords(SIGNALS), "One of these signs came after the turnback; any, if absent."),
        optional("days_min", Value::Number { min: 1, max: 60 }, "On at least so many different days."),
        optional("also", Value::WordOrWords(SIGNALS), "Each of these signs came after the turnback, too."),
        optional(
            "score_percent",
            Value::Number { min: 1, max: 1_000 },
            "The signs since the turnback are worth at least this share of the gate's score, in percent. What fits was \
             known before, and adds nothing.",
        ),
        default(
            "corrected",
            Value::Switch,
            "false",
            "No answer that sales doubted is in doubt any more, and with the fit the lead reaches the gate's score.",
        ),
        default("in_window", Value::Switch, "false", "The reason's date, less its lead time, has come."),
        default(
            "answered",
            Value::Names { of: Named::Field, min: 0, max: ASKED_MAX },
            "[]",
            "One of these fields got a new answer after the turnback, whoever gave it.",
        ),
        optional("when", Value::Condition, "This holds too, for example an answer."),
    ]],
    rules: &[Rule::Some {
        of: &["signal", "days_min", "also", "score_percent", "corrected", "in_window", "answered", "when"],
        remedy: "add for example `signal = [\"replied\", \"hand_raised\"]`",
    }],
};

/// The steps.
pub static STEP: Variants = Variants {
    name: "step",
    key: "kind",
    default: None,
    shapes: &[
        ("email", &STEP_EMAIL),
        ("ask", &STEP_ASK),
        ("call", &STEP_CALL),
        ("personal_mail", &STEP_PERSONAL_MAIL),
        ("wait", &STEP_WAIT),
        ("wait_until", &STEP_WAIT_UNTIL),
        ("branch", &STEP_BRANCH),
        ("split", &STEP_SPLIT),
        ("alert", &STEP_ALERT),
        ("set", &STEP_SET),
        ("emit", &STEP_EMIT),
        ("recur", &STEP_RECUR),
        ("goal", &STEP_GOAL),
        ("exit", &STEP_EXIT),
        ("goto", &STEP_GOTO),
    ],
};

/// What every step has.
const STEP_HEAD: &[Key] = &[
    required(
        "id",
        Value::Name(Named::Step),
        "add an `id` that will never change: it is how the suite knows what it has sent",
        "Its name, stable for ever: another id is another step.",
    ),
    required(
        "kind",
        Value::Word(KINDS),
        "add for example `kind = \"email\"` or `kind = \"call\"`",
        "What the step does.",
    ),
    optional("skip_if", Value::Condition, "The step is skipped if this holds when it comes."),
];

/// A step before any kind is known.
pub(in crate::loader) static STEP_OPEN: Shape =
    Shape { name: "step", heading: "[[step]]", doc: "A step.", parts: &[STEP_HEAD], rules: &[] };

const AT: Key = optional(
    "at",
    Value::Moment,
    "A point in time instead of `after`; if it has passed, the step is skipped with a reason.",
);
const IF_MISSING: Key = optional(
    "if_missing",
    WAIT,
    "The delay for a lead without the date that the moment counts from; mandatory with such a moment.",
);

/// When a touch comes.
const TOUCH_TIMING: &[Key] = &[optional("after", WAIT, "How long after the step before it."), AT, IF_MISSING];

/// When a wait is over.
const WAIT_TIMING: &[Key] = &[optional("after", WAIT_SOME, "How long the wait takes."), AT, IF_MISSING];

/// When a step comes that touches nobody.
const QUIET_TIMING: &[Key] = &[default("after", WAIT, "\"0m\"", "How long after the step before it."), AT, IF_MISSING];

const TIMED: &[Rule] = &[
    Rule::One {
        of: &["after", "at"],
        remedy: "add how long after the step before it: `after = \"0m\"`, \"20h\", \"14d\"",
    },
    Rule::With("if_missing", "at"),
];
const TIMED_OR_AT_ONCE: &[Rule] = &[Rule::AtMostOne(&["after", "at"]), Rule::With("if_missing", "at")];

const CLASSES: &[&str] = &["nurture", "response"];
const CLASS: Key = default(
    "class",
    Value::Word(CLASSES),
    "\"nurture\"",
    "\"response\" is what was just asked for: it goes out at once, day or night; \"nurture\" waits for window and cap.",
);
const TEMPLATE: Key =
    optional("template", Value::Name(Named::Template), "The mail, `touches/<template>.md`; the step's id if absent.");
const DUE_IN: Key = required(
    "due_in",
    WAIT,
    "add how long its owner has, for example `due_in = \"2d\"`",
    "How long the owner of the lead has for it.",
);
const SAME_PROGRAM_THEN: Key =
    optional("then", Value::Name(Named::Program), "The program that follows, in place of the program's own `then`.");

/// `kind = "email"`.
pub static STEP_EMAIL: Shape = Shape {
    name: "step-email",
    heading: "[[step]]\nkind = \"email\"",
    doc: "Sends a mail, `touches/<template>.md`.",
    parts: &[
        STEP_HEAD,
        TOUCH_TIMING,
        &[
            TEMPLATE,
            CLASS,
            optional(
                "content",
                Value::Word(&["engage", "product"]),
                "What the mail speaks of: the reader's matter, or what we sell.",
            ),
        ],
    ],
    rules: TIMED,
};

/// `kind = "ask"`.
pub static STEP_ASK: Shape = Shape {
    name: "step-ask",
    heading: "[[step]]\nkind = \"ask\"",
    doc: "Sends a mail that asks for what is not known yet; skipped when all of it is known.",
    parts: &[
        STEP_HEAD,
        TOUCH_TIMING,
        &[
            required(
                "fields",
                Value::Names { of: Named::Field, min: 1, max: ASKED_MAX },
                "add what it asks for, for example `fields = [\"company_size\"]`",
                "The fields it asks for, each with a `question` in the catalog.",
            ),
            TEMPLATE,
            CLASS,
        ],
    ],
    rules: TIMED,
};

/// `kind = "call"`.
pub static STEP_CALL: Shape = Shape {
    name: "step-call",
    heading: "[[step]]\nkind = \"call\"",
    doc: "Opens a task for the owner of the lead: call this person.",
    parts: &[STEP_HEAD, TOUCH_TIMING, &[DUE_IN]],
    rules: TIMED,
};

/// `kind = "personal_mail"`.
pub static STEP_PERSONAL_MAIL: Shape = Shape {
    name: "step-personal-mail",
    heading: "[[step]]\nkind = \"personal_mail\"",
    doc: "Opens a task for the owner of the lead: write to this person, with a draft.",
    parts: &[
        STEP_HEAD,
        TOUCH_TIMING,
        &[
            optional(
                "template",
                Value::Name(Named::Template),
                "The draft, `touches/<template>.md`; the step's id if absent.",
            ),
            DUE_IN,
        ],
    ],
    rules: TIMED,
};

/// `kind = "wait"`.
pub static STEP_WAIT: Shape = Shape {
    name: "step-wait",
    heading: "[[step]]\nkind = \"wait\"",
    doc: "Lets time pass.",
    parts: &[STEP_HEAD, WAIT_TIMING],
    rules: TIMED,
};

/// `kind = "wait_until"`.
pub static STEP_WAIT_UNTIL: Shape = Shape {
    name: "step-wait-until",
    heading: "[[step]]\nkind = \"wait_until\"",
    doc: "Waits for something to happen, but not for ever.",
    parts: &[
        STEP_HEAD,
        &[
            optional(
                "signal",
                Value::WordOrWords(SIGNALS),
                "It waits for one of these signs, after the step was reached.",
            ),
            optional(
                "when",
                Value::Condition,
                "It waits until this holds; looked at when the step is reached and after each signal and answer.",
            ),
            optional("date", Value::Moment, "It waits for this point in time."),
            IF_MISSING,
            required(
                "timeout",
                WAIT_SOME,
                "add how long it waits at most, for example `timeout = \"14d\"`",
                "How long it waits at most.",
            ),
            optional("goto", Value::Name(Named::Step), "Where it goes on when it happened; the next step if absent."),
            optional(
                "on_timeout",
                Value::Name(Named::Step),
                "Where it goes on when it did not happen in time; the next step if absent.",
            ),
        ],
    ],
    rules: &[
        Rule::One {
            of: &["signal", "when", "date"],
            remedy: "add what it waits for, for example `signal = \"replied\"`",
        },
        Rule::With("if_missing", "date"),
    ],
};

/// `kind = "branch"`.
pub static STEP_BRANCH: Shape = Shape {
    name: "step-branch",
    heading: "[[step]]\nkind = \"branch\"",
    doc: "Goes on where the first case that holds says.",
    parts: &[
        STEP_HEAD,
        QUIET_TIMING,
        &[
            required(
                "case",
                Value::Tables { of: &CASE, min: 1, max: CASES_MAX },
                "add `case = [{ when = { … }, goto = \"…\" }]`",
                "The cases, in order.",
            ),
            optional("else", Value::Name(Named::Step), "Where it goes on when no case holds; the next step if absent."),
        ],
    ],
    rules: TIMED_OR_AT_ONCE,
};

/// One case of a branch.
pub static CASE: Shape = Shape {
    name: "case",
    heading: "[[step.case]]",
    doc: "One case of a branch.",
    parts: &[&[
        required("when", Value::Condition, "add what is asked: `when = { topic = \"…\" }`", "What is asked."),
        required(
            "goto",
            Value::Name(Named::Step),
            "add the step where it goes on: `goto = \"…\"`",
            "Where it goes on.",
        ),
    ]],
    rules: &[],
};

/// `kind = "split"`.
pub static STEP_SPLIT: Shape = Shape {
    name: "step-split",
    heading: "[[step]]\nkind = \"split\"",
    doc: "Sends leads different ways, each lead always the same.",
    parts: &[
        STEP_HEAD,
        QUIET_TIMING,
        &[required(
            "arm",
            Value::Tables { of: &ARM, min: 2, max: ARMS_MAX },
            "add `arm = [{ name = \"…\", weight = 50 }, { name = \"…\", weight = 50, goto = \"…\" }]`",
            "The ways.",
        )],
    ],
    rules: TIMED_OR_AT_ONCE,
};

/// One arm of a split.
pub static ARM: Shape = Shape {
    name: "arm",
    heading: "[[step.arm]]",
    doc: "One way of a split.",
    parts: &[&[
        required(
            "name",
            Value::Name(Named::Arm),
            "add what reports call this way: `name = \"short\"`",
            "What reports call it.",
        ),
        required(
            "weight",
            Value::Number { min: 1, max: WEIGHT_MAX },
            "add how many go this way, in proportion: `weight = 50`",
            "How many leads go this way, in proportion to the other arms.",
        ),
        optional("goto", Value::Name(Named::Step), "Where it goes on; the next step if absent."),
    ]],
    rules: &[],
};

/// `kind = "alert"`.
pub static STEP_ALERT: Shape = Shape {
    name: "step-alert",
    heading: "[[step]]\nkind = \"alert\"",
    doc: "Tells the owner of the lead of an interesting moment.",
    parts: &[
        STEP_HEAD,
        QUIET_TIMING,
        &[required("message", Value::Text, "add one line: what happened", "What of: one line, without merge fields.")],
    ],
    rules: TIMED_OR_AT_ONCE,
};

/// `kind = "set"`.
pub static STEP_SET: Shape = Shape {
    name: "step-set",
    heading: "[[step]]\nkind = \"set\"",
    doc: "Notes something about the lead.",
    parts: &[
        STEP_HEAD,
        QUIET_TIMING,
        &[
            optional("topic", Value::Name(Named::Topic), "The lead's topic from now on."),
            optional("add", Value::Names { of: Named::Tag, min: 1, max: TAGS_MAX }, "Tags that the lead gets."),
            optional("remove", Value::Names { of: Named::Tag, min: 1, max: TAGS_MAX }, "Tags that the lead loses."),
        ],
    ],
    rules: &[
        Rule::AtMostOne(&["after", "at"]),
        Rule::With("if_missing", "at"),
        Rule::Some { of: &["topic", "add", "remove"], remedy: "add what it notes, for example `add = [\"…\"]`" },
    ],
};

/// `kind = "emit"`.
pub static STEP_EMIT: Shape = Shape {
    name: "step-emit",
    heading: "[[step]]\nkind = \"emit\"",
    doc: "Puts an event on the bus, for other systems.",
    parts: &[
        STEP_HEAD,
        QUIET_TIMING,
        &[required("event", Value::Name(Named::Event), "add the event's name: `event = \"…\"`", "The event's name.")],
    ],
    rules: TIMED_OR_AT_ONCE,
};

/// `kind = "recur"`.
pub static STEP_RECUR: Shape = Shape {
    name: "step-recur",
    heading: "[[step]]\nkind = \"recur\"",
    doc: "Sends mails in turn, one a round; the first after one round.",
    parts: &[
        STEP_HEAD,
        &[
            optional("every", WAIT_SOME, "How long a round takes."),
            optional("on", Value::Moment, "The weekday on which each round ends, for example \"first Tuesday 10:00\"."),
            required(
                "templates",
                Value::Names { of: Named::Template, min: 1, max: TEMPLATES_MAX },
                "add the mails, in turn: `templates = [\"…\", \"…\"]`",
                "The mails, in turn: `touches/<template>.md`.",
            ),
            required(
                "used_up",
                Value::Word(&["again", "go_on"]),
                "decide what happens when each mail was sent: `used_up = \"again\"` or \"go_on\"",
                "What happens when each mail was sent: again from the first, or on to the next step.",
            ),
            CLASS,
        ],
    ],
    rules: &[Rule::One {
        of: &["every", "on"],
        remedy: "add how long a round takes, `every = \"42d\"`, or its day, `on = \"first Tuesday 10:00\"`",
    }],
};

/// `kind = "goal"`.
pub static STEP_GOAL: Shape = Shape {
    name: "step-goal",
    heading: "[[step]]\nkind = \"goal\"",
    doc: "Whoever comes here has met the program's goal; the program ends.",
    parts: &[STEP_HEAD, QUIET_TIMING, &[SAME_PROGRAM_THEN]],
    rules: TIMED_OR_AT_ONCE,
};

/// `kind = "exit"`.
pub static STEP_EXIT: Shape = Shape {
    name: "step-exit",
    heading: "[[step]]\nkind = \"exit\"",
    doc: "The program ends here.",
    parts: &[STEP_HEAD, QUIET_TIMING, &[SAME_PROGRAM_THEN]],
    rules: TIMED_OR_AT_ONCE,
};

/// `kind = "goto"`.
pub static STEP_GOTO: Shape = Shape {
    name: "step-goto",
    heading: "[[step]]\nkind = \"goto\"",
    doc: "Goes on at another step.",
    parts: &[
        STEP_HEAD,
        QUIET_TIMING,
        &[required("to", Value::Name(Named::Step), "add the step where it goes on: `to = \"…\"`", "Where it goes on.")],
    ],
    rules: TIMED_OR_AT_ONCE,
};

/// The head of a mail.
pub static FRONT_MATTER: Shape = Shape {
    name: "front-matter",
    heading: "+++",
    doc: "The head of a mail, between two lines of `+++`; the mail follows in Markdown.",
    parts: &[&[
        required("subject", Value::Text, "add `subject = \"…\"`", "The subject: one line; it may use merge fields."),
        required(
            "from",
            Value::Word(&["rep", "team"]),
            "add `from = \"rep\"` (the lead's owner writes) or `from = \"team\"`",
            "Who writes: the owner of the lead, or the organisation.",
        ),
    ]],
    rules: &[],
};

//! A small catalog for tests, made by the loader itself.

use jiff::Timestamp;

use crate::catalog::{Catalog, Limits};
use crate::diagnostic::Diagnostic;
use crate::ids::ProgramName;
use crate::loader::{Beside, BroadcastFiles, SourceFile, parse, parse_beside};

const CATALOG: &str = r#"
default_zone = "Europe/Berlin"
default_queue = "sdr"
last_resort = "occasional"

[organisation]
name = "Example Ltd"
postal_address = "1 Example Street, 12345 Exampletown"
unsubscribe_mailbox = "unsubscribe@perennial.example"
reason = "You get this mail because you got in touch with us."
unsubscribe_label = "Unsubscribe"
team = { name = "Example Ltd", address = "team@perennial.example" }

[organisation.facts]
guide_url = "https://www.perennial.example/guide"

[window]
days = ["mon", "tue", "wed", "thu", "fri"]
opens = "08:00"
closes = "17:00"

[cap]
spacing = "20h"
weekly_max = 3

[fields]
first_name = { label = "First name", length_max = 80 }
last_name = { label = "Last name", length_max = 80 }
company = { label = "Company", length_max = 120 }
message = { label = "Message", length_max = 2000 }

[forms.contact]
intent = "hand_raise"
program = "welcome"
fields = ["first_name", "last_name", "company", "message"]
honeypot = "website"
origins = ["https://www.perennial.example"]
thanks_urls = ["https://www.perennial.example/thanks"]

[queues.sdr]
sender = { name = "Robin Vale", address = "robin@perennial.example" }

[gate]
score = 65
touches_min = 2
human_signals_min = 1
reentry_percent = 60

[scores]
hand_raised = { points = 30, half_life = "90d" }
replied = { points = 25, half_life = "60d" }
pricing_visited = { points = 20, half_life = "14d" }
webinar_attended = { points = 15, half_life = "60d" }
form_submitted = { points = 10, half_life = "30d" }
clicked = { points = 5, half_life = "30d" }

[sla]
hand_raise_first_attempt = "5m"
first_attempt = "4h"
decide_within = "48h"
resubmissions_max = 2
ladder = [{ at_percent = 50, do = "warn" }, { at_percent = 100, do = "manager" }, { at_percent = 200, do = "reassign" }]
last = "queue"
sal = { idle = "7d", expires = "14d" }
sql = { idle = "30d", manager = "37d", expires = "60d" }

[turnback]
bad_phone = { stays = true }
sla_expired = { stays = true }
rep_left = { stays = true }
timing = { program = "occasional", cooldown = "60d", requalify = [{ signal = "hand_raised" }] }
no_budget = { program = "occasional", cooldown = "90d", requalify = [{ signal = "hand_raised" }] }
evaluating = { program = "occasional", cooldown = "14d", requalify = [{ score_percent = 100 }] }
competitor = { program = "occasional", cooldown = "170d", requalify = [{ signal = "hand_raised" }] }
no_authority = { program = "occasional", cooldown = "30d", requalify = [{ signal = "hand_raised" }] }
wrong_contact = { program = "occasional", cooldown = "30d", requalify = [{ signal = "hand_raised" }] }
product_mismatch = { program = "occasional", cooldown = "30d", requalify = [{ signal = "hand_raised" }] }
bad_answers = { program = "occasional", cooldown = "30d", requalify = [{ signal = "answered" }] }
bad_email = { program = "occasional", requalify = [{ signal = "form_submitted" }] }
no_interest = { program = "occasional", cooldown = "180d", requalify = [{ signal = "hand_raised" }] }
closed_lost = { program = "occasional", cooldown = "90d", requalify = [{ signal = "hand_raised" }] }
other = { program = "occasional", cooldown = "60d", requalify = [{ score_percent = 100 }] }

[turnback.no_response]
program = "occasional"
cooldown = "21d"
horizon = "180d"
attempts_min = 3
requalify = [{ signal = ["replied", "hand_raised"] }, { signal = "clicked", days_min = 2, score_percent = 60 }]
"#;

const WELCOME: &str = r#"
title = "Welcome"
then = "nurture"

[[step]]
id = "response"
kind = "email"
class = "response"
after = "0m"

[[step]]
id = "first-call"
kind = "call"
after = "0m"
due_in = "2d"

[[step]]
id = "link"
kind = "email"
after = "1d"
"#;

const OCCASIONAL: &str = r#"
title = "Occasional"
then = "occasional"
quiet = { after_touches = 3, every = "90d" }

[[step]]
id = "reading"
kind = "email"
after = "42d"

[[step]]
id = "question"
kind = "email"
after = "42d"
"#;

const RESPONSE: &str = r#"+++
subject = "Your message to {{ organisation.name }}"
from = "rep"
+++
Hi {{ first_name | default("there") }},

thank you for your message. I will call you.

{{ sender.name }}
"#;

const LINK: &str = r#"+++
subject = "A guide{% if company %} for {{ company }}{% endif %}"
from = "rep"
+++
Hi {{ first_name | default("there") }},

have a look at [this guide]({{ facts.guide_url }}). Does it help?

{{ sender.name }}
"#;

const READING: &str = r#"+++
subject = "Something to read"
from = "team"
+++
Hello {{ first_name | default("again") }}.
"#;

const QUESTION: &str = r#"+++
subject = "One question"
from = "rep"
+++
Hello {{ first_name | default("again") }}. Is this still on your list?
"#;

const NEWS: &str = r#"
title = "News of the spring"
segment = { not = { field = "company", is = "Elsewhere" } }
"#;

const NEWS_MAIL: &str = r#"+++
subject = "News of the spring"
from = "team"
+++
Hello {{ first_name | default("again") }},

there is [something new]({{ facts.guide_url }}).
"#;

/// The files of [`catalog`].
pub fn files() -> Vec<SourceFile> {
    [
        ("catalog.toml", CATALOG),
        ("occasional/program.toml", OCCASIONAL),
        ("occasional/touches/question.md", QUESTION),
        ("occasional/touches/reading.md", READING),
        ("welcome/program.toml", WELCOME),
        ("welcome/touches/link.md", LINK),
        ("welcome/touches/response.md", RESPONSE),
    ]
    .map(|(path, text)| SourceFile { path: path.to_owned(), text: text.to_owned() })
    .to_vec()
}

/// `welcome` (mail at once, call at once, mail after a day) leads to `nurture`, which is not there, so
/// to `occasional` (a mail each 42 days for ever); the form `contact`; the queue `sdr`.
pub fn catalog() -> Catalog {
    usable(parse(&files()))
}

/// The broadcast `news`, for everybody but those of the company Elsewhere.
pub fn news(until: Timestamp) -> BroadcastFiles {
    let file = |path: &str, text: &str| SourceFile { path: path.to_owned(), text: text.to_owned() };
    let files = vec![file("news/broadcast.toml", NEWS), file("news/touches/mail.md", NEWS_MAIL)];
    let name = ProgramName::parse("news").unwrap_or_else(|_| unreachable!("it is a name"));
    BroadcastFiles { name, files, until, is_stopped: false }
}

/// [`catalog`], with a broadcast that goes out.
pub fn catalog_with(broadcast: &BroadcastFiles) -> Catalog {
    usable(parse_beside(&files(), Beside { draft: Some(broadcast), ..Beside::default() }))
}

fn usable((catalog, diagnostics): (Option<Catalog>, Vec<Diagnostic>)) -> Catalog {
    let catalog = catalog.unwrap_or_else(|| unreachable!("the catalog for tests has errors: {diagnostics:?}"));
    // As good as none: the clock of most tests stands still.
    let limits = Limits { network_per_minute: 100_000, network_suspicious: 100_000, form_per_minute: 100_000 };
    Catalog { limits, ..catalog }
}

//! The programs in the browser, as their files stand now: for whoever writes them.
//!
//! `GET /programs` is a list; `GET /programs/{name}` one program: its chart, its calendar for a sample lead,
//! its mails, and what is wrong with it. `/programs/{name}/mails/{template}` is one mail's HTML, for a frame.
//! `/programs/stamp` changes when a file does: a script asks for it each second.
//!
//! **Invariants:** nothing here reads the store, and no page shows anything of a person. What is shown is the
//! working copy, which may be ahead of what leads are in; a page says so while a mistake keeps it from being in force.
//! A page follows the files whatever they hold, also when it cannot be made for a while.

use std::fmt;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path as Segments, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use jiff::{Timestamp, Unit, Zoned};
use minijinja::Value;
use perennial_app::chart::{Chart, Place};
use perennial_app::error_chain::ErrorChain;
use perennial_app::preview::{
    AlsoSent, End, Entry, Excerpt, Fact, Header, Letter, MailKind, MailPreview, Outcome, Preview, Sample, Summary,
    WorkingCopy, preview,
};
use perennial_app::programs::{self, ReadError, Stamp};
use perennial_core::diagnostic::Diagnostic;
use perennial_core::ids::{FieldName, ProgramName, StepId, TemplateName};
use serde::{Deserialize, Serialize};

use crate::html::{self, PageError, Template};
use crate::site::Site;

const LIST: Template = Template { name: "programs.html", text: include_str!("templates/programs.html") };
const PROGRAM: Template = Template { name: "program.html", text: include_str!("templates/program.html") };
const UNSHOWN: Template = Template { name: "unshown.html", text: include_str!("templates/unshown.html") };

/// The height of a frame until a script has measured the mail, in pixels: so much for each line of its text, and for its
/// margins.
const FRAME_LINE: usize = 21;
const FRAME_MARGINS: usize = 60;
const FRAME_MIN: usize = 200;
const FRAME_MAX: usize = 700;

pub(crate) fn routes() -> Router<Site> {
    Router::new()
        .route("/programs", get(list))
        .route("/programs/stamp", get(stamp))
        .route("/programs/{name}", get(program))
        .route("/programs/{name}/mails/{template}", get(mail))
}

/// The directory that the pages show. Cheap to clone; reads the files again when one has changed.
#[derive(Clone)]
pub struct Programs {
    directory: Option<PathBuf>,
    read: Arc<Mutex<Read>>,
}

/// What was read last, and what its files' stamp was.
type Read = Option<(Stamp, Arc<WorkingCopy>)>;

impl fmt::Debug for Programs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Programs").field("directory", &self.directory).finish_non_exhaustive()
    }
}

impl Programs {
    /// The programs of a directory; none, where there is none to show.
    pub fn new(directory: Option<PathBuf>) -> Self {
        Self { directory, read: Arc::default() }
    }

    /// The files as they stand, and their stamp.
    async fn look(&self) -> Result<(String, Arc<WorkingCopy>), ProgramsError> {
        let Some(directory) = self.directory.clone() else { return Err(ProgramsError::NoDirectory) };
        let read = Arc::clone(&self.read);
        let looked = tokio::task::spawn_blocking(move || look(&directory, &read)).await?;
        Ok(looked?)
    }

    async fn stamp(&self) -> Result<String, ProgramsError> {
        let Some(directory) = self.directory.clone() else { return Err(ProgramsError::NoDirectory) };
        let stamp = tokio::task::spawn_blocking(move || programs::stamp(&directory)).await?;
        Ok(token(&stamp?))
    }
}

fn look(directory: &Path, read: &Mutex<Read>) -> Result<(String, Arc<WorkingCopy>), ReadError> {
    // First the stamp: a file that changes while it is read has another one afterwards.
    let stamp = programs::stamp(directory)?;
    let token = token(&stamp);
    let mut read = read.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, copy)) = read.as_ref().filter(|(known, _)| *known == stamp) {
        return Ok((token, Arc::clone(copy)));
    }
    let copy = Arc::new(WorkingCopy::of(programs::read(directory)?));
    *read = Some((stamp, Arc::clone(&copy)));
    Ok((token, copy))
}

/// A stamp as a short word.
fn token(stamp: &Stamp) -> String {
    let mut hasher = DefaultHasher::new();
    stamp.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

/// Why there is no such page.
#[derive(Debug, thiserror::Error)]
enum ProgramsError {
    #[error("this suite was started without a directory of programs")]
    NoDirectory,
    #[error("no such program or mail")]
    NotFound,
    #[error("the query is not one that these pages know")]
    BadQuery,
    #[error("the programs cannot be read")]
    Read(#[from] ReadError),
    #[error("the programs could not be looked at")]
    Stopped(#[from] tokio::task::JoinError),
    #[error(transparent)]
    Page(#[from] PageError),
}

impl From<QueryRejection> for ProgramsError {
    fn from(_: QueryRejection) -> Self {
        Self::BadQuery
    }
}

impl ProgramsError {
    fn status(&self) -> StatusCode {
        match self {
            Self::NoDirectory | Self::NotFound => StatusCode::NOT_FOUND,
            Self::BadQuery => StatusCode::BAD_REQUEST,
            Self::Read(_) | Self::Stopped(_) | Self::Page(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl IntoResponse for ProgramsError {
    fn into_response(self) -> Response {
        match self {
            Self::Page(error) => error.into_response(),
            // The paths of this machine are its owner's own.
            Self::NoDirectory | Self::NotFound | Self::BadQuery | Self::Read(_) | Self::Stopped(_) => {
                (self.status(), ErrorChain(&self).to_string()).into_response()
            }
        }
    }
}

async fn stamp(State(site): State<Site>) -> Result<String, ProgramsError> {
    site.programs.stamp().await
}

/// Why there is a page all the same, but nothing to show on it.
#[derive(Serialize)]
struct UnshownPage {
    title: &'static str,
    message: String,
}

/// A page in place of one that cannot be made now. Its script asks for that one until it can.
fn unshown(site: &Site, title: &'static str, error: &ProgramsError) -> Result<Response, ProgramsError> {
    let message = ErrorChain(error).to_string();
    let mut page = html::live_page(UNSHOWN, title, &site.clock, UnshownPage { title, message })?;
    *page.status_mut() = error.status();
    Ok(page)
}

// --- The list --------------------------------------------------------------------------------

#[derive(Serialize)]
struct ListPage {
    stamp: String,
    /// How many mistakes keep all of it from being in force.
    errors: usize,
    /// Where they are.
    mistaken: Vec<Mistaken>,
    count: Count,
    /// What is wrong with what all programs need.
    problems: Vec<Problem>,
    programs: Vec<Line>,
}

/// A program or another file with mistakes.
#[derive(Serialize)]
struct Mistaken {
    name: String,
    /// Whether a page of its own shows them, and not the list.
    is_program: bool,
}

/// A program of the list.
#[derive(Serialize)]
struct Line {
    name: String,
    title: String,
    purpose: Option<String>,
    /// If it can be read.
    summary: Option<Summary>,
    count: Count,
}

/// How much is wrong.
#[derive(Serialize)]
struct Count {
    errors: usize,
    warnings: usize,
}

impl Count {
    fn of<'d>(diagnostics: impl IntoIterator<Item = &'d Diagnostic>) -> Self {
        let (errors, warnings): (Vec<_>, Vec<_>) =
            diagnostics.into_iter().partition(|diagnostic| diagnostic.is_error());
        Self { errors: errors.len(), warnings: warnings.len() }
    }
}

async fn list(State(site): State<Site>) -> Result<Response, ProgramsError> {
    let (stamp, copy) = match site.programs.look().await {
        Err(error @ ProgramsError::Read(_)) => return unshown(&site, "Programs", &error),
        looked => looked?,
    };
    let names = copy.names();
    let programs = names.iter().map(|name| line(&copy, name)).collect();
    let is_told = |diagnostic: &Diagnostic| !names.iter().any(|name| is_of(diagnostic, name));
    let problems = problems(&copy, is_told);
    let count = Count::of(copy.problems().iter().filter(|diagnostic| is_told(diagnostic)));
    let (errors, mistaken) = (copy.errors(), mistaken(&copy, &names));
    let values = ListPage { stamp, errors, mistaken, count, problems, programs };
    Ok(html::live_page(LIST, "Programs", &site.clock, values)?)
}

/// Where there are mistakes: what is of no program is shown on the list itself.
fn mistaken(copy: &WorkingCopy, names: &[ProgramName]) -> Vec<Mistaken> {
    let mut places: Vec<Mistaken> = Vec::new();
    for diagnostic in copy.problems().iter().filter(|diagnostic| diagnostic.is_error()) {
        let place = match names.iter().find(|name| is_of(diagnostic, name)) {
            Some(name) => Mistaken { name: name.to_string(), is_program: true },
            None => Mistaken { name: diagnostic.file.clone(), is_program: false },
        };
        if places.last().is_none_or(|last| last.name != place.name) {
            places.push(place);
        }
    }
    places
}

fn line(copy: &WorkingCopy, name: &ProgramName) -> Line {
    Line {
        name: name.to_string(),
        title: title(copy, name),
        purpose: copy.purpose(name),
        summary: copy.catalog().zip(copy.program(name)).map(|(catalog, program)| Summary::of(catalog, program)),
        count: Count::of(copy.problems_of(name)),
    }
}

/// What people call a program.
fn title(copy: &WorkingCopy, name: &ProgramName) -> String {
    copy.title(name).unwrap_or_else(|| name.to_string())
}

/// Something that is wrong, where, and what to do.
#[derive(Serialize)]
struct Problem {
    code: &'static str,
    /// What the code means, in a line.
    meaning: &'static str,
    is_error: bool,
    place: String,
    message: String,
    remedy: String,
    excerpt: Option<Lines>,
}

/// The lines of a file that a problem is about.
#[derive(Serialize)]
struct Lines {
    number: usize,
    text: String,
    marks: String,
}

fn problems(copy: &WorkingCopy, which: impl Fn(&Diagnostic) -> bool) -> Vec<Problem> {
    let problem = |diagnostic: &Diagnostic| Problem {
        code: diagnostic.code.as_str(),
        meaning: diagnostic.code.headline(),
        is_error: diagnostic.is_error(),
        place: match &diagnostic.place {
            Some(place) => format!("{}:{}:{}", diagnostic.file, place.line, place.column),
            None => diagnostic.file.clone(),
        },
        message: diagnostic.message.clone(),
        remedy: diagnostic.remedy.clone(),
        excerpt: copy.excerpt(diagnostic).map(|Excerpt { number, text, marks }| Lines { number, text, marks }),
    };
    copy.problems().iter().filter(|diagnostic| which(diagnostic)).map(problem).collect()
}

fn is_of(diagnostic: &Diagnostic, name: &ProgramName) -> bool {
    diagnostic.file.split_once('/').is_some_and(|(folder, _)| folder == name.as_str())
}

// --- One program -----------------------------------------------------------------------------

/// The sample lead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Lead {
    #[default]
    Known,
    Unknown,
}

#[derive(Debug, Deserialize)]
struct LeadQuery {
    #[serde(default)]
    lead: Lead,
}

#[derive(Serialize)]
struct ProgramPage {
    stamp: String,
    name: String,
    title: String,
    purpose: Option<String>,
    count: Count,
    problems: Vec<Problem>,
    /// How many mistakes keep this page from being in force.
    errors: usize,
    /// How many there are to fix elsewhere.
    other_errors: usize,
    lead: Lead,
    /// If it can be read.
    shown: Option<Shown>,
}

/// What there is to see of a program that can be read.
#[derive(Serialize)]
struct Shown {
    facts: Vec<Fact>,
    /// The chart's SVG, escaped where it was written.
    chart: Value,
    zone: String,
    start: String,
    calendar: Vec<Row>,
    end: Option<EndRow>,
    not_reached: Vec<String>,
    mails: Vec<MailView>,
}

/// A line of the calendar.
#[derive(Serialize)]
struct Row {
    at: When,
    step: Option<String>,
    kind: &'static str,
    /// `touch`, `quiet`, `skipped` or `failed`.
    outcome: Outcome,
    text: String,
    /// The mail's place on the page.
    mail: Option<String>,
    waited: Vec<&'static str>,
}

/// How the calendar ends.
#[derive(Serialize)]
struct EndRow {
    at: When,
    text: &'static str,
    then: Option<String>,
}

/// A time of the calendar.
#[derive(Serialize)]
struct When {
    day: i32,
    date: String,
    time: String,
    exact: String,
    /// Whether the line above is of the same day.
    is_same_day: bool,
}

/// A mail of the program.
#[derive(Serialize)]
struct MailView {
    /// Its place on the page.
    id: String,
    step: String,
    template: String,
    is_draft: bool,
    at: Option<String>,
    also: Vec<AlsoView>,
    /// Why it cannot be written.
    error: Option<String>,
    subject: String,
    headers: Vec<Header>,
    text: String,
    /// The address of its HTML, and the height of its frame.
    frame: Option<(String, usize)>,
}

/// Another step that sends a mail.
#[derive(Serialize)]
struct AlsoView {
    step: String,
    at: Option<String>,
    asks: String,
}

async fn program(
    State(site): State<Site>,
    Segments(name): Segments<String>,
    query: Result<Query<LeadQuery>, QueryRejection>,
) -> Result<Response, ProgramsError> {
    let Query(LeadQuery { lead }) = query?;
    match shown_program(&site, &name, lead).await {
        // A file may be locked, a folder renamed: what is gone can come back.
        Err(error @ (ProgramsError::Read(_) | ProgramsError::NotFound)) => unshown(&site, "Program", &error),
        shown => shown,
    }
}

async fn shown_program(site: &Site, name: &str, lead: Lead) -> Result<Response, ProgramsError> {
    let (stamp, copy) = site.programs.look().await?;
    let name = known(&copy, name)?;
    let shown = tried(&copy, &name, lead, site.clock.now())
        .map(|(summary, tried)| Shown::of(&copy, &name, summary, tried, lead));
    let title = title(&copy, &name);
    let is_told = |diagnostic: &Diagnostic| is_of(diagnostic, &name) || shown.is_none() && is_common(diagnostic);
    let problems = problems(&copy, is_told);
    let values = ProgramPage {
        stamp,
        title: title.clone(),
        purpose: copy.purpose(&name),
        count: Count::of(copy.problems().iter().filter(|diagnostic| is_told(diagnostic))),
        other_errors: copy.problems().iter().filter(|diagnostic| diagnostic.is_error() && !is_told(diagnostic)).count(),
        problems,
        errors: copy.errors(),
        lead,
        shown,
        name: name.to_string(),
    };
    Ok(html::live_page(PROGRAM, &title, &site.clock, values)?)
}

async fn mail(
    State(site): State<Site>,
    Segments((name, template)): Segments<(String, String)>,
    query: Result<Query<LeadQuery>, QueryRejection>,
) -> Result<Response, ProgramsError> {
    let Query(LeadQuery { lead }) = query?;
    let (_, copy) = site.programs.look().await?;
    let name = known(&copy, &name)?;
    let (_, tried) = tried(&copy, &name, lead, site.clock.now()).ok_or(ProgramsError::NotFound)?;
    let is_it = |mail: &&MailPreview| mail.template.as_str() == template;
    match tried.mails.iter().find(is_it).map(|mail| &mail.letter) {
        Some(Letter::Written { html: Some(html), .. }) => Ok(html::own_mail_html(html)),
        Some(Letter::Written { html: None, .. } | Letter::Unwritable { .. }) | None => Err(ProgramsError::NotFound),
    }
}

/// The name of a program that the directory holds.
fn known(copy: &WorkingCopy, name: &str) -> Result<ProgramName, ProgramsError> {
    copy.names().into_iter().find(|known| known.as_str() == name).ok_or(ProgramsError::NotFound)
}

fn is_common(diagnostic: &Diagnostic) -> bool {
    !diagnostic.file.contains('/')
}

/// A program on a sample lead that enters it now.
fn tried(copy: &WorkingCopy, name: &ProgramName, lead: Lead, now: Timestamp) -> Option<(Summary, Preview)> {
    let (catalog, program) = copy.catalog().zip(copy.program(name))?;
    let start = now.round(Unit::Minute).unwrap_or(now);
    let sample = match lead {
        Lead::Known => Sample::known(catalog, start),
        Lead::Unknown => Sample::unknown(),
    };
    Some((Summary::of(catalog, program), preview(catalog, name, &sample, start)?))
}

impl Shown {
    fn of(copy: &WorkingCopy, name: &ProgramName, summary: Summary, tried: Preview, lead: Lead) -> Self {
        let chart = copy.program(name).map(|program| Chart::of(program).svg(Place::Page)).unwrap_or_default();
        let mut last = None;
        let calendar = tried.calendar.iter().map(|entry| row(entry, &mut last)).collect();
        let end = match &tried.end {
            End::Left { at, day, text, then, .. } => {
                let then = then.as_ref().map(ToString::to_string);
                Some(EndRow { at: when(at, *day, &mut last), text, then })
            }
            End::GoesOn => None,
        };
        Self {
            facts: summary.facts,
            chart: Value::from_safe_string(chart),
            zone: tried.zone,
            start: shown(&tried.start),
            calendar,
            end,
            not_reached: tried.not_reached.iter().map(StepId::to_string).collect(),
            mails: tried.mails.into_iter().map(|mail| view(name, mail, lead)).collect(),
        }
    }
}

fn row(entry: &Entry, last: &mut Option<Zoned>) -> Row {
    let step = entry.step.as_ref().map(ToString::to_string);
    Row {
        at: when(&entry.at, entry.day, last),
        kind: entry.kind,
        outcome: entry.outcome,
        text: entry.text.clone(),
        mail: entry.template.as_ref().map(anchor),
        waited: entry.waited.clone(),
        step,
    }
}

fn when(at: &Zoned, day: i32, last: &mut Option<Zoned>) -> When {
    let last = last.replace(at.clone());
    let is_same_day = last.as_ref().is_some_and(|last| last.date() == at.date());
    let date = if last.is_none_or(|last| last.year() == at.year()) { "%a %-d %b" } else { "%a %-d %b %Y" };
    When {
        day,
        date: at.strftime(date).to_string(),
        time: at.strftime("%H:%M").to_string(),
        exact: at.timestamp().to_string(),
        is_same_day,
    }
}

fn shown(at: &Zoned) -> String {
    at.strftime("%a %-d %b %Y, %H:%M").to_string()
}

/// A mail's place on the page. Its name is letters, digits and hyphens.
fn anchor(template: &TemplateName) -> String {
    format!("mail-{template}")
}

fn view(program: &ProgramName, mail: MailPreview, lead: Lead) -> MailView {
    let lead = match lead {
        Lead::Known => "known",
        Lead::Unknown => "unknown",
    };
    let address = format!("/programs/{program}/mails/{}?lead={lead}", mail.template);
    let (error, subject, headers, text, html) = match mail.letter {
        Letter::Unwritable { error } => (Some(error), String::new(), Vec::new(), String::new(), None),
        Letter::Written { headers, subject, text, html } => (None, subject, headers, text, html),
    };
    let height = (text.lines().count() * FRAME_LINE + FRAME_MARGINS).clamp(FRAME_MIN, FRAME_MAX);
    MailView {
        id: anchor(&mail.template),
        step: mail.step.to_string(),
        template: mail.template.to_string(),
        is_draft: mail.kind == MailKind::Draft,
        at: mail.at.as_ref().map(shown),
        also: mail.also.iter().map(also).collect(),
        error,
        subject,
        headers,
        text,
        frame: html.map(|_| (address, height)),
    }
}

fn also(AlsoSent { step, at, asks }: &AlsoSent) -> AlsoView {
    let asks = asks.iter().map(FieldName::as_str).collect::<Vec<_>>().join(", ");
    AlsoView { step: step.to_string(), at: at.as_ref().map(shown), asks }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use axum::http::Method;
    use perennial_core::testing;
    use tempfile::TempDir;

    use crate::site::tests::{Answer, World};

    /// The pages over a directory with the programs for tests.
    struct Desk {
        world: World,
        directory: TempDir,
    }

    impl Desk {
        fn new() -> Self {
            let directory = tempfile::tempdir().unwrap();
            let desk = Self { world: World::showing(Some(directory.path().to_owned())), directory };
            for file in testing::files() {
                desk.write(&file.path, &file.text);
            }
            desk
        }

        fn write(&self, path: &str, text: &str) {
            let path = self.directory.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }

        fn edit(&self, path: &str, from: &str, to: &str) {
            let text = fs::read_to_string(self.directory.path().join(path)).unwrap();
            assert!(text.contains(from), "{path} has {from}");
            self.write(path, &text.replace(from, to));
        }

        async fn get(&self, path: &str) -> Answer {
            self.world.get(path).await
        }
    }

    #[tokio::test]
    async fn the_list_tells_of_each_program_and_of_what_is_wrong_with_it() {
        let desk = Desk::new();
        desk.edit("welcome/program.toml", "title", "# For those who are <new>.\n\ntitle");
        desk.edit("occasional/touches/reading.md", "first_name", "frist_name");
        let page = desk.get("/programs").await;
        assert_eq!(page.status, 200);
        for part in [
            "<a href=\"/programs/welcome\">",
            "<span class=\"purpose\">For those who are &lt;new&gt;.</span>",
            "3 steps, 2 mails → <code>nurture</code>",
            "<span class=\"count odd\">1 to look at</span>",
            "<span class=\"count\">1 to fix</span>",
        ] {
            assert!(page.text.contains(part), "{part} in {}", page.text);
        }
    }

    #[tokio::test]
    async fn a_program_is_shown_with_its_calendar_its_chart_and_its_mails() {
        let desk = Desk::new();
        let page = desk.get("/programs/welcome").await.text;
        for part in [
            "<h1>Welcome</h1>",
            "<time datetime=\"2026-01-05T08:03:00Z\">Mon 5 Jan, 09:03</time>",
            "<a href=\"#mail-link\">“A guide for Analytical Engines Ltd”</a>",
            "ends</span><span>nothing is left to do → <a href=\"/programs/occasional\">occasional</a>",
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"chart\"",
            "<article id=\"mail-link\">",
            "sandbox=\"allow-same-origin allow-popups allow-popups-to-escape-sandbox\"",
            "Hi Ada,",
        ] {
            assert!(page.contains(part), "{part} in {page}");
        }
        assert!(!page.contains("class=\"banner\""), "all of it is in force");
    }

    #[tokio::test]
    async fn a_mail_that_several_steps_send_is_on_the_page_once() {
        let desk = Desk::new();
        let again = "[[step]]\nid = \"once-more\"\nkind = \"email\"\ntemplate = \"link\"\nafter = \"9d\"\n";
        desk.edit("welcome/program.toml", "[[step]]\nid = \"link\"", &format!("{again}\n[[step]]\nid = \"link\""));
        let page = desk.get("/programs/welcome").await.text;
        for part in [
            "<h2 id=\"mails\">2 mails</h2>",
            "of the step <code>once-more</code> · Wed 14 Jan 2026, 09:03",
            "Also of <code>link</code> (Thu 15 Jan 2026, 09:03).",
        ] {
            assert!(page.contains(part), "{part} in {page}");
        }
        assert_eq!(page.matches("<article id=\"mail-link\">").count(), 1);
        assert_eq!(page.matches("<a href=\"#mail-link\">").count(), 2, "both lines of the calendar lead to it");
        assert!(desk.get("/programs").await.text.contains("4 steps, 2 mails"));
    }

    #[tokio::test]
    async fn the_other_lead_is_a_link_away() {
        let desk = Desk::new();
        let page = desk.get("/programs/welcome?lead=unknown").await.text;
        assert!(page.contains("<a href=\"?lead=unknown\" aria-current=\"page\">"), "{page}");
        assert!(page.contains("Hi there,") && !page.contains("Hi Ada,"), "{page}");
        assert_eq!(desk.get("/programs/welcome?lead=nobody").await.status, 400);
    }

    #[tokio::test]
    async fn what_stands_in_a_file_is_text_on_the_page() {
        let desk = Desk::new();
        desk.edit("welcome/program.toml", "title = \"Welcome\"", "title = \"<script>alert(1)</script>\"");
        desk.edit("welcome/program.toml", "[[step]]\nid = \"link\"", ALERT_AND_LINK);
        desk.edit("welcome/touches/link.md", "A guide", "<b>A guide</b>");
        let page = desk.get("/programs/welcome").await.text;
        assert!(!page.contains("<script>") && !page.contains("<b>A guide") && !page.contains("<img"), "{page}");
        assert!(page.contains("<h1>&lt;script&gt;alert(1)&lt;&#x2f;script&gt;</h1>"), "{page}");
        assert!(page.contains("“&lt;img src=x&gt;”"), "in the chart: {page}");
    }

    const ALERT_AND_LINK: &str =
        "[[step]]\nid = \"moment\"\nkind = \"alert\"\nmessage = \"<img src=x>\"\n\n[[step]]\nid = \"link\"";

    #[tokio::test]
    async fn a_page_may_run_the_suites_script_and_no_other() {
        let desk = Desk::new();
        for path in ["/programs", "/programs/welcome"] {
            let page = desk.get(path).await;
            let policy = page.headers["content-security-policy"].to_str().unwrap();
            assert!(policy.contains("; script-src 'self'; connect-src 'self';"), "{policy}");
            assert!(policy.starts_with("default-src 'none'; ") && !policy.contains("unsafe"), "{policy}");
            assert!(!page.text.contains("<script>") && !page.text.contains("style="), "{}", page.text);
            let script = "<script src=\"/assets/programs.js\" data-stamp=\"";
            assert_eq!(page.text.matches(script).count(), 1, "{}", page.text);
        }
    }

    #[tokio::test]
    async fn a_mails_html_is_shown_as_it_is_sent_in_a_frame_that_runs_nothing() {
        let desk = Desk::new();
        let mail = desk.get("/programs/welcome/mails/link").await;
        assert!(mail.text.contains("<a href=\"https://www.perennial.example/guide\">this guide</a>"), "{}", mail.text);
        let policy = mail.headers["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("sandbox ") && policy.contains("default-src 'none'"), "{policy}");
        assert!(!policy.contains("script"), "the page may measure the mail, since the mail runs nothing: {policy}");
    }

    #[tokio::test]
    async fn a_program_with_mistakes_shows_them_with_their_place_and_what_to_do() {
        let desk = Desk::new();
        desk.edit("welcome/touches/response.md", "first_name | default", "frist_name | default");
        let page = desk.get("/programs/welcome").await;
        assert_eq!(page.status, 200);
        for part in [
            "<h1>Welcome</h1>",
            "<strong>What was in force stays in force</strong> until the mistake is mended.",
            "A template uses a field that is not declared.",
            "<code>perennial check --explain P017</code>",
            "P017",
            "`frist_name` is not declared in the catalog",
            "welcome&#x2f;touches&#x2f;response.md:5:7",
            "Hi {{ frist_name | default(&quot;there&quot;) }},",
            "<span class=\"number\">5</span>       ^^^^^^^^^^</span>",
            "did you mean `first_name`?",
        ] {
            assert!(page.text.contains(part), "{part} in {}", page.text);
        }
        assert!(!page.text.contains("<table"), "there is nothing to show of it");
        let other = desk.get("/programs/occasional").await.text;
        assert!(other.contains("<table") && other.contains("<a href=\"/programs\">1 to fix</a>"), "{other}");
    }

    #[tokio::test]
    async fn the_list_says_that_nothing_is_in_force_while_there_is_a_mistake_and_leads_to_each() {
        let desk = Desk::new();
        assert!(!desk.get("/programs").await.text.contains("class=\"banner\""), "a warning keeps nothing back");
        desk.edit("welcome/touches/response.md", "first_name |", "frist_name |");
        desk.edit("welcome/touches/link.md", "first_name |", "frist_name |");
        desk.edit("occasional/touches/reading.md", "first_name |", "frist_name |");
        let page = desk.get("/programs").await.text;
        let banner = "<strong>3 mistakes: what was in force stays in force.</strong> \
            They are in <a href=\"/programs/occasional#problems\">occasional</a>, \
            <a href=\"/programs/welcome#problems\">welcome</a>.";
        assert!(page.contains(banner), "{page}");
        assert!(page.contains("<span class=\"subject\">Welcome</span>"), "its title is kept: {page}");
        assert!(desk.get("/programs/welcome").await.text.contains("<h2 id=\"problems\">2 to fix"));
        desk.edit("catalog.toml", "default_queue = \"sdr\"", "default_queue = \"sales\"");
        let page = desk.get("/programs").await.text;
        assert!(page.contains("<a href=\"#problems\">catalog.toml</a>"), "{page}");
        assert!(page.contains("<h2 id=\"problems\">"), "{page}");
    }

    #[tokio::test]
    async fn a_file_that_is_not_utf_8_is_shown_like_any_mistake_until_it_is_mended() {
        let desk = Desk::new();
        let whole = fs::read_to_string(desk.directory.path().join("welcome/touches/link.md")).unwrap();
        let path = desk.directory.path().join("welcome/touches/link.md");
        fs::write(&path, b"+++\nsubject = \"Gr\xfc\xdfe\"\nfrom = \"rep\"\n+++\nHello.\n").unwrap();
        let page = desk.get("/programs/welcome").await;
        assert_eq!(page.status, 200);
        for part in ["P061", "welcome&#x2f;touches&#x2f;link.md:2:14", "Gr��e", "<h1>Welcome</h1>", "data-stamp=\""]
        {
            assert!(page.text.contains(part), "{part} in {}", page.text);
        }
        assert!(desk.get("/programs/occasional").await.text.contains("<table"), "the others are shown");
        let stamp = desk.get("/programs/stamp").await;
        assert_eq!(stamp.status, 200);
        fs::write(&path, whole).unwrap();
        assert_ne!(desk.get("/programs/stamp").await.text, stamp.text, "the page is told");
        assert!(desk.get("/programs/welcome").await.text.contains("<article id=\"mail-link\">"));
    }

    #[tokio::test]
    async fn where_the_catalog_is_wrong_each_page_says_so() {
        let desk = Desk::new();
        desk.edit("catalog.toml", "default_queue = \"sdr\"", "default_queue = \"sales\"");
        for path in ["/programs", "/programs/welcome"] {
            assert!(desk.get(path).await.text.contains("`sales` is not a queue"), "{path}");
        }
    }

    #[tokio::test]
    async fn what_is_not_there_is_not_found() {
        let desk = Desk::new();
        for path in [
            "/programs/nurture",
            "/programs/Welcome",
            "/programs/..%2Fwelcome",
            "/programs/welcome/mails/reading",
            "/programs/welcome/mails/link/link",
            "/programs/nurture/mails/link",
        ] {
            assert_eq!(desk.get(path).await.status, 404, "{path}");
        }
        assert_eq!(World::new().get("/programs").await.status, 404, "a suite without a directory");
    }

    #[tokio::test]
    async fn the_stamp_changes_with_the_files_and_only_with_them() {
        let desk = Desk::new();
        let stamp = desk.get("/programs/stamp").await.text;
        assert_eq!(desk.get("/programs/stamp").await.text, stamp);
        assert!(desk.get("/programs/welcome").await.text.contains(&format!("data-stamp=\"{stamp}\"")));
        desk.edit("welcome/touches/link.md", "Does it help?", "Useful?");
        let changed = desk.get("/programs/stamp").await.text;
        assert_ne!(changed, stamp);
        let page = desk.get("/programs/welcome").await.text;
        assert!(page.contains("Useful?") && page.contains(&changed), "{page}");
    }

    #[tokio::test]
    async fn a_directory_that_is_gone_is_an_error_and_can_come_back() {
        let desk = Desk::new();
        let path = desk.directory.path();
        let aside = path.with_extension("aside");
        fs::rename(path, &aside).unwrap();
        for page in ["/programs", "/programs/welcome"] {
            let page = desk.get(page).await;
            assert_eq!(page.status, 500);
            assert!(page.text.contains("the programs cannot be read: cannot read "), "{}", page.text);
            let script = "<script src=\"/assets/programs.js\" data-stamp=\"\" defer></script>";
            assert!(page.text.contains(script), "it asks again: {}", page.text);
        }
        fs::rename(&aside, path).unwrap();
        assert_eq!(desk.get("/programs").await.status, 200);
    }

    #[tokio::test]
    async fn a_program_whose_folder_is_renamed_is_waited_for() {
        let desk = Desk::new();
        let (here, there) = (desk.directory.path().join("welcome"), desk.directory.path().join("hello"));
        fs::rename(&here, &there).unwrap();
        let page = desk.get("/programs/welcome").await;
        assert_eq!(page.status, 404);
        assert!(page.text.contains("data-stamp=\"\"") && page.text.contains("href=\"/programs\""), "{}", page.text);
        fs::rename(&there, &here).unwrap();
        assert_eq!(desk.get("/programs/welcome").await.status, 200);
    }

    #[tokio::test]
    async fn the_pages_are_only_read() {
        let desk = Desk::new();
        let request = axum::http::Request::builder().method(Method::POST).uri("/programs/welcome");
        let answer = desk.world.ask(request.body(axum::body::Body::empty()).unwrap()).await;
        assert_eq!(answer.status, 405);
    }
}

//! Takes in a list of dispositions: reads, maps, hands over, writes down.
//!
//! **Invariant:** a row goes through the same use-case as what a CRM tells, under an identity of its own, so that a second
//! run changes nothing; and rows of one lead are taken in the order of the file.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::path::PathBuf;

use futures::future::join_all;
use miette::Diagnostic;
use perennial_app::crm::{Bridge, Earnest, Reported, TakeError, Taken, Unchanged};
use perennial_app::desk::DisposeError;
use perennial_app::error_chain::ErrorChain;
use perennial_app::library::LibraryError;
use perennial_core::ids::LeadId;
use thiserror::Error;

use super::mapping::{DispositionsToml, MappedDisposition, Mapping};
use crate::import::list::{self, ListError};
use crate::import::reader::{Next, Row, RowReader};
use crate::import::result_file::{ResultFile, ResultFileError, path_for};
use crate::import::{Refusal, RefusedRow};

/// How many rows are handed over at once.
const ROWS_AT_ONCE: usize = 16;

/// What to take in, and how.
#[derive(Debug, Clone, clap::Args)]
pub struct DispositionsArgs {
    /// The list: a CSV file.
    pub file: PathBuf,
    /// The map: which column says what (docs/examples).
    #[arg(long)]
    pub map: PathBuf,
    /// Changes nothing: says what each row would do, to its lead as it is now.
    #[arg(long)]
    pub dry_run: bool,
}

/// Why a list was not taken in, or not to its end.
#[derive(Debug, Error, Diagnostic)]
pub enum DispositionsError {
    /// The list or its map cannot be read.
    #[error(transparent)]
    #[diagnostic(transparent)]
    List(#[from] ListError),
    /// There are no programs to go by.
    #[error(transparent)]
    Library(#[from] LibraryError),
    /// The result file cannot be written.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Result(#[from] ResultFileError),
    /// A row could not be handed over.
    #[error("stopped at line {line}: the store did not take it; what stands before is taken in")]
    #[diagnostic(help("run the same import again: what is taken in stays as it is"))]
    HandOver {
        /// The line of the row.
        line: u64,
        /// What happened.
        #[source]
        source: DisposeError,
    },
}

/// What became of the rows of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    list: String,
    earnest: Earnest,
    outcomes: BTreeMap<RowOutcome, u64>,
    refused: BTreeMap<String, u64>,
    windows_1252_rows: u64,
    result_file: PathBuf,
}

impl Summary {
    /// Whether a row was not taken in.
    pub fn has_refused(&self) -> bool {
        !self.refused.is_empty()
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows: u64 = self.outcomes.values().sum();
        let tried = match self.earnest {
            Earnest::Done => "",
            Earnest::Tried => " (tried only: nothing was changed)",
        };
        writeln!(f, "{}: {rows} rows{tried}", self.list)?;
        for (outcome, rows) in &self.outcomes {
            writeln!(f, "  {:<12}{rows:>9}", outcome.as_str())?;
        }
        for (reason, rows) in &self.refused {
            writeln!(f, "    {reason}: {rows}")?;
        }
        if self.windows_1252_rows > 0 {
            writeln!(f, "{} rows are not UTF-8 and were read as Windows-1252", self.windows_1252_rows)?;
        }
        writeln!(f, "each row's outcome: {}", self.result_file.display())
    }
}

/// What became of one row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum RowOutcome {
    /// Its lead changed.
    Taken,
    /// It says that nobody has done anything yet.
    Nothing,
    /// It was taken in before, or is so already.
    Known,
    /// Something later is known of its lead.
    Late,
    /// It was not taken in.
    Refused,
}

impl RowOutcome {
    const ALL: [Self; 5] = [Self::Taken, Self::Nothing, Self::Known, Self::Late, Self::Refused];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Taken => "taken",
            Self::Nothing => "nothing",
            Self::Known => "known",
            Self::Late => "late",
            Self::Refused => "refused",
        }
    }

    const fn of(taken: Taken) -> Self {
        match taken {
            Taken::Now => Self::Taken,
            Taken::Unchanged(Unchanged::Nothing) => Self::Nothing,
            Taken::Unchanged(Unchanged::Before) => Self::Known,
            Taken::Unchanged(Unchanged::Late) => Self::Late,
        }
    }
}

/// Takes in a list through `bridge`, with a progress bar where a person is watching.
///
/// # Errors
/// What is wrong with the map or the file, before any row is taken in; later only what the store and the file system say.
/// A row that cannot be used is no error: it is counted, and named in the result file.
pub async fn run(bridge: &Bridge, args: &DispositionsArgs) -> Result<Summary, DispositionsError> {
    let (map, file) = list::open::<DispositionsToml>(&args.map, &args.file)?;
    let mut reader = RowReader::open(file, map.csv_format()).map_err(ListError::from)?;
    let catalog = bridge.desk.library.catalog().await?;
    let mapping = Mapping::bind(map, reader.header(), &catalog).map_err(ListError::from)?;
    let earnest = if args.dry_run { Earnest::Tried } else { Earnest::Done };
    let mut importer = Importer::new(bridge, &mapping, earnest, ResultFile::create(path_for(&args.file))?);
    let mut row = Row::default();
    loop {
        let next = reader.read(&mut row).map_err(|source| ListError::Read { line: row.line(), source })?;
        match next {
            Next::Row => importer.take(&row).await?,
            Next::Refused(refused) => importer.push(refused.line, Err(refused.reason)).await?,
            Next::End => break,
        }
    }
    importer.finish(reader.windows_1252_rows()).await
}

/// Takes rows one by one and hands them over a few at a time.
struct Importer<'d> {
    bridge: &'d Bridge,
    mapping: &'d Mapping,
    earnest: Earnest,
    /// Rows on their way, in the order of the file. One that says nothing has no disposition.
    batch: Vec<(u64, Result<Option<Reported>, Refusal>)>,
    /// Their leads: no two rows of one lead are on their way together.
    leads: HashSet<LeadId>,
    outcomes: BTreeMap<RowOutcome, u64>,
    refused: BTreeMap<String, u64>,
    results: ResultFile,
}

impl<'d> Importer<'d> {
    fn new(bridge: &'d Bridge, mapping: &'d Mapping, earnest: Earnest, results: ResultFile) -> Self {
        Self {
            bridge,
            mapping,
            earnest,
            batch: Vec::with_capacity(ROWS_AT_ONCE),
            leads: HashSet::with_capacity(ROWS_AT_ONCE),
            outcomes: RowOutcome::ALL.map(|outcome| (outcome, 0)).into(),
            refused: BTreeMap::new(),
            results,
        }
    }

    async fn take(&mut self, row: &Row) -> Result<(), DispositionsError> {
        let said = match self.mapping.map(row, &self.bridge.desk.pepper) {
            Ok(said) => said.map(reported),
            Err(RefusedRow { line, reason }) => return self.push(line, Err(reason)).await,
        };
        if let Some(reported) = &said {
            if self.leads.contains(&reported.lead) {
                self.hand_over().await?;
            }
            self.leads.insert(reported.lead.clone());
        }
        self.push(row.line(), Ok(said)).await
    }

    async fn push(&mut self, line: u64, row: Result<Option<Reported>, Refusal>) -> Result<(), DispositionsError> {
        self.batch.push((line, row));
        if self.batch.len() < ROWS_AT_ONCE { Ok(()) } else { self.hand_over().await }
    }

    /// Hands the rows over that are on their way, all at once, and writes down what became of them.
    async fn hand_over(&mut self) -> Result<(), DispositionsError> {
        self.leads.clear();
        let (bridge, earnest) = (self.bridge, self.earnest);
        let handed_over = self.batch.drain(..).map(|(line, row)| async move {
            let outcome = match row {
                Ok(Some(reported)) => outcome(bridge.take_in(&reported, earnest).await),
                Ok(None) => Ok(Ok(RowOutcome::Nothing)),
                Err(reason) => Ok(Err(reason)),
            };
            (line, outcome)
        });
        for (line, outcome) in join_all(handed_over).await {
            let outcome = outcome.map_err(|source| DispositionsError::HandOver { line, source })?;
            self.write_down(line, outcome)?;
        }
        Ok(())
    }

    fn write_down(&mut self, line: u64, outcome: Result<RowOutcome, Refusal>) -> Result<(), DispositionsError> {
        let (outcome, reason) = match outcome {
            Ok(outcome) => (outcome, String::new()),
            Err(reason) => {
                *self.refused.entry(reason.kind()).or_default() += 1;
                (RowOutcome::Refused, reason.to_string())
            }
        };
        *self.outcomes.entry(outcome).or_default() += 1;
        self.results.write(line, outcome.as_str(), &reason)?;
        Ok(())
    }

    async fn finish(mut self, windows_1252_rows: u64) -> Result<Summary, DispositionsError> {
        self.hand_over().await?;
        Ok(Summary {
            list: self.mapping.list().to_string(),
            earnest: self.earnest,
            outcomes: self.outcomes,
            refused: self.refused,
            windows_1252_rows,
            result_file: self.results.finish()?,
        })
    }
}

fn reported(said: MappedDisposition) -> Reported {
    Reported {
        id: format!("list/{}", said.identity),
        lead: said.lead,
        meaning: said.meaning,
        is_status: true,
        details: said.details,
        note: said.note,
        happened_at: said.happened_at,
    }
}

/// What a row did, or why it did nothing; an error where nobody can say.
fn outcome(taken: Result<Taken, TakeError>) -> Result<Result<RowOutcome, Refusal>, DisposeError> {
    let refusal = match taken {
        Ok(taken) => return Ok(Ok(RowOutcome::of(taken))),
        Err(TakeError::Lacking(lacking)) => Refusal::Lacking(lacking),
        Err(TakeError::Future) => Refusal::NotYet,
        Err(TakeError::UnknownLead) => Refusal::UnknownLead,
        Err(TakeError::Dispose(DisposeError::Refused(refusal))) => Refusal::Outcome(refusal),
        Err(TakeError::Dispose(DisposeError::NoteTooLong)) => Refusal::NoteTooLong,
        // What a row says is in its key, so the same key says the same.
        Err(TakeError::Dispose(DisposeError::KeyReused)) => return Ok(Ok(RowOutcome::Known)),
        Err(TakeError::Dispose(error)) if error.is_of_one_lead() => {
            Refusal::NotSaved { problem: ErrorChain(&error).to_string() }
        }
        Err(TakeError::Dispose(
            error @ (DisposeError::NotTheirs
            | DisposeError::Late
            | DisposeError::NoNote
            | DisposeError::NoSuchOwner
            | DisposeError::Library(_)
            | DisposeError::React(_)
            | DisposeError::Store(_)),
        )) => return Err(error),
    };
    Ok(Err(refusal))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;
    use std::sync::Arc;

    use miette::{GraphicalReportHandler, GraphicalTheme};
    use perennial_app::desk::Desk;
    use perennial_app::ingest::Door;
    use perennial_app::library::Library;
    use perennial_app::memory::{MemoryStore, SettableClock};
    use perennial_app::ports::Store;
    use perennial_app::programs;
    use perennial_app::report::audit;
    use perennial_aws::clients::Clients;
    use perennial_aws::dynamo::{DynamoStore, table};
    use perennial_core::contact::EmailAddress;
    use perennial_core::ids::Pepper;
    use perennial_core::lead::{Lead, LifecycleStage};
    use perennial_core::policy::TurnbackReason;
    use perennial_local::store_file::StoreFile;
    use perennial_local::suite::LEAD_TABLE;
    use tempfile::TempDir;

    use super::*;
    use crate::import::{self, ImportArgs};

    const HUBSPOT: &str = include_str!("../../../../docs/examples/hubspot-dispositions.toml");
    const SALESFORCE: &str = include_str!("../../../../docs/examples/salesforce-dispositions.toml");
    const X_EDUCATION: &str = include_str!("../../../../docs/examples/x-education-dispositions.toml");

    /// A deployment in memory with the shipped programs, some leads in it, and a list about them.
    struct Story {
        store: Arc<dyn Store>,
        bridge: Bridge,
        directory: TempDir,
    }

    impl Story {
        async fn new(names: &[&str], map: &str, list: &str) -> Self {
            Self::on(Arc::new(MemoryStore::default()), names, map, list).await
        }

        async fn on(store: Arc<dyn Store>, names: &[&str], map: &str, list: &str) -> Self {
            let directory = tempfile::tempdir().unwrap();
            let write = |name: &str, text: &str| fs::write(directory.path().join(name), text).unwrap();
            write("map.toml", map);
            write("list.csv", list);
            write(
                "leads.csv",
                &format!("Email\n{}\n", names.iter().map(|name| address(name)).collect::<Vec<_>>().join("\n")),
            );
            write("leads.toml", "form = 'list'\nlist = 'leads'\n[fields]\nemail = 'Email'");
            let programs_directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../programs");
            let catalog = Arc::new(programs::load(&programs_directory).unwrap().0.unwrap());
            let door = Door {
                store: store.clone(),
                library: Arc::new(Library::fixed(catalog)),
                pepper: Pepper::new([7; 32]),
                clock: Arc::new(SettableClock::new("2026-03-02T09:00:00Z".parse().unwrap())),
            };
            let path = |name| directory.path().join(name);
            let args = ImportArgs { file: path("leads.csv"), map: path("leads.toml"), no_welcome: false };
            import::run(&door, &args).await.unwrap();
            let Door { store: kept, library, pepper, clock } = door;
            Self { store, bridge: Bridge { desk: Desk { store: kept, library, pepper, clock } }, directory }
        }

        async fn take_in(&self, earnest: Earnest) -> Result<Summary, DispositionsError> {
            let path = |name| self.directory.path().join(name);
            let dry_run = earnest == Earnest::Tried;
            run(&self.bridge, &DispositionsArgs { file: path("list.csv"), map: path("map.toml"), dry_run }).await
        }

        /// What is printed and written, without the directory.
        async fn told(&self, earnest: Earnest) -> String {
            let summary = self.take_in(earnest).await.unwrap();
            let results = fs::read_to_string(&summary.result_file).unwrap();
            format!("{summary}{results}").replace(&self.directory.path().display().to_string(), "")
        }

        async fn problems(&self) -> String {
            let error = self.take_in(Earnest::Done).await.unwrap_err();
            let mut text = String::new();
            let handler = GraphicalReportHandler::new_themed(GraphicalTheme::none()).with_width(120);
            handler.render_report(&mut text, &error).unwrap();
            let text = import::printed(&text);
            text.replace(&self.directory.path().display().to_string(), "")
        }

        fn id(&self, name: &str) -> LeadId {
            LeadId::of_email(&self.bridge.desk.pepper, &EmailAddress::parse(&address(name)).unwrap())
        }

        async fn lead(&self, name: &str) -> Lead {
            self.store.load(&self.id(name)).await.unwrap().unwrap().lead
        }

        async fn notes(&self, name: &str) -> Vec<String> {
            let stored = self.store.load(&self.id(name)).await.unwrap().unwrap();
            stored.profile.notes.into_iter().map(|note| note.text).collect()
        }

        async fn assert_sound(&self) {
            let audit = audit(self.store.as_ref(), self.bridge.desk.clock.now()).await.unwrap();
            assert!(audit.ok, "{:?}", audit.violations);
        }
    }

    fn address(name: &str) -> String {
        format!("{name}@fair.example")
    }

    #[tokio::test]
    async fn a_lead_that_does_not_read_back_is_counted_and_keeps_no_other_row_waiting() {
        let file = StoreFile::memory().unwrap();
        let client = Clients::loopback(file.dynamodb()).dynamodb();
        table::create(&client, LEAD_TABLE).await.unwrap();
        let list = "\
Record ID,Email,Lead Status,Last Note,Last Modified Date,Follow-up Date
1,ada@fair.example,Connected,,2026-03-01 10:00,
2,ben@fair.example,Connected,,2026-03-01 10:00,
3,cat@fair.example,Connected,,2026-03-01 10:00,
";
        let kept = Arc::new(DynamoStore::new(client.clone(), LEAD_TABLE));
        let story = Story::on(kept, &["ada", "ben", "cat"], HUBSPOT, list).await;
        let items = client.scan().table_name(LEAD_TABLE).send().await.unwrap().items.unwrap();
        let state_of = format!("LEAD#{}", story.id("ben"));
        let bens = items.into_iter().find(|item| {
            let is = |name: &str, value: &str| item[name].as_s().is_ok_and(|text| text == value);
            is("PK", &state_of) && is("SK", "STATE")
        });
        let mut bens = bens.unwrap();
        bens.remove("lead").unwrap();
        client.put_item().table_name(LEAD_TABLE).set_item(Some(bens)).send().await.unwrap();
        let told = story.told(Earnest::Done).await;
        assert!(told.contains("  taken               2\n") && told.contains("    not_saved: 1\n"), "{told}");
        assert!(told.contains("\n2,taken,\n") && told.contains("\n4,taken,\n"), "{told}");
        let bens = told.lines().find(|line| line.starts_with("3,refused,")).unwrap();
        assert!(bens.contains(&state_of) && !bens.contains("fair.example"), "{bens}");
    }

    const HUBSPOT_LIST: &str = "\
Record ID,Email,Lead Status,Last Note,Last Modified Date,Follow-up Date
1,ada@fair.example,New,,2026-03-01 10:00,
2,ben@fair.example,Attempted to Contact,,2026-03-01 10:00,
3,cat@fair.example,CONNECTED,wants a call,2026-03-01 10:00,
4,dee@fair.example,In Progress,,2026-03-01 10:00,
5,eve@fair.example,Open Deal,,2026-03-01 10:00,
6,fay@fair.example,Bad Timing,after the summer,2026-03-01 10:00,2026-09-01
7,gus@fair.example,Unqualified,,2026-03-01 10:00,
8,hal@fair.example,No Budget,,2026-03-01 10:00,
9,ian@fair.example,canary status,canary note,2026-03-01 10:00,
10,nobody@fair.example,Connected,,2026-03-01 10:00,
11,canary,Connected,,2026-03-01 10:00,
12,jon@fair.example,,,2026-03-01 10:00,
13,jon@fair.example,Connected,,2027-03-01 10:00,
14,jon@fair.example,closedwon,,2026-03-01 10:00,
15,jon@fair.example,Bad Timing,,2026-02-01 10:00,
16,jon@fair.example,Bad Timing,,\"canary,
";

    const NAMES: [&str; 10] = ["ada", "ben", "cat", "dee", "eve", "fay", "gus", "hal", "ian", "jon"];

    #[tokio::test]
    async fn every_row_of_hubspots_statuses_has_an_outcome_and_what_nobody_knows_is_no_guess() {
        let story = Story::new(&NAMES, HUBSPOT, HUBSPOT_LIST).await;
        let told = story.told(Earnest::Done).await;
        assert!(!told.contains("canary") && !told.contains("fair.example"));
        insta::assert_snapshot!(told, @r#"
        hubspot-status: 16 rows
          taken               8
          nothing             2
          known               0
          late                1
          refused             5
            future_date: 1
            no_lead: 1
            stray_quote: 1
            unknown_lead: 1
            unknown_status: 1
        each row's outcome: /list.csv.result.csv
        line,outcome,reason
        2,nothing,
        3,taken,
        4,taken,
        5,taken,
        6,taken,
        7,taken,
        8,taken,
        9,taken,
        10,refused,"nothing says what this status means: add it to the words of the map, or to the CRM's in catalog.toml"
        11,refused,no such lead is known here
        12,refused,the row names no lead: neither an address nor an id can be read in it
        13,nothing,
        14,refused,what the row says lies in the future
        15,taken,
        16,late,
        17,refused,"a quote in the row is not closed, or a quote inside a quoted cell is not doubled"
        "#);
        let mut stages = Vec::new();
        for name in NAMES {
            stages.push((name, story.lead(name).await.stage));
        }
        assert_eq!(
            stages,
            [
                ("ada", LifecycleStage::Inquiry),
                ("ben", LifecycleStage::Inquiry),
                ("cat", LifecycleStage::Sal),
                ("dee", LifecycleStage::Sal),
                ("eve", LifecycleStage::Sql),
                ("fay", LifecycleStage::Recycled),
                ("gus", LifecycleStage::Disqualified),
                ("hal", LifecycleStage::Recycled),
                ("ian", LifecycleStage::Inquiry),
                ("jon", LifecycleStage::Customer),
            ]
        );
        assert_eq!(story.lead("ben").await.cycle.attempts, 1);
        let fay = story.lead("fay").await;
        assert_eq!(fay.turnback.as_ref().unwrap().reason, TurnbackReason::Timing);
        assert_eq!(fay.turnback.unwrap().sales_from.to_string(), "2026-08-02T07:00:00Z");
        assert_eq!(fay.disposed_at, Some("2026-03-01T09:00:00Z".parse().unwrap()));
        assert_eq!(story.notes("fay").await, ["after the summer"]);
        assert_eq!(story.lead("hal").await.turnback.unwrap().reason, TurnbackReason::NoBudget);
        story.assert_sound().await;
    }

    #[tokio::test]
    async fn a_second_run_changes_nothing_and_a_dry_run_changes_nothing_at_all() {
        let story = Story::new(&NAMES, HUBSPOT, HUBSPOT_LIST).await;
        let mut before = Vec::new();
        for name in NAMES {
            before.push(story.lead(name).await);
        }
        let tried = story.take_in(Earnest::Tried).await.unwrap();
        for (name, before) in NAMES.into_iter().zip(&before) {
            assert_eq!(&story.lead(name).await, before);
        }
        // Each row is tried on its lead as it is: the last one's lead has not been won yet.
        assert_eq!(
            tried.outcomes,
            BTreeMap::from([
                (RowOutcome::Taken, 9),
                (RowOutcome::Nothing, 2),
                (RowOutcome::Known, 0),
                (RowOutcome::Late, 0),
                (RowOutcome::Refused, 5),
            ])
        );
        let first = story.take_in(Earnest::Done).await.unwrap();
        let mut after = Vec::new();
        for name in NAMES {
            after.push(story.lead(name).await);
        }
        let second = story.take_in(Earnest::Done).await.unwrap();
        for (name, after) in NAMES.into_iter().zip(&after) {
            assert_eq!(&story.lead(name).await, after);
        }
        assert_eq!(second.outcomes[&RowOutcome::Taken], 0);
        assert_eq!(second.outcomes[&RowOutcome::Known], first.outcomes[&RowOutcome::Taken]);
        assert_eq!(second.refused, first.refused);
    }

    #[tokio::test]
    async fn a_status_that_changes_is_a_new_disposition_and_an_older_list_takes_nothing_back() {
        let row = |status: &str, note: &str, day: u32| {
            format!(
                "Record ID,Email,Lead Status,Last Note,Last Modified Date,Follow-up Date\n1,ada@fair.example,{status},{note},2026-02-{day:02} 10:00,\n"
            )
        };
        let story = Story::new(&["ada"], HUBSPOT, &row("Bad Timing", "later", 20)).await;
        story.take_in(Earnest::Done).await.unwrap();
        let back = story.lead("ada").await;
        let list = |text: String| fs::write(story.directory.path().join("list.csv"), text).unwrap();
        // Something else of the record changed: the same status, told again, sends nobody through the program anew.
        list(row("Bad Timing", "later still", 21));
        story.take_in(Earnest::Done).await.unwrap();
        let told_again = story.lead("ada").await;
        assert_eq!((&told_again.enrolment, &told_again.turnback), (&back.enrolment, &back.turnback));
        assert_eq!(story.notes("ada").await, ["later", "later still"]);
        list(row("In Progress", "", 22));
        story.take_in(Earnest::Done).await.unwrap();
        assert_eq!(story.lead("ada").await.stage, LifecycleStage::Sal);
        assert_eq!(story.lead("ada").await.cycle.number, 2);
        list(row("Unqualified", "", 19));
        let late = story.take_in(Earnest::Done).await.unwrap();
        assert_eq!(late.outcomes[&RowOutcome::Late], 1);
        assert_eq!(story.lead("ada").await.stage, LifecycleStage::Sal);
        story.assert_sound().await;
    }

    #[tokio::test]
    async fn salesforces_statuses_and_reasons_of_ones_own_are_understood() {
        let list = "\
Lead ID,Email,Lead Status,Closed Reason,Last Modified,Revisit Date
00Q1,ada@fair.example,Open - Not Contacted,,2/20/2026 9:00 AM,
00Q2,ben@fair.example,Working - Contacted,,2/20/2026 9:00 AM,
00Q3,cat@fair.example,Closed - Converted,,2/20/2026 9:00 AM,
00Q4,dee@fair.example,Closed - Not Converted,,2/20/2026 9:00 AM,
00Q5,eve@fair.example,Closed - Not Converted,Not Now,2/20/2026 9:00 AM,9/1/2026
00Q6,fay@fair.example,Closed - Not Converted,Student,2/20/2026,
00Q7,gus@fair.example,Closed - Not Converted,Unresponsive,20.2.2026,
";
        let story = Story::new(&NAMES, SALESFORCE, list).await;
        insta::assert_snapshot!(story.told(Earnest::Done).await, @r"
        salesforce-status: 7 rows
          taken               5
          nothing             1
          known               0
          late                0
          refused             1
            no_date: 1
        each row's outcome: /list.csv.result.csv
        line,outcome,reason
        2,nothing,
        3,taken,
        4,taken,
        5,taken,
        6,taken,
        7,taken,
        8,refused,the column `Last Modified` holds no date in the format of the map
        ");
        let reason = |lead: Lead| lead.turnback.map(|turnback| turnback.reason);
        assert_eq!(story.lead("ben").await.stage, LifecycleStage::Sal);
        assert_eq!(story.lead("cat").await.stage, LifecycleStage::Sql);
        assert_eq!(reason(story.lead("dee").await), Some(TurnbackReason::Other));
        assert_eq!(reason(story.lead("eve").await), Some(TurnbackReason::Timing));
        assert_eq!(story.lead("fay").await.stage, LifecycleStage::Disqualified);
        story.assert_sound().await;
    }

    #[tokio::test]
    async fn what_reps_wrote_freely_is_understood_and_a_column_that_knows_better_wins() {
        let rows = [
            ("1", "Ringing", "0"),
            ("2", "Ringing", "1"),
            ("3", "", "0"),
            ("4", "", "1"),
            ("5", "Interested  in full time MBA", "0"),
            ("6", "Closed by Horizzon", "0"),
            ("7", "Will revert after reading the email", "0"),
            ("8", "Select", "0"),
            ("9", "University not recognized", "0"),
        ];
        let row = |(id, tag, converted): &(&str, &str, &str)| format!("{id},{tag},{converted}\n");
        let list = format!("Prospect ID,Tags,Converted\n{}", rows.iter().map(row).collect::<String>());
        let map = X_EDUCATION.replace("@x-education.example", "@fair.example");
        let names: Vec<&str> = rows.iter().map(|(id, ..)| *id).collect();
        let story = Story::new(&names, &map, &list).await;
        let summary = story.take_in(Earnest::Done).await.unwrap();
        assert_eq!((summary.outcomes[&RowOutcome::Taken], summary.outcomes[&RowOutcome::Nothing]), (7, 2));
        let mut stages = Vec::new();
        for name in names {
            let lead = story.lead(name).await;
            stages.push((lead.stage, lead.turnback.map(|turnback| turnback.reason)));
        }
        assert_eq!(
            stages,
            [
                (LifecycleStage::Recycled, Some(TurnbackReason::NoResponse)),
                (LifecycleStage::Customer, None),
                (LifecycleStage::Inquiry, None),
                (LifecycleStage::Customer, None),
                (LifecycleStage::Recycled, Some(TurnbackReason::ProductMismatch)),
                (LifecycleStage::Recycled, Some(TurnbackReason::ClosedLost)),
                (LifecycleStage::Sal, None),
                (LifecycleStage::Inquiry, None),
                (LifecycleStage::Disqualified, None),
            ]
        );
        story.assert_sound().await;
    }

    #[tokio::test]
    async fn leads_can_be_named_by_their_id_and_answers_that_do_not_hold_by_their_fields() {
        let map = "list = 'x'\nlead = 'Lead'\nstatus = 'Status'\nfields = 'Wrong'\n\
                   [words]\ncall_back = ['Call']\n[words.turned_back]\nbad_answers = ['Wrong']\n[date]\ncolumn = 'When'";
        let story = Story::new(&["ada", "ben"], map, "").await;
        let (ada, ben) = (story.id("ada"), story.id("ben"));
        let list = format!(
            "Lead,Status,Wrong,When\n{ada},Wrong,\"company, city\",\n{ben},Wrong,,\n{ben},Wrong,shoe_size,\n\
             {ben},Call,,2026-03-04\n{ben},Call,,\n{ben},Call,,2025-03-04 10:00\n{ben},Call,,soon\n"
        );
        fs::write(story.directory.path().join("list.csv"), list).unwrap();
        insta::assert_snapshot!(story.told(Earnest::Done).await, @r"
        x: 7 rows
          taken               2
          nothing             0
          known               0
          late                0
          refused             5
            date_passed: 1
            fields_missing: 1
            no_date: 2
            unknown_field: 1
        each row's outcome: /list.csv.result.csv
        line,outcome,reason
        2,taken,
        3,refused,`bad_answers` needs the fields whose answers do not hold
        4,refused,the row names a field that catalog.toml does not declare
        5,taken,
        6,refused,`call_back` needs a date
        7,refused,the date is over
        8,refused,the column `When` holds no date in the format of the map
        ");
        assert_eq!(story.lead("ada").await.turnback.unwrap().reason, TurnbackReason::BadAnswers);
    }

    #[tokio::test]
    async fn everything_that_does_not_fit_is_reported_at_once() {
        let map = "list = 'x'\ncrm = 'hubsopt'\nstatus = 'Status'\n[words]\nwun = ['Won']\ncalled = []\n\
                   turned_back = ['Back']\n[words.disqualified]\ntimming = ['Later']\n[words.turned_back2]\nx = []";
        insta::assert_snapshot!(Story::new(&[], map, "Lead status\n").await.problems().await, @r#"
          x the map cannot be used
          help: the columns are `Lead status`

          x neither `email` nor `lead` says whose row it is
           ,-[/map.toml:1:8]
         1 | list = 'x'
           :        ^^^
         2 | crm = 'hubsopt'
           `----
          help: add `email = "…"`, or `lead = "…"` for a column with ids of this suite

          x the catalog has no CRM of this name
           ,-[/map.toml:2:7]
         1 | list = 'x'
         2 | crm = 'hubsopt'
           :       ^^^^^^^^^
         3 | status = 'Status'
           `----
          help: did you mean `hubspot`?

          x the list has no column `Status`
           ,-[/map.toml:3:10]
         2 | crm = 'hubsopt'
         3 | status = 'Status'
           :          ^^^^^^^^
         4 | [words]
           `----

          x `wun` is no outcome
           ,-[/map.toml:5:1]
         4 | [words]
         5 | wun = ['Won']
           : ^^^
         6 | called = []
           `----
          help: the outcomes are `nothing`, `accepted`, `no_answer`, `left_voicemail`, `busy`, `wrote`, `connected`,
                `call_back`, `meeting_booked`, `wrong_person`, `bad_number`, `do_not_call`, `qualified`, `existing_customer`,
                `won`, `lost`, `turned_back`, `disqualified`

          x `called` is no outcome
           ,-[/map.toml:6:1]
         5 | wun = ['Won']
         6 | called = []
           : ^^^^^^
         7 | turned_back = ['Back']
           `----
          help: the outcomes are `nothing`, `accepted`, `no_answer`, `left_voicemail`, `busy`, `wrote`, `connected`,
                `call_back`, `meeting_booked`, `wrong_person`, `bad_number`, `do_not_call`, `qualified`, `existing_customer`,
                `won`, `lost`, `turned_back`, `disqualified`

          x `turned_back` is no outcome without a reason
           ,-[/map.toml:7:1]
         6 | called = []
         7 | turned_back = ['Back']
           : ^^^^^^^^^^^
         8 | [words.disqualified]
           `----
          help: write a list for each reason, as in `timing = ["…"]`

          x `timming` is no reason
            ,-[/map.toml:9:1]
          8 | [words.disqualified]
          9 | timming = ['Later']
            : ^^^^^^^
         10 | [words.turned_back2]
            `----
          help: the reasons are `not_a_fit`, `competitor_employee`, `student_or_personal`, `job_seeker`, `vendor_pitch`,
                `ineligible`

          x `turned_back2` is no outcome
            ,-[/map.toml:10:8]
          9 | timming = ['Later']
         10 | [words.turned_back2]
            :        ^^^^^^^^^^^^
         11 | x = []
            `----
          help: did you mean `turned_back`?
        "#);
    }

    #[tokio::test]
    async fn a_lead_is_named_in_one_way_and_every_word_has_one_meaning() {
        let map = "list = 'x'\nemail = 'a'\nlead = 'a'\nstatus = 'a'\n[words]\nwon = ['Done']\nlost = ['DONE']";
        insta::assert_snapshot!(Story::new(&[], map, "a\n").await.problems().await, @r"
          x the map cannot be used

          x a row names its lead either by `email` or by `lead`
           ,-[/map.toml:3:8]
         2 | email = 'a'
         3 | lead = 'a'
           :        ^^^
         4 | status = 'a'
           `----
          help: leave one of them out

          x `Done` has a meaning already
           ,-[/map.toml:6:8]
         5 | [words]
         6 | won = ['Done']
           :        ^^^^^^
         7 | lost = ['DONE']
           `----
          help: leave it in one of the lists
        ");
        let map = "list = 'x'\nemail = 'a'\nstatus = 'a'";
        insta::assert_snapshot!(Story::new(&[], map, "a\n").await.problems().await, @r#"
          x the map cannot be used

          x nothing says what the words of this column mean
           ,-[/map.toml:3:10]
         2 | email = 'a'
         3 | status = 'a'
           :          ^^^
           `----
          help: name a CRM of catalog.toml by `crm = "…"`, or say under `[words]` what they mean
        "#);
    }
}

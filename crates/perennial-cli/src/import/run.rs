//! Runs an import: reads, maps, hands over, writes down.
//!
//! **Invariant:** a row goes through the same door as a form post, under an identity of its own, so
//! that a second run changes nothing; and rows of one lead are taken in the order of the file.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::io::{self, Read};
use std::path::PathBuf;

use futures::future::join_all;
use ingest_lead::disposable::is_disposable;
use jiff::Timestamp;
use miette::Diagnostic;
use perennial_app::ingest::{Door, Receipt, ReceiveError};
use perennial_app::library::LibraryError;
use perennial_app::ports::{ImportRecord, StoreError, SubmissionOutcome};
use perennial_core::catalog::Catalog;
use perennial_core::ids::{LeadId, SubmissionId};
use perennial_core::intake::{self, RawSubmission};
use perennial_core::submission::{Channel, Entry, JunkReason, Submission};
use sha2::{Digest, Sha256};
use thiserror::Error;

use super::list::{self, ListError};
use super::map_file::MapToml;
use super::mapping::{MappedRow, Mapping};
use super::reader::{Next, Row, RowReader};
use super::result_file::{ResultFile, ResultFileError, path_for};
use super::{Refusal, RefusedRow};

/// How many rows are handed over at once.
const ROWS_AT_ONCE: usize = 16;

/// What to import, and how.
#[derive(Debug, Clone, clap::Args)]
pub struct ImportArgs {
    /// The list: a CSV file.
    pub file: PathBuf,
    /// The map: which column is which field (docs/examples).
    #[arg(long)]
    pub map: PathBuf,
    /// For dated history: leads start in the program that follows the welcome.
    #[arg(long)]
    pub no_welcome: bool,
}

/// Why an import did not run, or not to its end.
#[derive(Debug, Error, Diagnostic)]
pub enum ImportError {
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
    #[error("stopped at line {line}: the store did not take it; what stands before is imported")]
    #[diagnostic(help("run the same import again: what is imported stays as it is"))]
    HandOver {
        /// The line of the row.
        line: u64,
        /// What happened.
        #[source]
        source: ReceiveError,
    },
    /// The record of the import could not be kept.
    #[error("every row is imported, but the record of the import could not be kept")]
    #[diagnostic(help("run the same import again: it only writes the record"))]
    Record(#[source] StoreError),
}

/// What became of the rows of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// What the map calls the list.
    pub(crate) list: String,
    /// Rows, by outcome.
    pub(crate) outcomes: BTreeMap<Outcome, u64>,
    /// Refused rows, by the kind of reason.
    pub(crate) refused: BTreeMap<String, u64>,
    /// Rows that had to be read as Windows-1252.
    pub(crate) windows_1252_rows: u64,
    /// Where each row's outcome stands.
    pub(crate) result_file: PathBuf,
}

impl Summary {
    /// Whether a row was not imported.
    pub fn has_refused(&self) -> bool {
        !self.refused.is_empty()
    }

    /// Rows read.
    pub(crate) fn rows(&self) -> u64 {
        self.outcomes.values().sum()
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {} rows", self.list, self.rows())?;
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
pub(crate) enum Outcome {
    /// It made a lead.
    Received,
    /// It made a lead that looks like junk.
    Quarantined,
    /// Its lead was known already.
    Merged,
    /// The row itself had been imported before.
    Unchanged,
    /// It was not imported.
    Refused,
}

impl Outcome {
    const ALL: [Self; 5] = [Self::Received, Self::Quarantined, Self::Merged, Self::Unchanged, Self::Refused];

    fn as_str(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Quarantined => "quarantined",
            Self::Merged => "merged",
            Self::Unchanged => "unchanged",
            Self::Refused => "refused",
        }
    }
}

/// What a row did, or why it did nothing.
fn outcome(receipt: Receipt) -> Result<Outcome, Refusal> {
    match receipt {
        Receipt::Taken(SubmissionOutcome::Received) => Ok(Outcome::Received),
        Receipt::Taken(SubmissionOutcome::Quarantined) => Ok(Outcome::Quarantined),
        Receipt::Taken(SubmissionOutcome::Merged) => Ok(Outcome::Merged),
        Receipt::Known => Ok(Outcome::Unchanged),
        Receipt::Erased => Err(Refusal::Erased),
    }
}

/// Imports a list through `door`, with a progress bar where a person is watching.
///
/// # Errors
/// What is wrong with the map or the file, before any row is imported; later only what the store and the
/// file system say. A row that cannot be used is no error: it is counted, and named in the result file.
pub async fn run(door: &Door, args: &ImportArgs) -> Result<Summary, ImportError> {
    let (map, file) = list::open::<MapToml>(&args.map, &args.file)?;
    let mut content = Fingerprinted { content: file, hasher: Sha256::new() };
    let mut reader = RowReader::open(&mut content, map.csv_format()).map_err(ListError::from)?;
    let catalog = door.library.catalog().await?;
    let mapping = Mapping::bind(map, reader.header(), &catalog.forms).map_err(ListError::from)?;

    let entry = if args.no_welcome { Entry::AfterWelcome } else { Entry::Welcome };
    let results = ResultFile::create(path_for(&args.file))?;
    let mut importer = Importer::new(door, &catalog, &mapping, entry, results);
    let mut row = Row::default();
    loop {
        let next = reader.read(&mut row).map_err(|source| ListError::Read { line: row.line(), source })?;
        match next {
            Next::Row => importer.take(&row).await?,
            Next::Refused(refused) => importer.refuse(refused).await?,
            Next::End => break,
        }
    }
    let windows_1252_rows = reader.windows_1252_rows();
    let fingerprint = content.hasher.finalize();
    importer.finish(&fingerprint, windows_1252_rows).await
}

/// Takes rows one by one and hands them over a few at a time.
struct Importer<'d> {
    door: &'d Door,
    catalog: &'d Catalog,
    mapping: &'d Mapping,
    entry: Entry,
    /// One moment for all rows that bring no date of their own.
    started: Timestamp,
    /// Rows on their way, in the order of the file.
    batch: Vec<(u64, Result<Submission, Refusal>)>,
    /// Their leads: no two rows of one lead are on their way together.
    leads: HashSet<LeadId>,
    outcomes: BTreeMap<Outcome, u64>,
    refused: BTreeMap<String, u64>,
    results: ResultFile,
}

impl<'d> Importer<'d> {
    fn new(door: &'d Door, catalog: &'d Catalog, mapping: &'d Mapping, entry: Entry, results: ResultFile) -> Self {
        Self {
            door,
            catalog,
            mapping,
            entry,
            started: door.clock.now(),
            batch: Vec::with_capacity(ROWS_AT_ONCE),
            leads: HashSet::with_capacity(ROWS_AT_ONCE),
            outcomes: Outcome::ALL.map(|outcome| (outcome, 0)).into(),
            refused: BTreeMap::new(),
            results,
        }
    }

    async fn take(&mut self, row: &Row) -> Result<(), ImportError> {
        let submission = match self.mapping.map(row).and_then(|mapped| self.submission(mapped)) {
            Ok(submission) => submission,
            Err(refused) => return self.refuse(refused).await,
        };
        if let Some(lead) = submission.lead_id(&self.door.pepper) {
            if self.leads.contains(&lead) {
                self.hand_over().await?;
            }
            self.leads.insert(lead);
        }
        self.push(row.line(), Ok(submission)).await
    }

    async fn refuse(&mut self, refused: RefusedRow) -> Result<(), ImportError> {
        self.push(refused.line, Err(refused.reason)).await
    }

    async fn push(&mut self, line: u64, row: Result<Submission, Refusal>) -> Result<(), ImportError> {
        self.batch.push((line, row));
        if self.batch.len() < ROWS_AT_ONCE { Ok(()) } else { self.hand_over().await }
    }

    /// What the row says, by the rules of its form.
    fn submission(&self, row: MappedRow) -> Result<Submission, RefusedRow> {
        let refused = |reason| RefusedRow { line: row.line, reason };
        let received_at = row.received_at.unwrap_or(self.started);
        if received_at > self.started {
            return Err(refused(Refusal::FutureDate));
        }
        let (name, form) = self.mapping.form();
        let raw = RawSubmission {
            id: SubmissionId::derive(&self.door.pepper, name, &row.identity),
            channel: Channel::Import,
            received_at,
            entry: self.entry,
            mail: row.mail,
            calls: row.calls,
            junk: Vec::new(),
            pairs: row.pairs,
        };
        let mut submission =
            intake::read(raw, &self.catalog.fields, name, form).map_err(|errors| refused(Refusal::Fields(errors)))?;
        if submission.email.as_ref().is_some_and(|email| is_disposable(email.domain())) {
            submission.junk.push(JunkReason::DisposableEmail);
        }
        Ok(submission)
    }

    /// Hands the rows over that are on their way, all at once, and writes down what became of them.
    async fn hand_over(&mut self) -> Result<(), ImportError> {
        self.leads.clear();
        let door = self.door;
        let handed_over = self.batch.drain(..).map(|(line, row)| async move {
            match row {
                Ok(submission) => (line, door.receive(submission, None).await.map(outcome)),
                Err(reason) => (line, Ok(Err(reason))),
            }
        });
        for (line, outcome) in join_all(handed_over).await {
            let outcome = outcome.map_err(|source| ImportError::HandOver { line, source })?;
            self.write_down(line, outcome)?;
        }
        Ok(())
    }

    fn write_down(&mut self, line: u64, outcome: Result<Outcome, Refusal>) -> Result<(), ImportError> {
        let (outcome, reason) = match outcome {
            Ok(outcome) => (outcome, String::new()),
            Err(reason) => {
                *self.refused.entry(reason.kind()).or_default() += 1;
                (Outcome::Refused, reason.to_string())
            }
        };
        *self.outcomes.entry(outcome).or_default() += 1;
        self.results.write(line, outcome.as_str(), &reason)?;
        Ok(())
    }

    /// Hands over the last rows, ends the result file and keeps the record of the import.
    async fn finish(mut self, content: &[u8], windows_1252_rows: u64) -> Result<Summary, ImportError> {
        self.hand_over().await?;
        let list = self.mapping.list();
        let summary = Summary {
            list: list.to_string(),
            outcomes: self.outcomes,
            refused: self.refused,
            windows_1252_rows,
            result_file: self.results.finish()?,
        };
        let record = ImportRecord {
            id: self.door.pepper.digest(&[b"import:", list.as_str().as_bytes(), b":", content]),
            source: summary.list.clone(),
            at: self.started,
            rows: summary.rows(),
            refused: summary.refused.clone(),
        };
        self.door.store.put_import(&record).await.map_err(ImportError::Record)?;
        Ok(summary)
    }
}

/// A reader that knows in the end what it has read: the same file again is the same import.
struct Fingerprinted<R> {
    content: R,
    hasher: Sha256,
}

impl<R: Read> Read for Fingerprinted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.content.read(buffer)?;
        self.hasher.update(buffer.get(..read).unwrap_or_default());
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::Arc;

    use perennial_app::library::Library;
    use perennial_app::memory::{MemoryStore, SettableClock};
    use perennial_app::ports::SubmissionRow;
    use perennial_app::report::waterfall;
    use perennial_core::contact::EmailAddress;
    use perennial_core::ids::Pepper;
    use perennial_core::submission::Permission;
    use perennial_core::testing::catalog;
    use tempfile::TempDir;

    use super::*;

    const MAP: &str = r#"
form = "contact"
list = "fair"
id = "Id"
[fields]
email = "Email"
phone = "Phone"
company = "Company"
utm_source = "Source"
[permissions]
do_not_email = "No mail"
[received_at]
column = "Since"
"#;

    const LIST: &str = "\
Id,Email,Phone,Company,Source,No mail,Since
1,ada@fair.example,,Ada Ltd,Fair,,
2,ben@fair.example,,Ben Ltd,fair,yes,2025-03-01
3,ADA@fair.example,,Ada and Sons,Fair,,
4,,+49 30 5550100,=SUM(A1),,,
5,canary-7f3@,,canary,,,
6,,,canary,,,
7,canary@fair.example,,,,,2031-01-01
8,eve@mailinator.com,,,,,
9,fay@fair.example,,\"two
lines\",,,
10,\"canary\",\"open,,,,
11,gus@fair.example,n/a,,,,
";

    /// A deployment in memory, and a directory with one list and its map.
    struct Story {
        store: Arc<MemoryStore>,
        door: Door,
        directory: TempDir,
    }

    impl Story {
        fn new(list: &str, map: &str) -> Self {
            let directory = tempfile::tempdir().unwrap();
            fs::write(directory.path().join("list.csv"), list).unwrap();
            fs::write(directory.path().join("map.toml"), map).unwrap();
            let store = Arc::new(MemoryStore::default());
            let door = Door {
                store: store.clone(),
                library: Arc::new(Library::fixed(Arc::new(catalog()))),
                pepper: Pepper::new([7; 32]),
                clock: Arc::new(SettableClock::new("2026-03-02T09:00:00Z".parse().unwrap())),
            };
            Self { store, door, directory }
        }

        fn args(&self) -> ImportArgs {
            let path = |name| self.directory.path().join(name);
            ImportArgs { file: path("list.csv"), map: path("map.toml"), no_welcome: false }
        }

        async fn import(&self) -> Result<Summary, ImportError> {
            run(&self.door, &self.args()).await
        }

        /// What is printed and written, without the directory.
        async fn told(&self) -> String {
            let summary = self.import().await.unwrap();
            let results = fs::read_to_string(&summary.result_file).unwrap();
            let directory = self.directory.path().display().to_string();
            format!("{summary}{results}").replace(&directory, "")
        }

        fn submissions(&self, address: &str) -> Vec<SubmissionRow> {
            let email = EmailAddress::parse(address).unwrap();
            self.store.submissions(&LeadId::of_email(&self.door.pepper, &email))
        }
    }

    #[tokio::test]
    async fn every_row_has_an_outcome_and_no_value_of_the_list_is_repeated() {
        let told = Story::new(LIST, MAP).told().await;
        assert!(!told.contains("canary") && !told.contains("fair.example"));
        insta::assert_snapshot!(told, @r#"
        fair: 11 rows
          received            5
          quarantined         1
          merged              1
          unchanged           0
          refused             4
            future_date: 1
            invalid_email: 1
            no_contact: 1
            stray_quote: 1
        each row's outcome: /list.csv.result.csv
        line,outcome,reason
        2,received,
        3,received,
        4,merged,
        5,received,
        6,refused,email: An e-mail address looks like name@example.com.
        7,refused,the row has neither an e-mail address nor a phone number
        8,refused,the date on which the lead came in lies in the future
        9,quarantined,
        10,received,
        12,refused,"a quote in the row is not closed, or a quote inside a quoted cell is not doubled"
        13,received,
        "#);
    }

    #[tokio::test]
    async fn a_second_run_changes_nothing() {
        let story = Story::new(LIST, MAP);
        story.import().await.unwrap();
        let before = waterfall(story.store.as_ref()).await.unwrap();
        insta::assert_snapshot!(story.told().await, @r#"
        fair: 11 rows
          received            0
          quarantined         0
          merged              0
          unchanged           7
          refused             4
            future_date: 1
            invalid_email: 1
            no_contact: 1
            stray_quote: 1
        each row's outcome: /list.csv.result.csv
        line,outcome,reason
        2,unchanged,
        3,unchanged,
        4,unchanged,
        5,unchanged,
        6,refused,email: An e-mail address looks like name@example.com.
        7,refused,the row has neither an e-mail address nor a phone number
        8,refused,the date on which the lead came in lies in the future
        9,unchanged,
        10,unchanged,
        12,refused,"a quote in the row is not closed, or a quote inside a quoted cell is not doubled"
        13,unchanged,
        "#);
        assert_eq!(waterfall(story.store.as_ref()).await.unwrap(), before);
        assert_eq!(before.imports.len(), 1);
        assert_eq!(before.refused.values().sum::<u64>(), 4);
        assert_eq!(before.received, 6);
    }

    #[tokio::test]
    async fn wishes_dates_and_sources_of_a_row_reach_its_lead() {
        let story = Story::new(LIST, MAP);
        run(&story.door, &ImportArgs { no_welcome: true, ..story.args() }).await.unwrap();
        let [ben] = &story.submissions("ben@fair.example")[..] else { panic!("one submission") };
        assert_eq!(ben.submission.mail, Permission::Refused);
        assert_eq!(ben.submission.calls, Permission::Allowed);
        assert_eq!(ben.submission.received_at.to_string(), "2025-03-01T00:00:00Z");
        assert_eq!(ben.submission.source.source.as_deref(), Some("fair"));
        assert_eq!(ben.submission.entry, Entry::AfterWelcome);
        assert_eq!(ben.submission.channel, Channel::Import);
        let ada = story.submissions("ada@fair.example");
        assert_eq!(ada.len(), 2);
        assert!(ada.iter().all(|row| row.submission.received_at == story.door.clock.now()));
    }

    #[tokio::test]
    async fn the_rows_of_one_lead_are_taken_in_the_order_of_the_file() {
        let rows: Vec<_> = (0..200).map(|row| format!("lead{}@x.example,{row}", row % 7)).collect();
        let map = "form = 'contact'\nlist = 'x'\n[fields]\nemail = 'a'\ncompany = 'b'";
        let story = Story::new(&format!("a,b\n{}", rows.join("\n")), map);
        let summary = story.import().await.unwrap();
        assert_eq!(summary.outcomes[&Outcome::Received], 7);
        assert_eq!(summary.outcomes[&Outcome::Merged], 193);
        for lead in 0..7 {
            let first = story.submissions(&format!("lead{lead}@x.example")).into_iter();
            let first = first.filter(|row| row.outcome == SubmissionOutcome::Received).collect::<Vec<_>>();
            let company = first[0].submission.fields.values().next().unwrap();
            assert_eq!(*company, lead.to_string());
        }
    }

    #[tokio::test]
    async fn a_map_that_does_not_fit_imports_nothing_and_writes_no_result() {
        let story = Story::new("Email\nada@fair.example\n", MAP);
        let error = story.import().await.unwrap_err();
        assert!(matches!(error, ImportError::List(ListError::Map(_))), "{error}");
        assert!(story.submissions("ada@fair.example").is_empty());
        assert!(!story.directory.path().join("list.csv.result.csv").exists());
    }

    #[tokio::test]
    async fn a_list_that_is_not_there_is_named() {
        let story = Story::new("", MAP);
        let error = story.import().await.unwrap_err();
        assert_eq!(error.to_string(), "the file is empty");
        fs::remove_file(story.directory.path().join("list.csv")).unwrap();
        let error = story.import().await.unwrap_err();
        assert!(matches!(error, ImportError::List(ListError::OpenFile { .. })), "{error}");
        fs::remove_file(story.directory.path().join("map.toml")).unwrap();
        let error = story.import().await.unwrap_err();
        assert!(matches!(error, ImportError::List(ListError::ReadMap { .. })), "{error}");
    }
}

//! `perennial suppress`: a list of addresses that may not be mailed, whoever they belong to.
//!
//! **Invariant:** what is printed names lines by their number, never what stands in them.

use std::fs::File;
use std::io::{BufRead, BufReader, Read as _, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use futures::{StreamExt as _, stream};
use perennial_app::engagement::HearError;
use perennial_app::suppression::{OfStrangers, Suppressed, Suppressor};
use perennial_core::contact::EmailAddress;
use perennial_core::lead::EmailReach;

use crate::access::{Access, StoreArgs};

/// The longest line, in bytes: an address, a reason, and room.
const LINE_BYTES_MAX: u64 = 1_024;

/// How many lines are at work at once.
const AT_ONCE: usize = 16;

/// What a first line says that is a heading.
const HEADINGS: [&str; 4] = ["email", "e-mail", "address", "email_address"];

#[derive(Debug, Args)]
pub(crate) struct SuppressArgs {
    /// The file: an address on each line, and if need be a comma and a reason after it.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The reason of lines that name none.
    #[arg(long, value_enum, default_value_t = Reason::DoNotEmail)]
    reason: Reason,
}

/// Why an address may not be mailed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Reason {
    /// Somebody says so.
    DoNotEmail,
    /// The person unsubscribed.
    Unsubscribed,
    /// Mail to it comes back for good.
    Bounced,
    /// The person called it spam.
    Complained,
}

impl Reason {
    const fn reach(self) -> EmailReach {
        match self {
            Self::DoNotEmail => EmailReach::DoNotEmail,
            Self::Unsubscribed => EmailReach::Unsubscribed,
            Self::Bounced => EmailReach::HardBounced,
            Self::Complained => EmailReach::Complained,
        }
    }

    /// A reason in the words of other programs' lists, too.
    fn parse(text: &str) -> Option<Self> {
        Some(match text.to_ascii_lowercase().replace(['_', ' '], "-").as_str() {
            "do-not-email" | "opt-out" | "optout" => Self::DoNotEmail,
            "unsubscribed" | "unsubscribe" => Self::Unsubscribed,
            "bounced" | "bounce" | "hard-bounce" => Self::Bounced,
            "complained" | "complaint" | "spam" => Self::Complained,
            _ => return None,
        })
    }
}

/// What a line asks for.
type Entry = Result<(EmailAddress, Reason), &'static str>;

/// What came of the lines.
#[derive(Default)]
struct Sums {
    suppressed: u64,
    known: u64,
    kept: u64,
    refused: u64,
}

pub(crate) async fn run(store: &StoreArgs, args: &SuppressArgs, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let file = File::open(&args.file).with_context(|| format!("cannot open {}", args.file.display()))?;
    let access = Access::open(store).await?;
    let (store, library, clock) = (access.store.clone(), access.library(), access.clock());
    let suppressor = Suppressor { store, library, clock, pepper: access.pepper()? };
    let sums = suppress(&suppressor, BufReader::new(file), args, out).await;
    drop(suppressor);
    access.close().await?;
    let Sums { suppressed, known, kept, refused } = sums?;
    writeln!(
        std::io::stderr(),
        "{suppressed} suppressed, {known} were already, {kept} kept for whoever comes in, {refused} refused"
    )?;
    Ok(ExitCode::from(u8::from(refused > 0)))
}

async fn suppress(
    suppressor: &Suppressor,
    mut source: impl BufRead,
    args: &SuppressArgs,
    out: &mut impl Write,
) -> anyhow::Result<Sums> {
    let mut sums = Sums::default();
    let mut line = 0;
    loop {
        let entries = read(&mut source, args, &mut line)?;
        if entries.is_empty() {
            return Ok(sums);
        }
        let done = stream::iter(entries).map(|(line, entry)| async move { (line, take(suppressor, entry).await) });
        let mut done = done.buffered(AT_ONCE);
        while let Some((line, outcome)) = done.next().await {
            let (sum, said) = match outcome.with_context(|| format!("stopped at line {line}: run it again"))? {
                Ok(Suppressed::Now) => (&mut sums.suppressed, "suppressed"),
                Ok(Suppressed::Already) => (&mut sums.known, "already"),
                Ok(Suppressed::ForLater | Suppressed::Unknown) => (&mut sums.kept, "kept"),
                Err(reason) => (&mut sums.refused, reason),
            };
            *sum += 1;
            writeln!(out, "{line}\t{said}")?;
        }
    }
}

async fn take(suppressor: &Suppressor, entry: Entry) -> Result<Result<Suppressed, &'static str>, HearError> {
    match entry {
        Ok((address, reason)) => suppressor.suppress(&address, reason.reach(), OfStrangers::Kept).await.map(Ok),
        Err(refused) => Ok(Err(refused)),
    }
}

/// The next lines that ask for something; none only at the end.
fn read(source: &mut impl BufRead, args: &SuppressArgs, line: &mut u64) -> anyhow::Result<Vec<(u64, Entry)>> {
    let mut entries = Vec::new();
    while entries.len() < AT_ONCE * 4 {
        let Some(text) = next_line(source, &args.file)? else { break };
        *line += 1;
        let text = text.map(|text| String::from_utf8_lossy(&text).trim_start_matches('\u{FEFF}').trim().to_owned());
        match text {
            None => entries.push((*line, Err("refused: the line is too long"))),
            Some(text) if text.is_empty() || (*line == 1 && is_heading(&text)) => {}
            Some(text) => entries.push((*line, entry(&text, args.reason))),
        }
    }
    Ok(entries)
}

/// A line without its end; `Some(None)` where it is too long, and passed over.
#[expect(clippy::option_option, reason = "at the end, too long, or a line")]
fn next_line(source: &mut impl BufRead, file: &Path) -> anyhow::Result<Option<Option<Vec<u8>>>> {
    let cannot = || format!("cannot read {}", file.display());
    let mut text = Vec::new();
    if source.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut text).with_context(cannot)? == 0 {
        return Ok(None);
    }
    if text.ends_with(b"\n") || u64::try_from(text.len()).is_ok_and(|bytes| bytes < LINE_BYTES_MAX) {
        return Ok(Some(Some(text)));
    }
    source.skip_until(b'\n').with_context(cannot)?;
    Ok(Some(None))
}

fn is_heading(text: &str) -> bool {
    let (first, _) = cells(text);
    HEADINGS.contains(&first.to_ascii_lowercase().as_str())
}

fn entry(text: &str, default: Reason) -> Entry {
    let (address, reason) = cells(text);
    let address = EmailAddress::parse(address).map_err(|_personal| "refused: not an address")?;
    let reason = match reason {
        "" => default,
        named => Reason::parse(named).ok_or("refused: not a reason")?,
    };
    Ok((address, reason))
}

/// The first two cells, without the quotes that spreadsheets put around them.
fn cells(text: &str) -> (&str, &str) {
    let mut cells = text.split([',', ';', '\t']).map(|cell| cell.trim().trim_matches('"').trim());
    (cells.next().unwrap_or_default(), cells.next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(text: &[u8]) -> Vec<(u64, String)> {
        let args = SuppressArgs { file: PathBuf::from("list.csv"), reason: Reason::DoNotEmail };
        let (mut source, mut line) = (text, 0);
        let entries = read(&mut source, &args, &mut line).unwrap();
        let told = entries.into_iter().map(|(line, entry)| {
            (line, entry.map_or_else(str::to_owned, |(address, reason)| format!("{} {reason:?}", address.normalised())))
        });
        told.collect()
    }

    #[test]
    fn lists_of_other_programs_are_read_as_they_are() {
        let list = "\u{FEFF}Email,Reason\r\nada@example.com,hard_bounce\r\n\r\n\"bob@example.com\";\"Unsubscribed\"\neve@example.com";
        assert_eq!(
            entries(list.as_bytes()),
            [
                (2, "ada@example.com Bounced".to_owned()),
                (4, "bob@example.com Unsubscribed".to_owned()),
                (5, "eve@example.com DoNotEmail".to_owned()),
            ]
        );
    }

    #[test]
    fn what_is_wrong_is_told_by_its_line_and_never_repeated() {
        let long = "x".repeat(3_000);
        let list = format!("not an address\nada@example.com,because\n{long}\nbob@example.com\n");
        assert_eq!(
            entries(list.as_bytes()),
            [
                (1, "refused: not an address".to_owned()),
                (2, "refused: not a reason".to_owned()),
                (3, "refused: the line is too long".to_owned()),
                (4, "bob@example.com DoNotEmail".to_owned()),
            ]
        );
    }
}

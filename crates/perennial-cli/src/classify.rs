//! `perennial classify`: how well machines and people are told apart.

use std::fmt::Write as _;
use std::io::Write;
use std::process::ExitCode;

use perennial_app::traffic::{Confusion, MAILS_MAX, Measured, Quality, Share, measure};

/// Below these the command fails: the bars that the project holds itself to.
const PRECISION_MIN: Share = Share(9_900);
const RECALL_MIN: Share = Share(9_500);
const ALONE_MAX_SECONDS: i64 = 90;

#[derive(Debug, clap::Args)]
pub(crate) struct ClassifyArgs {
    /// What the traffic is made from: the same number gives the same traffic.
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
    /// How many mails.
    #[arg(long, value_name = "NUMBER", default_value_t = 20_000,
          value_parser = clap::value_parser!(u32).range(1..=i64::from(MAILS_MAX)))]
    mails: u32,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
}

/// Measures and prints. Fails (exit status 1) where a bar is not reached.
pub(crate) fn run(args: &ClassifyArgs, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    let measured = measure(args.seed, args.mails);
    if args.json {
        serde_json::to_writer_pretty(&mut *out, &measured)?;
        writeln!(out)?;
    } else {
        out.write_all(text(&measured).as_bytes())?;
    }
    Ok(if holds(&measured) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn holds(measured: &Measured) -> bool {
    let is_good = |quality: Quality| quality.precision >= PRECISION_MIN && quality.recall >= RECALL_MIN;
    is_good(measured.machines) && is_good(measured.people) && measured.longest_alone_seconds <= ALONE_MAX_SECONDS
}

fn text(measured: &Measured) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _: std::fmt::Result = write_text(measured, &mut text);
    text
}

fn write_text(measured: &Measured, text: &mut String) -> std::fmt::Result {
    writeln!(text, "{} mails, seed {}\n", measured.mails, measured.seed)?;
    writeln!(text, "{:<34}{:>18}{:>21}", "", "people's links", "machines' links")?;
    writeln!(text, "{:<34}{:>9}{:>9}{:>11}{:>10}", "", "kept", "lost", "caught", "missed")?;
    for (kind, counts) in &measured.by_kind {
        write_counts(kind, *counts, text)?;
    }
    write_counts("all", measured.links, text)?;
    writeln!(text)?;
    for (who, quality) in [("machines", measured.machines), ("people", measured.people)] {
        let (precision, recall) = (per_cent(quality.precision), per_cent(quality.recall));
        writeln!(text, "{who:<10}precision {precision}   recall {recall}")?;
    }
    let (alone, moved) = measured.moved_by_machines;
    writeln!(text, "\n{moved} of {alone} mails that only machines followed would have counted as followed.")?;
    writeln!(text, "{} links counted as a person's for a while and were taken back.", measured.reversed)?;
    let (opens, seen) = measured.opens_by_machines;
    writeln!(text, "{seen} of {opens} opens by machines were recognised; no open counts.")?;
    let seconds = measured.longest_alone_seconds;
    writeln!(text, "The only link that a person followed waited {seconds} s at most.")?;
    writeln!(text, "(*) cannot be told by what a request shows.")
}

fn write_counts(name: &str, counts: Confusion, text: &mut String) -> std::fmt::Result {
    let Confusion { people_kept, people_lost, machines_caught, machines_missed } = counts;
    writeln!(text, "{name:<34}{people_kept:>9}{people_lost:>9}{machines_caught:>11}{machines_missed:>10}")
}

fn per_cent(share: Share) -> String {
    format!("{}.{:02} %", share.0 / 100, share.0 % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_names_every_kind_and_the_status_says_whether_the_bars_hold() {
        let mut out = Vec::new();
        let args = ClassifyArgs { seed: 2, mails: 3_000, json: false };
        assert_eq!(run(&args, &mut out).unwrap(), ExitCode::SUCCESS);
        let text = String::from_utf8(out).unwrap();
        for line in ["3000 mails, seed 2", "a person after a burst", "waited 90 s at most", "no open counts"] {
            assert!(text.contains(line), "{line}: {text}");
        }
        let mut measured = measure(2, 3_000);
        measured.people.precision = Share(9_899);
        assert!(!holds(&measured));
    }

    #[test]
    fn shares_read_as_per_cent() {
        assert_eq!(per_cent(Share::WHOLE), "100.00 %");
        assert_eq!(per_cent(Share(9_905)), "99.05 %");
    }
}

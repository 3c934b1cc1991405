//! What the checker takes: the shipped programs, then 50, 500 and 5,000 programs of 50 steps, each run in a process of
//! its own, so that the memory shown is its own.
//!
//! `cargo bench -p perennial-tests --bench check` prints time, time per step and the highest memory.

#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]

use std::env;
use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use perennial_app::programs;
use perennial_core::loader::{SourceFile, parse};
use perennial_core::testing;

/// How many steps each program has.
const STEPS: usize = 50;

fn main() -> Result<(), Box<dyn Error>> {
    if let Some(count) = env::args().nth(1).and_then(|count| count.parse().ok()) {
        return measure(count);
    }
    println!("{:>9} {:>8} {:>8} {:>9} {:>9}", "programs", "steps", "ms", "us/step", "MB");
    for count in ["0", "50", "500", "5000"] {
        let output = Command::new(env::current_exe()?).arg(count).output()?;
        print!("{}", String::from_utf8(output.stdout)?);
    }
    Ok(())
}

/// Checks so many programs; none are the shipped ones.
fn measure(count: usize) -> Result<(), Box<dyn Error>> {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../programs");
    let files = if count == 0 { programs::read(&shipped)? } else { made(count)? };
    let started = Instant::now();
    let (catalog, found) = parse(&files);
    let micros = started.elapsed().as_micros();
    let catalog = catalog.ok_or_else(|| format!("{found:?}"))?;
    let steps: usize = catalog.programs.values().map(|program| program.steps.len()).sum();
    println!(
        "{:>9} {steps:>8} {:>8} {:>9} {:>9}",
        catalog.programs.len(),
        micros / 1_000,
        micros / u128::try_from(steps.max(1))?,
        memory_max()? / 1_024
    );
    Ok(())
}

/// Programs that lead on to one another: in each, ten rounds of a mail, an answer that is waited for, a branch, a call and
/// a pause.
fn made(count: usize) -> Result<Vec<SourceFile>, std::fmt::Error> {
    let mut files = testing::files();
    files.retain(|file| file.path == "catalog.toml" || file.path.starts_with("occasional/"));
    for file in &mut files {
        file.text = file.text.replace("program = \"welcome\"", "program = \"p0\"");
    }
    for program in 0..count {
        let then = if program + 1 < count { format!("p{}", program + 1) } else { "occasional".to_owned() };
        let mut text = format!("title = \"Program {program}\"\nthen = \"{then}\"\n");
        for round in 0..STEPS / 5 {
            let mail = format!("mail-{round}");
            write!(
                text,
                "\n[[step]]\nid = \"{mail}\"\nkind = \"email\"\nafter = \"7d\"\n\
                 \n[[step]]\nid = \"wait-{round}\"\nkind = \"wait_until\"\nsignal = \"replied\"\ntimeout = \"7d\"\n\
                 \n[[step]]\nid = \"branch-{round}\"\nkind = \"branch\"\n\
                 case = [{{ when = {{ field = \"company\", known = true }}, goto = \"pause-{round}\" }}]\n\
                 \n[[step]]\nid = \"call-{round}\"\nkind = \"call\"\nafter = \"2d\"\ndue_in = \"2d\"\n\
                 \n[[step]]\nid = \"pause-{round}\"\nkind = \"wait\"\nafter = \"3d\"\n"
            )?;
            let body = "+++\nsubject = \"A guide{% if company %} for {{ company }}{% endif %}\"\nfrom = \"rep\"\n+++\n\
                        Hi {{ first_name | default(\"there\") }},\n\nhave a look at [this guide]({{ facts.guide_url }}).\n";
            files.push(SourceFile { path: format!("p{program}/touches/{mail}.md"), text: body.to_owned() });
        }
        files.push(SourceFile { path: format!("p{program}/program.toml"), text });
    }
    Ok(files)
}

/// The most memory this process has held, in KB, as Linux counts it; 0 elsewhere.
fn memory_max() -> Result<u64, Box<dyn Error>> {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    Ok(line.and_then(|line| line.split_whitespace().next()).map_or(Ok(0), str::parse)?)
}

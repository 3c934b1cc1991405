//! `perennial graph`: a program as a picture, or as text that other tools draw.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use perennial_app::chart::{Chart, Place};

use crate::preview::{find, working_copy};

/// What to draw.
#[derive(Debug, Clone, Args)]
pub(crate) struct GraphArgs {
    /// The program: its folder's name.
    program: String,
    /// How to draw it.
    #[arg(long, value_enum, default_value_t = Format::Mermaid)]
    format: Format,
    /// The directory of the programs.
    #[arg(long, value_name = "DIR", default_value = "programs")]
    programs: PathBuf,
}

/// What the drawing is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// Mermaid text, which many wikis and code hosts draw.
    Mermaid,
    /// Graphviz text.
    Dot,
    /// A picture, for a browser.
    Svg,
}

/// Draws a program.
pub(crate) fn run(args: &GraphArgs, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    let Some(copy) = working_copy(&args.programs)? else { return Ok(ExitCode::from(2)) };
    let (_, program) = find(&copy, &args.program, &args.programs)?;
    let chart = Chart::of(program);
    let text = match args.format {
        Format::Mermaid => chart.mermaid(),
        Format::Dot => chart.dot(),
        Format::Svg => chart.svg(Place::File),
    };
    out.write_all(text.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::preview::tests::directory;

    fn drawn(program: &str, format: Format) -> anyhow::Result<String> {
        let directory = directory();
        let args = GraphArgs { program: program.to_owned(), format, programs: directory.path().to_owned() };
        let mut out = Vec::new();
        assert_eq!(run(&args, &mut out)?, ExitCode::SUCCESS);
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn a_program_is_drawn_as_asked() {
        insta::assert_snapshot!(drawn("welcome", Format::Mermaid).unwrap(), @r#"
        ---
        title: "Welcome"
        ---
        flowchart TD
            s0["response<br/>mail, at once, day or night"]
            s1["first-call<br/>call, at once, due in 2 days"]
            s2["link<br/>mail, after 1 day"]
            p0(["nurture"])
            s0 --> s1
            s1 --> s2
            s2 --> p0
        "#);
        assert!(drawn("welcome", Format::Dot).unwrap().starts_with("digraph \"welcome\" {\n"));
        assert!(drawn("welcome", Format::Svg).unwrap().starts_with("<svg "));
    }

    #[test]
    fn a_program_that_is_not_there_is_not_drawn() {
        let error = drawn("welcme", Format::Svg).unwrap_err().to_string();
        assert!(error.starts_with("there is no program `welcme` in ") && error.ends_with("did you mean `welcome`?"));
    }
}

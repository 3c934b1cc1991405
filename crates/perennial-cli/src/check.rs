//! `perennial check`: reads the programs and says everything that is wrong with them.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use miette::{GraphicalReportHandler, LabeledSpan, NamedSource, SourceCode};
use perennial_app::programs;
use perennial_core::diagnostic::{Diagnostic, Severity};
use perennial_core::loader::{SourceFile, parse};
use perennial_core::program::Program;
use serde::Serialize;

/// How the findings are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// For people: the place in the file, and what to do.
    Text,
    /// For tools: one JSON object.
    Json,
}

/// What was found, and in what.
#[derive(Serialize)]
struct Findings {
    ok: bool,
    programs: usize,
    steps: usize,
    errors: usize,
    warnings: usize,
    diagnostics: Vec<Diagnostic>,
}

/// Checks the programs in a directory. Exit status 1 if the suite would not start with them.
pub(crate) fn run(directory: &Path, format: Format, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    let files = programs::read(directory)?;
    let findings = find(&files);
    match format {
        Format::Json => writeln!(out, "{}", serde_json::to_string_pretty(&findings)?)?,
        Format::Text => print(&findings, &files, directory, &GraphicalReportHandler::new(), out)?,
    }
    Ok(if findings.ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn find(files: &[SourceFile]) -> Findings {
    let (catalog, diagnostics) = parse(files);
    let programs: Vec<&Program> = catalog.iter().flat_map(|catalog| catalog.programs.values()).collect();
    let count = |severity| diagnostics.iter().filter(|diagnostic| diagnostic.severity == severity).count();
    Findings {
        ok: catalog.is_some(),
        programs: programs.len(),
        steps: programs.iter().map(|program| program.steps.len()).sum(),
        errors: count(Severity::Error),
        warnings: count(Severity::Warning),
        diagnostics,
    }
}

fn print(
    findings: &Findings,
    files: &[SourceFile],
    directory: &Path,
    handler: &GraphicalReportHandler,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let texts: BTreeMap<&str, &str> = files.iter().map(|file| (file.path.as_str(), file.text.as_str())).collect();
    for diagnostic in &findings.diagnostics {
        let path = directory.join(&diagnostic.file).display().to_string();
        let text = texts.get(diagnostic.file.as_str()).filter(|_| diagnostic.place.is_some());
        let source = text.map(|text| NamedSource::new(&path, (*text).to_owned()));
        let snippet = Snippet { diagnostic, path, source };
        let mut report = String::new();
        handler.render_report(&mut report, &snippet)?;
        writeln!(out, "{report}")?;
    }
    let Findings { ok, programs, steps, errors, warnings, .. } = findings;
    let warned = if *warnings > 0 { format!(", {warnings} to look at") } else { String::new() };
    if *ok {
        writeln!(out, "{programs} programs, {steps} steps: fine{warned}")?;
    } else {
        writeln!(out, "{errors} to fix{warned}")?;
    }
    Ok(())
}

/// A diagnostic beside the lines it is about.
#[derive(Debug)]
struct Snippet<'a> {
    diagnostic: &'a Diagnostic,
    path: String,
    source: Option<NamedSource<String>>,
}

impl fmt::Display for Snippet<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.source.is_none() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.diagnostic.message)
    }
}

impl std::error::Error for Snippet<'_> {}

impl miette::Diagnostic for Snippet<'_> {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(self.diagnostic.code))
    }

    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.diagnostic.severity {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
        })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(&self.diagnostic.remedy))
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.source.as_ref().map(|source| -> &dyn SourceCode { source })
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let span = self.diagnostic.place.as_ref()?.span.clone();
        Some(Box::new(std::iter::once(LabeledSpan::underline(span))))
    }
}

#[cfg(test)]
mod tests {
    use miette::GraphicalTheme;
    use perennial_core::testing;

    use super::*;

    fn printed(files: &[SourceFile]) -> String {
        let handler = GraphicalReportHandler::new_themed(GraphicalTheme::none()).with_width(100);
        let mut out = Vec::new();
        print(&find(files), files, Path::new("programs"), &handler, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn with_mistakes() -> Vec<SourceFile> {
        let mut files = testing::files();
        for file in &mut files {
            file.text = file.text.replace("first_name |", "firstname |");
        }
        files.retain(|file| file.path != "welcome/touches/link.md");
        files.push(SourceFile { path: "welcome/touches/lnik.md".to_owned(), text: String::new() });
        files
    }

    #[test]
    fn a_finding_shows_its_place_and_its_remedy() {
        insta::assert_snapshot!(printed(&with_mistakes()), @r#"
        P017

          x `firstname` is not declared in the catalog
           ,-[programs/occasional/touches/question.md:5:10]
         4 | +++
         5 | Hello {{ firstname | default("again") }}. Is this still on your list?
           :          ^^^^^^^^^
           `----
          help: did you mean `first_name`?

        P017

          x `firstname` is not declared in the catalog
           ,-[programs/occasional/touches/reading.md:5:10]
         4 | +++
         5 | Hello {{ firstname | default("again") }}.
           :          ^^^^^^^^^
           `----
          help: did you mean `first_name`?

        P013

          x the mail of this step is missing: welcome/touches/link.md
            ,-[programs/welcome/program.toml:18:6]
         17 | [[step]]
         18 | id = "link"
            :      ^^^^^^
         19 | kind = "email"
            `----
          help: write it, or rename the step

        P014

          ! programs/welcome/touches/lnik.md: no step of the program has this file's name as its id
          help: rename it, or remove it

        P017

          x `firstname` is not declared in the catalog
           ,-[programs/welcome/touches/response.md:5:7]
         4 | +++
         5 | Hi {{ firstname | default("there") }},
           :       ^^^^^^^^^
         6 | 
           `----
          help: did you mean `first_name`?

        4 to fix, 1 to look at
        "#);
    }

    #[test]
    fn programs_without_a_mistake_are_counted() {
        assert_eq!(printed(&testing::files()), "2 programs, 5 steps: fine\n");
    }

    #[test]
    fn the_exit_status_and_the_json_say_whether_the_suite_would_start() {
        let directory = tempfile::tempdir().unwrap();
        let mut out = Vec::new();
        let status = run(directory.path(), Format::Json, &mut out).unwrap();
        assert_eq!(status, ExitCode::FAILURE);
        insta::assert_snapshot!(String::from_utf8(out).unwrap(), @r#"
        {
          "ok": false,
          "programs": 0,
          "steps": 0,
          "errors": 1,
          "warnings": 0,
          "diagnostics": [
            {
              "code": "P001",
              "severity": "error",
              "file": "catalog.toml",
              "message": "this file is missing",
              "remedy": "write it: it says who sends, when, and to which forms"
            }
          ]
        }
        "#);
    }

    #[test]
    fn the_shipped_programs_are_fine() {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../programs");
        let mut out = Vec::new();
        let status = run(&directory, Format::Text, &mut out).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "2 programs, 14 steps: fine\n");
        assert_eq!(status, ExitCode::SUCCESS);
    }
}

//! `perennial check`: reads the programs and says everything that is wrong with them.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use miette::{GraphicalReportHandler, LabeledSpan, NamedSource, SourceCode};
use perennial_app::programs;
use perennial_core::diagnostic::{Code, Diagnostic, Severity};
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
        Format::Json => writeln!(out, "{}", serde_json::to_string_pretty(&findings.told_from(directory))?)?,
        Format::Text => print(&findings, &files, directory, &GraphicalReportHandler::new(), out)?,
    }
    Ok(if findings.ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Findings {
    /// The same with the paths of files as people see them, from where the command runs: CI marks those lines.
    fn told_from(&self, directory: &Path) -> Self {
        let told = |diagnostic: &Diagnostic| Diagnostic { file: path(directory, diagnostic), ..diagnostic.clone() };
        Self { diagnostics: self.diagnostics.iter().map(told).collect(), ..*self }
    }
}

/// Where the file of a finding lies.
fn path(directory: &Path, diagnostic: &Diagnostic) -> String {
    directory.join(&diagnostic.file).display().to_string()
}

/// A code as somebody types it.
pub(crate) fn code(text: &str) -> Result<Code, String> {
    let range = || Some(format!("there is no such code; they go from {} to {}", Code::ALL.first()?, Code::ALL.last()?));
    Code::parse(text.trim()).ok_or_else(|| range().unwrap_or_default())
}

/// Prints the page of a code.
pub(crate) fn explain(code: Code, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    write!(out, "{}", code.page())?;
    Ok(ExitCode::SUCCESS)
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
    print_each(&findings.diagnostics, files, directory, handler, out)?;
    let Findings { ok, programs, steps, errors, warnings, .. } = findings;
    let warned = if *warnings > 0 { format!(", {warnings} to look at") } else { String::new() };
    if *ok {
        writeln!(out, "{programs} programs, {steps} steps: fine{warned}")?;
    } else {
        writeln!(out, "{errors} to fix{warned}")?;
    }
    if let Some(first) = findings.diagnostics.first() {
        writeln!(out, "for more on a code: perennial check --explain {}", first.code)?;
    }
    Ok(())
}

/// Prints what was found for people, without a count at the end.
pub(crate) fn print_found(
    diagnostics: &[Diagnostic],
    files: &[SourceFile],
    directory: &Path,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    print_each(diagnostics, files, directory, &GraphicalReportHandler::new(), out)
}

fn print_each(
    diagnostics: &[Diagnostic],
    files: &[SourceFile],
    directory: &Path,
    handler: &GraphicalReportHandler,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let texts: BTreeMap<&str, &str> = files.iter().map(|file| (file.path.as_str(), file.text.as_str())).collect();
    for diagnostic in diagnostics {
        let path = path(directory, diagnostic);
        let text = texts.get(diagnostic.file.as_str()).filter(|_| diagnostic.place.is_some());
        let source = text.map(|text| NamedSource::new(&path, (*text).to_owned()));
        let snippet = Snippet { diagnostic, path, source };
        let mut report = String::new();
        handler.render_report(&mut report, &snippet)?;
        writeln!(out, "{report}")?;
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

        P041

          ! there is no program `nurture`: the last resort follows in its place
           ,-[programs/welcome/program.toml:3:8]
         2 | title = "Welcome"
         3 | then = "nurture"
           :        ^^^^^^^^^
         4 | 
           `----
          help: use one of: occasional, welcome

        P013

          x the mail of this step is missing: welcome/touches/link.md
            ,-[programs/welcome/program.toml:18:6]
         17 | [[step]]
         18 | id = "link"
            :      ^^^^^^
         19 | kind = "email"
            `----
          help: did you mean `lnik`? Otherwise write it

        P014

          ! programs/welcome/touches/lnik.md: no step of the program sends this file
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

        4 to fix, 2 to look at
        for more on a code: perennial check --explain P017
        "#);
    }

    #[test]
    fn programs_without_a_mistake_are_counted() {
        let mut files = testing::files();
        for file in &mut files {
            file.text = file.text.replace("then = \"nurture\"", "then = \"occasional\"");
        }
        assert_eq!(printed(&files), "2 programs, 5 steps: fine\n");
    }

    #[test]
    fn the_exit_status_and_the_json_say_whether_the_suite_would_start() {
        let directory = tempfile::tempdir().unwrap();
        let mut out = Vec::new();
        let status = run(directory.path(), Format::Json, &mut out).unwrap();
        assert_eq!(status, ExitCode::FAILURE);
        let json = String::from_utf8(out).unwrap().replace(directory.path().to_str().unwrap(), "programs");
        insta::assert_snapshot!(json, @r#"
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
              "file": "programs/catalog.toml",
              "message": "this file is missing",
              "remedy": "write it: it says who sends, when, and to which forms"
            }
          ]
        }
        "#);
    }

    #[test]
    fn json_and_text_name_a_file_alike() {
        let found = find(&with_mistakes());
        let told = found.told_from(Path::new("my/programs"));
        assert_eq!(told.diagnostics.len(), found.diagnostics.len());
        assert!(told.diagnostics.iter().any(|one| one.file == "my/programs/welcome/touches/response.md"));
        assert!(printed(&with_mistakes()).contains("[programs/welcome/touches/response.md:5:7]"));
    }

    #[test]
    fn a_file_that_is_not_utf_8_is_a_finding_like_any_other() {
        let directory = tempfile::tempdir().unwrap();
        for file in with_mistakes() {
            let path = directory.path().join(&file.path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, file.text).unwrap();
        }
        let mail = directory.path().join("occasional/touches/reading.md");
        std::fs::write(&mail, b"+++\nsubject = \"Gr\xfc\xdfe\"\nfrom = \"team\"\n+++\nHello.\n").unwrap();
        let mut out = Vec::new();
        assert_eq!(run(directory.path(), Format::Json, &mut out).unwrap(), ExitCode::FAILURE);
        let json: serde_json::Value = serde_json::from_slice(&out).unwrap();
        let found = json["diagnostics"].as_array().unwrap();
        let lost = found.iter().find(|one| one["code"] == "P061").unwrap();
        assert_eq!(lost["file"], mail.to_str().unwrap());
        assert_eq!((&lost["line"], &lost["column"]), (&2.into(), &14.into()));
        assert!(found.len() > 4, "all else is said beside it: {json}");

        let mut out = Vec::new();
        assert_eq!(run(directory.path(), Format::Text, &mut out).unwrap(), ExitCode::FAILURE);
        let text = String::from_utf8(out).unwrap();
        assert!(text.contains("P061") && text.contains("subject = \"Gr��e\""), "{text}");
        assert!(text.contains("help: save the file as UTF-8"), "{text}");
    }

    #[test]
    fn a_code_is_explained_however_it_is_typed() {
        let mut out = Vec::new();
        explain(code(" p022 ").unwrap(), &mut out).unwrap();
        insta::assert_snapshot!(String::from_utf8(out).unwrap(), @r#"
        P022

        A send window that never opens. Mail that waits for it would wait for ever.

        Name at least one day, and let the window open before it closes on the same day. Times are those of
        the lead's own zone.

        Wrong, [window] in catalog.toml:

            [window]
            days = ["mon", "tue", "wed", "thu", "fri"]
            opens = "17:00"
            closes = "08:00"

        Right, [window] in catalog.toml:

            [window]
            days = ["mon", "tue", "wed", "thu", "fri"]
            opens = "08:00"
            closes = "17:00"
        "#);
        assert_eq!(
            code("P999"),
            Err(format!("there is no such code; they go from P001 to {}", Code::ALL.last().unwrap()))
        );
    }

    #[test]
    fn the_shipped_programs_are_fine() {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../programs");
        let mut out = Vec::new();
        let status = run(&directory, Format::Text, &mut out).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "9 programs, 162 steps: fine\n");
        assert_eq!(status, ExitCode::SUCCESS);
    }
}

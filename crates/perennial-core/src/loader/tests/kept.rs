//! Older versions of programs.

use super::{base, edited};
use crate::diagnostic::Severity;
use crate::ids::ProgramName;
use crate::loader::{KeptProgram, SourceFile, parse_with, version_of};

/// The files of `welcome`, as they were once.
fn welcome(edits: &[(&str, &str, &str)]) -> KeptProgram {
    let files = edited(edits).into_iter().filter(|file| file.path.starts_with("welcome/")).collect();
    KeptProgram { name: ProgramName::parse("welcome").unwrap(), files }
}

fn said(kept: &[KeptProgram]) -> (Vec<String>, String) {
    let (catalog, diagnostics) = parse_with(&base(), kept);
    let catalog = catalog.expect("an older version never stops a catalog");
    assert!(diagnostics.iter().all(|diagnostic| diagnostic.severity == Severity::Warning));
    let kept = catalog.kept.keys().map(|(name, version)| format!("{name}@{}", version.0)).collect();
    let lines: Vec<String> = diagnostics.iter().map(|said| format!("{said}\n    {}", said.remedy)).collect();
    (kept, lines.join("\n"))
}

#[test]
fn an_older_version_is_kept_beside_the_one_of_today_with_its_own_mails() {
    let older = welcome(&[
        ("welcome/program.toml", "after = \"1d\"", "after = \"3d\""),
        ("welcome/touches/link.md", "Does it help?", "Did it help?"),
    ]);
    let version = version_of(&older.files).expect("a version");
    let (catalog, diagnostics) = parse_with(&base(), std::slice::from_ref(&older));
    assert!(diagnostics.is_empty(), "{diagnostics:?}");
    let catalog = catalog.expect("a catalog");
    let kept = &catalog.kept[&(older.name.clone(), version.clone())];
    let today = &catalog.programs[&older.name];
    assert_eq!(kept.version, version);
    assert_ne!(kept.version, today.version);
    assert_ne!(kept.steps[2].timing, today.steps[2].timing);
    assert_eq!(catalog.program_of(&older.name, &version).map(|program| &program.version), Some(&version));
}

#[test]
fn the_version_of_today_is_not_kept_twice() {
    let same = welcome(&[]);
    assert_eq!(said(&[same]), (Vec::new(), String::new()));
}

#[test]
fn a_version_is_made_of_the_files_that_count_and_nothing_else() {
    let mut files = welcome(&[]).files;
    let version = version_of(&files);
    assert!(version.is_some());
    files.push(SourceFile { path: "welcome/README.md".to_owned(), text: "notes".to_owned() });
    files.reverse();
    assert_eq!(version_of(&files), version);
    let catalog = parse_with(&base(), &[]).0.expect("a catalog");
    let name = ProgramName::parse("welcome").unwrap();
    assert_eq!(Some(&catalog.programs[&name].version), version.as_ref());
    assert_eq!(version_of(&[]), None);
}

#[test]
fn an_older_version_that_cannot_be_read_is_left_out_and_warned_of() {
    let (kept, warnings) = said(&[
        welcome(&[("welcome/program.toml", "kind = \"call\"", "kind = \"cal\"")]),
        welcome(&[("welcome/touches/link.md", "{{ facts.guide_url }}", "{{ facts.old_url }}")]),
        welcome(&[
            ("welcome/touches/link.md", "(\"there\")", "(\"you\")"),
            ("welcome/touches/link.md", "Does it help?", "{{ company }}"),
        ]),
        KeptProgram { name: ProgramName::parse("gone").unwrap(), files: Vec::new() },
        welcome(&[("welcome/program.toml", "after = \"1d\"", "after = \"5d\"")]),
    ]);
    assert_eq!(kept.len(), 1, "{kept:?}");
    insta::assert_snapshot!(warnings, @r#"
    gone@?/program.toml P054 this older version of `gone` is left out: this file is missing (P001)
        leads that started it go on in today's version, or else in the last resort; to choose where, run `perennial migrate`
    welcome@85767d0b9e0b/touches/link.md:7:32 P054 this older version of `welcome` is left out: `facts.old_url` is not declared in the catalog (P017)
        leads that started it go on in today's version, or else in the last resort; to choose where, run `perennial migrate`
    welcome@cbe2cee89d22/touches/link.md:7:1 P054 this older version of `welcome` is left out: this cannot be written for a lead who left the field empty (P025)
        leads that started it go on in today's version, or else in the last resort; to choose where, run `perennial migrate`
    welcome@ebed70df65c7/program.toml:13:8 P054 this older version of `welcome` is left out: `cal` is not a possible `kind` (P008)
        leads that started it go on in today's version, or else in the last resort; to choose where, run `perennial migrate`
    "#);
}

#[test]
fn what_an_older_version_only_warns_of_is_not_said() {
    let older = welcome(&[("welcome/program.toml", "then = \"occasional\"", "then = \"gone\"")]);
    let (kept, warnings) = said(&[older]);
    assert_eq!((kept.len(), warnings.as_str()), (1, ""));
}

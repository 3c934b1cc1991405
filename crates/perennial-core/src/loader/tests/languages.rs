//! Mails, footers and questions in the language that somebody reads.

use super::*;
use crate::catalog::Catalog;
use crate::content::MailId;
use crate::ids::{FieldName, Language, ProgramName, TemplateName};

const GERMAN: &str = r#"
[languages.de]
reason = "Sie haben sich bei uns gemeldet."
unsubscribe_label = "Abbestellen"
fields.company = { label = "Firma", question = "Wo arbeiten Sie?" }
"#;

/// The base with a mail in other languages, and words in the catalog.
fn with(words: &str, variants: &[(&str, &str)]) -> Vec<SourceFile> {
    let mut files = base();
    for file in files.iter_mut().filter(|file| file.path == "catalog.toml") {
        file.text.push_str(words);
    }
    for (name, body) in variants {
        let text = format!("+++\nsubject = \"{name}\"\nfrom = \"rep\"\n+++\n{body}\n");
        files.push(SourceFile { path: format!("welcome/touches/{name}.md"), text });
    }
    files
}

fn language(tag: &str) -> Language {
    Language::parse(tag).unwrap()
}

fn link(catalog: &Catalog) -> MailId {
    let program = ProgramName::parse("welcome").unwrap();
    let version = catalog.programs[&program].version.clone();
    MailId { program, version, template: TemplateName::parse("link").unwrap(), language: None }
}

#[test]
fn a_mail_is_taken_in_the_language_of_its_reader_else_in_the_wider_one_else_as_it_is() {
    let files =
        with(GERMAN, &[("link.pt", "Um guia."), ("link.pt-br", "Um guia, viu."), ("link.de", "Ein Leitfaden.")]);
    assert_eq!(report(&files), "");
    let catalog = parse(&files).0.unwrap();
    let mail = link(&catalog);
    let taken =
        |tag| catalog.content.in_language(&mail, Some(&language(tag))).language.as_ref().map(ToString::to_string);
    assert_eq!(taken("pt-br").as_deref(), Some("pt-br"));
    assert_eq!(taken("pt-ao").as_deref(), Some("pt"));
    assert_eq!(taken("de-at").as_deref(), Some("de"));
    assert_eq!(taken("fr"), None);
    assert_eq!(catalog.content.in_language(&mail, None).language, None);
}

#[test]
fn the_words_of_the_catalog_are_told_in_a_language_and_what_is_absent_as_it_is() {
    let catalog = parse(&with(GERMAN, &[])).0.unwrap();
    let german = language("de-ch");
    let organisation = catalog.organisation_in(Some(&german));
    assert_eq!((organisation.unsubscribe_label.as_str(), organisation.name.as_str()), ("Abbestellen", "Example Ltd"));
    let label = |name: &str| {
        let field = catalog.field_in(&FieldName::parse(name).unwrap(), Some(&german)).unwrap();
        field.label.clone()
    };
    assert_eq!((label("company"), label("message")), ("Firma".to_owned(), "Message".to_owned()));
    assert_eq!(
        catalog.organisation_in(Some(&language("fr"))).unsubscribe_label,
        catalog.organisation.unsubscribe_label
    );
}

#[test]
fn a_variant_is_held_to_what_the_mail_is_held_to() {
    insta::assert_snapshot!(report(&with("", &[("link.de", "Hallo {{ compnay }}, {{ first_name }}.")])), @r"
    welcome/touches/link.de.md:5:10 P017 `compnay` is not declared in the catalog
        did you mean `company`?
    ");
}

#[test]
fn a_variant_of_no_mail_is_warned_of() {
    insta::assert_snapshot!(report(&with("", &[("lnik.de", "Hallo.")])), @r"
    welcome/touches/lnik.de.md P014 it is a variant of `touches/lnik.md`, which is not there
        rename it, or remove it
    ");
}

#[test]
fn choices_in_a_language_are_those_of_the_field() {
    let field = "\n[fields.size]\nlabel = \"Size\"\ntype = \"choice\"\nchoices = [\"small\", \"large\"]\nsupplied_by = \"sales\"\n";
    let words =
        "[languages.de.fields]\nsize = { choices = [\"klein\", \"mittel\", \"gross\"] }\nszie = { label = \"G\" }\n";
    insta::assert_snapshot!(report(&with(&format!("{field}{words}"), &[])), @r"
    catalog.toml:97:20 P049 `size` has 2 choices, and here are 3
        write the same choices, in the same order
    catalog.toml:98:1 P009 `szie` is not a declared field
        did you mean `size`?
    ");
}

#[test]
fn another_text_of_a_variant_is_another_version_of_the_program() {
    let version = |body: &str| {
        let catalog = parse(&with("", &[("link.de", body)])).0.unwrap();
        catalog.programs[&ProgramName::parse("welcome").unwrap()].version.clone()
    };
    assert_ne!(version("Hallo."), version("Guten Tag."));
}

//! What the command prints, and what it says of files that it cannot use.

use std::fs;
use std::path::Path;

use perennial_core::testing;
use tempfile::TempDir;

use super::*;

/// A directory with the programs for tests.
pub(crate) fn directory() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    for file in testing::files() {
        let path = directory.path().join(&file.path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, file.text).unwrap();
    }
    directory
}

fn args(directory: &Path) -> PreviewArgs {
    PreviewArgs {
        program: "welcome".to_owned(),
        lead: None,
        touch: None,
        part: Part::Text,
        from: Some("2026-03-05 16:30".parse().unwrap()),
        format: Format::Text,
        programs: directory.to_owned(),
    }
}

fn printed(args: &PreviewArgs) -> anyhow::Result<String> {
    let mut out = Vec::new();
    let now = "2026-01-05T08:03:04.5Z".parse().unwrap();
    assert_eq!(run(args, now, &mut out)?, ExitCode::SUCCESS);
    Ok(String::from_utf8(out).unwrap())
}

#[test]
fn a_program_is_tried_on_somebody_known_and_somebody_unknown() {
    let directory = directory();
    let text = printed(&args(directory.path())).unwrap();
    let (known, unknown) = text.split_once("══ Somebody").unwrap();
    insta::assert_snapshot!(known, @"
    Welcome (welcome)

      steps    3, with 2 mails
      then     nurture
      window   Mon–Fri 08:00–17:00
      cap      at most 1 mail in 20 hours, 3 in 7 days


    ══ Ada Lovelace: everything is known ═══════════════════════════════════════════

    Enters the program on Thu 5 Mar 2026, 16:30, Europe/Berlin time.

     day  date        time    step                what happens
       0  Thu  5 Mar  16:30   response    mail    “Your message to Example Ltd”
                              first-call  call    Robin Vale calls by Sat 7 Mar,
                                                  16:30
       1  Fri  6 Mar  16:30   link        mail    “A guide for Analytical Engines
                                                  Ltd”
                                          ends    nothing is left to do → occasional

    ── mail 1 of 2: response, Thu 5 Mar 2026, 16:30 ────────────────────────────────

    From:     Robin Vale <robin@perennial.example>
    To:       ada.lovelace@example.com
    Subject:  Your message to Example Ltd
    Date:     Thu, 5 Mar 2026 16:30:00 +0100
    Reply-To: Robin Vale <robin@perennial.example>
    List-Unsubscribe: <https://your-domain.example/v1/unsubscribe/v1.sample…S16CXI>,
                      <mailto:unsubscribe@perennial.example?subject=v1.samp…FS16CXI>
    List-Unsubscribe-Post: List-Unsubscribe=One-Click
    Auto-Submitted: auto-generated
    References: <v1.sample.NXFqYjZtd3FuMngzbHZpNzRvM3VkaWJwNXEvMV93ZWxjb21l…example>

      Hi Ada,

      thank you for your message. I will call you.

      Robin Vale

      --
      You get this mail because you got in touch with us.
      Example Ltd, 1 Example Street, 12345 Exampletown
      Choose what you get:
      https://your-domain.example/v1/preferences/v1.sample.NXFqYjZtd3FuMngz…d2ZNQhKI
      Unsubscribe:
      https://your-domain.example/v1/unsubscribe/v1.sample.NXFqYjZtd3FuMngz…9FS16CXI

    ── mail 2 of 2: link, Fri 6 Mar 2026, 16:30 ────────────────────────────────────

    From:     Robin Vale <robin@perennial.example>
    To:       ada.lovelace@example.com
    Subject:  A guide for Analytical Engines Ltd
    Date:     Fri, 6 Mar 2026 16:30:00 +0100
    Reply-To: Robin Vale <robin@perennial.example>
    List-Unsubscribe: <https://your-domain.example/v1/unsubscribe/v1.sample…bwVAi4>,
                      <mailto:unsubscribe@perennial.example?subject=v1.samp…cbwVAi4>
    List-Unsubscribe-Post: List-Unsubscribe=One-Click
    Auto-Submitted: auto-generated
    References: <v1.sample.NXFqYjZtd3FuMngzbHZpNzRvM3VkaWJwNXEvMV93ZWxjb21l…example>

      Hi Ada,

      have a look at this guide <https://www.perennial.example/guide>. Does it
      help?

      Robin Vale

      --
      You get this mail because you got in touch with us.
      Example Ltd, 1 Example Street, 12345 Exampletown
      Choose what you get:
      https://your-domain.example/v1/preferences/v1.sample.NXFqYjZtd3FuMngz…hlsL7YTQ
      Unsubscribe:
      https://your-domain.example/v1/unsubscribe/v1.sample.NXFqYjZtd3FuMngz…fcbwVAi4
    ");
    assert!(unknown.contains("skipped: no number to call") && unknown.contains("Hi there,"), "{unknown}");
}

#[test]
fn no_line_is_wider_than_a_terminal() {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../programs");
    for name in ["welcome", "nurture", "acceleration", "newsletter", "turnback-timing"] {
        let text = printed(&PreviewArgs { program: name.to_owned(), ..args(&shipped) }).unwrap();
        for line in text.lines() {
            assert!(line.chars().count() <= 80, "{name}: {line}");
        }
    }
}

#[test]
fn one_mail_is_shown_alone_with_the_part_that_is_asked_for() {
    let directory = directory();
    let touch = Some(TemplateName::parse("link").unwrap());
    let text = printed(&PreviewArgs { touch, part: Part::Html, ..args(directory.path()) }).unwrap();
    assert!(!text.contains("what happens") && !text.contains("mail 2"), "{text}");
    assert_eq!(text.matches("<!doctype html>").count(), 2, "one for each lead");
    assert!(!text.contains("\n  Hi"), "no plain text");
}

#[test]
fn tools_get_everything_as_json() {
    let directory = directory();
    let text = printed(&PreviewArgs { format: Format::Json, ..args(directory.path()) }).unwrap();
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(json["name"], "welcome");
    let lead = &json["leads"][0];
    assert_eq!(lead["calendar"][0]["at"], "2026-03-05T16:30:00+01:00[Europe/Berlin]");
    assert_eq!(lead["calendar"][2]["text"], "“A guide for Analytical Engines Ltd”");
    assert_eq!(lead["end"]["then"], "occasional");
    assert_eq!(lead["mails"][0]["headers"][0]["name"], "From");
    assert!(lead["mails"][0]["html"].as_str().unwrap().starts_with("<!doctype html>"));
}

fn lead(text: &str) -> anyhow::Result<String> {
    let directory = directory();
    let path = directory.path().join("ada.lead");
    fs::write(&path, text).unwrap();
    let shown = printed(&PreviewArgs { lead: Some(path.clone()), ..args(directory.path()) });
    let mended = |text: &str| text.replace(&path.display().to_string(), "ada.toml");
    shown.map_err(|error| anyhow::anyhow!(mended(&format!("{error:#}"))))
}

#[test]
fn a_lead_of_ones_own_has_its_zone_answers_and_signs() {
    let text = lead(
        r#"
        email = "ada@example.com"
        zone = "Asia/Tokyo"
        stage = "mql"
        [fields]
        first_name = "Ada"
        [[signal]]
        kind = "clicked"
        at = "+3h"
        "#,
    );
    let text = text.unwrap();
    for part in [
        "══ ada ═",
        "Enters the program on Thu 5 Mar 2026, 16:30, Asia/Tokyo time.",
        "19:30               sign    the person: clicked",
        "Hi Ada,",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(!text.contains("══ Somebody"));
}

#[test]
fn all_that_is_wrong_with_a_lead_is_said_at_once() {
    let error = lead(
        r#"
phon = "+44 20"
zone = "Europe/Londn"
stage = "quarantined"
[fields]
first_name = 5
frist_name = "Ada"
[[signal]]
kind = "cliked"
at = "3 days"
topic = "prices"
[[signal]]
knd = "clicked"
"#,
    );
    insta::assert_snapshot!(error.unwrap_err(), @r#"
    ada.toml is not a lead to try a program on

      ada.toml
        the lead has neither `email` nor `phone`
        help: add `email = "ada@example.com"`: a lead is somebody who can be reached

      ada.toml:2:1
        unknown key `phon`
        help: did you mean `phone`?

      ada.toml:3:8
        there is no time zone `Europe/Londn`
        help: write for example `zone = "Europe/London"`

      ada.toml:4:9
        no lead is in a program in the stage `quarantined`, only in `inquiry`, `mql`, `sal`, `sql`, `customer`, `recycled`
        help: write for example `stage = "inquiry"`

      ada.toml:6:14
        `first_name` must be a text
        help: write `first_name = "…"`

      ada.toml:7:1
        unknown field `frist_name`
        help: did you mean `first_name`?

      ada.toml:9:8
        there is no signal `cliked`: did you mean `clicked`?
        help: write for example `kind = "clicked"`

      ada.toml:10:6
        `3 days` is not a time after the start: a delay is a whole number and one of m, h, d, w, bd
        help: write for example `at = "+3d"`

      ada.toml:11:9
        there is no topic `prices`: declare it in catalog.toml under [topics]
        help: write for example `topic = "pricing"`

      ada.toml:12:1
        a signal has no `kind`
        help: add `kind = "clicked"`

      ada.toml:12:1
        a signal has no `at`
        help: add `at = "+3d"`

      ada.toml:13:1
        unknown key `knd`
        help: did you mean `kind`?
    "#);
}

#[test]
fn a_lead_file_that_is_no_toml_is_not_guessed_at() {
    insta::assert_snapshot!(lead("email = ada@example.com\nphone = \"1\"\n").unwrap_err(), @r#"
    ada.toml is not a lead to try a program on

      ada.toml:1:9
        string values must be quoted, expected literal string
        help: write TOML: `key = "value"`, one a line
    "#);
}

#[test]
fn answers_are_held_against_the_catalog() {
    let directory = directory();
    let catalog = directory.path().join("catalog.toml");
    let declared = "[fields]\nsize = { label = \"Size\", type = \"choice\", choices = [\"1-9\", \"10+\"] }\n\
                    due = { label = \"Due\", type = \"date\" }\n";
    let text = fs::read_to_string(&catalog).unwrap().replace("[fields]\n", declared);
    fs::write(&catalog, text).unwrap();
    let problems = |fields: &str| {
        let path = directory.path().join("ada.lead");
        fs::write(&path, format!("email = \"ada@example.com\"\n[fields]\n{fields}\n")).unwrap();
        let shown = printed(&PreviewArgs { lead: Some(path), ..args(directory.path()) });
        shown.err().map(|error| error.to_string().matches("help:").count())
    };
    assert_eq!(problems("size = \" 10+ \"\ndue = 2026-05-01"), None, "case and space do not count");
    assert_eq!(problems("size = \"10\"\ndue = \"in May\""), Some(2));
    assert_eq!(problems(&format!("first_name = \"{}\"", "x".repeat(81))), Some(1));
}

#[test]
fn what_is_not_there_is_named_with_what_is_like_it() {
    let directory = directory();
    let error = |args: PreviewArgs| printed(&args).unwrap_err().to_string();
    let program = PreviewArgs { program: "welcom".to_owned(), ..args(directory.path()) };
    assert!(error(program).ends_with(": did you mean `welcome`?"));
    let program = PreviewArgs { program: "xyz".to_owned(), ..args(directory.path()) };
    assert!(error(program).ends_with(", only occasional, welcome"));
    let touch = PreviewArgs { touch: TemplateName::parse("lnik").ok(), ..args(directory.path()) };
    assert_eq!(error(touch), "`welcome` has no mail `lnik`: did you mean `link`?");
}

#[test]
fn a_program_with_mistakes_is_not_shown_and_the_others_are() {
    let directory = directory();
    let path = directory.path().join("welcome/touches/link.md");
    fs::write(&path, "no front matter").unwrap();
    let error = printed(&args(directory.path())).unwrap_err().to_string();
    assert!(error.starts_with("the program `welcome` has mistakes: "), "{error}");
    assert!(printed(&PreviewArgs { program: "occasional".to_owned(), ..args(directory.path()) }).is_ok());
}

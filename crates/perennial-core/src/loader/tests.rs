//! What the loader says about files that are wrong, and that it says nothing about those we ship.

mod broadcast;
mod format;
mod kept;
mod languages;
mod mutated;

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::loader::{SourceFile, parse};
use crate::testing;

/// The small catalog, without the one thing in it that is warned of.
fn base() -> Vec<SourceFile> {
    let mut files = testing::files();
    for file in &mut files {
        file.text = file.text.replace("then = \"nurture\"", "then = \"occasional\"");
    }
    files
}

/// The small catalog with some texts replaced, in its files as they stand.
fn edited(edits: &[(&str, &str, &str)]) -> Vec<SourceFile> {
    let mut files = base();
    for (path, from, to) in edits {
        let file = files.iter_mut().find(|file| file.path == *path).expect("a file of the catalog");
        assert!(file.text.contains(from), "{path} does not hold {from:?}");
        file.text = file.text.replacen(from, to, 1);
    }
    files
}

fn report(files: &[SourceFile]) -> String {
    let (catalog, diagnostics) = parse(files);
    assert_eq!(catalog.is_some(), !diagnostics.iter().any(crate::diagnostic::Diagnostic::is_error));
    diagnostics.iter().fold(String::new(), |mut text, diagnostic| {
        writeln!(text, "{diagnostic}\n    {}", diagnostic.remedy).expect("a string takes everything");
        text
    })
}

fn check(edits: &[(&str, &str, &str)]) -> String {
    report(&edited(edits))
}

/// The file of a touch with another text.
fn check_mail(body: &str) -> String {
    let mut files = base();
    let file = files.iter_mut().find(|file| file.path == "welcome/touches/link.md").expect("the touch");
    file.text = format!("+++\nsubject = \"A guide\"\nfrom = \"rep\"\n+++\n{body}\n");
    report(&files)
}

/// The files under `programs/`.
fn shipped() -> Vec<SourceFile> {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../programs"));
    let mut files = Vec::new();
    read_below(root, root, &mut files);
    assert!(files.len() > 50, "{} files", files.len());
    files
}

#[expect(clippy::disallowed_methods, reason = "a test reads the files that we ship")]
fn read_below(folder: &Path, root: &Path, files: &mut Vec<SourceFile>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            read_below(&path, root, files);
        } else {
            let below = path.strip_prefix(root).expect("a path below the root");
            let text = fs::read_to_string(&path).expect("a text");
            files.push(SourceFile { path: below.to_str().expect("UTF-8").replace('\\', "/"), text });
        }
    }
}

#[test]
fn the_shipped_programs_load_without_a_diagnostic() {
    assert_eq!(report(&shipped()), "");
}

#[test]
fn the_shipped_welcome_has_the_steps_and_waits_of_the_domain() {
    let catalog = parse(&shipped()).0.expect("a catalog");
    let welcome = catalog.programs.values().find(|program| program.name.as_str() == "welcome").expect("the program");
    let steps: Vec<String> = welcome.steps.iter().map(|step| format!("{} {:?}", step.id, step.timing)).collect();
    insta::assert_snapshot!(steps.join("\n"), @r#"
    response After(Minutes(0))
    first-call After(Minutes(0))
    helpful-link After(Days(1))
    second-call After(Days(2))
    short-case After(Days(2))
    this-quarter After(Days(3))
    first-questions After(Days(4))
    stopping-here After(Days(3))
    "#);
}

#[test]
fn the_catalog_for_tests_loads_with_the_one_warning_that_is_meant() {
    assert_eq!(check(&[]), "");
    insta::assert_snapshot!(report(&testing::files()), @r#"
    welcome/program.toml:3:8 P041 there is no program `nurture`: the last resort follows in its place
        use one of: occasional, welcome
    "#);
}

#[test]
fn the_order_of_the_files_changes_nothing() {
    let mut files =
        edited(&[("catalog.toml", "\"Europe/Berlin\"", "\"Nowhere\""), ("welcome/program.toml", "\"1d\"", "\"soon\"")]);
    let forward = report(&files);
    files.reverse();
    assert_eq!(report(&files), forward);
    let mut files = shipped();
    let versions = |files: &[SourceFile]| {
        parse(files).0.map(|catalog| catalog.programs.into_values().map(|program| program.version).collect::<Vec<_>>())
    };
    let forward = versions(&files);
    files.reverse();
    assert_eq!(versions(&files), forward);
}

#[test]
fn another_text_of_a_mail_is_another_version_of_its_program_only() {
    let version = |files: &[SourceFile], name: &str| {
        let catalog = parse(files).0.expect("a catalog");
        let program = catalog.programs.values().find(|program| program.name.as_str() == name).expect("the program");
        program.version.0.clone()
    };
    let before = base();
    let after = edited(&[("welcome/touches/link.md", "Does it help?", "Did it help?")]);
    assert_ne!(version(&before, "welcome"), version(&after, "welcome"));
    assert_eq!(version(&before, "occasional"), version(&after, "occasional"));
    assert_eq!(version(&before, "welcome").len(), 12);
}

#[test]
fn all_problems_of_all_files_come_at_once_from_top_to_bottom() {
    insta::assert_snapshot!(check(&[
        ("catalog.toml", "opens = \"08:00\"", "opens = \"8 o'clock\""),
        ("catalog.toml", "weekly_max = 3", "weekly_max = \"three\"\nmonthly_max = 9"),
        ("catalog.toml", "\"robin@perennial.example\"", "\"robin\""),
        ("welcome/program.toml", "kind = \"call\"", "kind = \"cal\""),
        ("welcome/program.toml", "class = \"response\"", "class = \"responses\""),
        ("welcome/program.toml", "after = \"1d\"", "after = \"1 day\""),
        ("occasional/touches/reading.md", "from = \"team\"", "from = \"boss\""),
    ]), @r#"
    catalog.toml:19:9 P022 `8 o'clock` is not a time of day
        write hours and minutes: "08:00"
    catalog.toml:24:14 P005 `weekly_max` in [cap] must be a whole number from 1 to 16
        write for example `weekly_max = 3`
    catalog.toml:25:1 P003 [cap] has no setting `monthly_max`
        use one of: spacing, weekly_max
    catalog.toml:42:43 P020 `robin` is not an address that mail can be sent from
        write it as `name@your-domain`, in ASCII before the @
    occasional/touches/reading.md:3:8 P008 `boss` is not a possible `from`
        use one of: rep, team
    welcome/program.toml:8:9 P008 `responses` is not a possible `class`
        did you mean `response`?
    welcome/program.toml:13:8 P008 `cal` is not a possible `kind`
        did you mean `call`?
    welcome/program.toml:20:9 P007 `1 day` is not a duration
        write a whole number and m, h, d, w or bd (business days): "0m", "20h", "14d", "3bd"
    "#);
}

#[test]
fn toml_that_does_not_parse_is_named_with_its_line() {
    insta::assert_snapshot!(check(&[
        ("catalog.toml", "name = \"Example Ltd\"", "name = Example Ltd"),
        ("welcome/program.toml", "title = \"Welcome\"", "title = \"Welcome"),
    ]), @r#"
    catalog.toml:7:8 P002 string values must be quoted, expected literal string
        the file must be TOML (https://toml.io): one `key = value` a line, texts in double quotes
    welcome/program.toml:2:17 P002 invalid basic string, expected `"`
        the file must be TOML (https://toml.io): one `key = value` a line, texts in double quotes
    "#);
}

#[test]
fn an_empty_directory_is_told_what_is_missing() {
    insta::assert_snapshot!(report(&[]), @r#"
    catalog.toml P001 this file is missing
        write it: it says who sends, when, and to which forms
    "#);
}

#[test]
fn a_catalog_without_anything_is_told_everything() {
    insta::assert_snapshot!(report(&[SourceFile { path: "catalog.toml".to_owned(), text: String::new() }]), @r#"
    catalog.toml:1:1 P004 the catalog has no `cap`
        add `[cap]` with `spacing` and `weekly_max`
    catalog.toml:1:1 P004 the catalog has no `default_queue`
        add `default_queue = "…"` with the name of a queue
    catalog.toml:1:1 P004 the catalog has no `default_zone`
        add `default_zone`, for example "Europe/Berlin"
    catalog.toml:1:1 P004 the catalog has no `fields`
        add `[fields.first_name]` and what else you ask
    catalog.toml:1:1 P004 the catalog has no `gate`
        add `[gate]` with `score`, `touches_min`, `human_signals_min` and `reentry_percent`
    catalog.toml:1:1 P004 the catalog has no `last_resort`
        add `last_resort = "…"` with the name of a program
    catalog.toml:1:1 P004 the catalog has no `organisation`
        add `[organisation]`: every mail says who sends it
    catalog.toml:1:1 P004 the catalog has no `queues`
        add `[queues.sdr]` with its sender: someone owns every lead
    catalog.toml:1:1 P004 the catalog has no `scores`
        add `[scores]`, for example `replied = { points = 25, half_life = "60d" }`
    catalog.toml:1:1 P004 the catalog has no `sla`
        add `[sla]`: how long sales has, and what happens when it does not act
    catalog.toml:1:1 P004 the catalog has no `turnback`
        add `[turnback.no_response]` and a table for each other reason: what happens with a lead that sales gives back
    catalog.toml:1:1 P004 the catalog has no `window`
        add `[window]` with `days`, `opens` and `closes`
    "#);
}

#[test]
fn who_sends_must_be_complete() {
    insta::assert_snapshot!(check(&[
        ("catalog.toml", "postal_address = \"1 Example Street, 12345 Exampletown\"", "postal_address = \" \""),
        ("catalog.toml", "unsubscribe@perennial.example", "unsubscribe"),
        ("catalog.toml", "team = { name = \"Example Ltd\", address = \"team@perennial.example\" }", "team = { name = \"Example\\nLtd\", address = \"Ren\\u00e9@perennial.example\", phone = \"1\" }"),
        ("catalog.toml", "default_zone = \"Europe/Berlin\"", "default_zone = \"Europe/Berlln\""),
    ]), @r#"
    catalog.toml:2:16 P021 `Europe/Berlln` is not a time zone
        write an IANA name such as "Europe/Berlin" or "America/New_York"
    catalog.toml:8:18 P019 `postal_address` in [organisation] is empty
        fill in `postal_address`, or leave it out if it is optional
    catalog.toml:9:23 P020 `unsubscribe` is not an address that mail can be sent from
        write it as `name@your-domain`, in ASCII before the @
    catalog.toml:12:17 P005 the name is not one line
        remove the line break or control character
    catalog.toml:12:43 P020 `René@perennial.example` is not an address that mail can be sent from
        write it as `name@your-domain`, in ASCII before the @
    catalog.toml:12:74 P003 [organisation.team] has no setting `phone`
        use one of: name, address
    "#);
}

#[test]
fn names_of_what_does_not_exist_get_a_suggestion() {
    insta::assert_snapshot!(check(&[
        ("catalog.toml", "default_queue = \"sdr\"", "default_queue = \"sales\""),
        ("catalog.toml", "last_resort = \"occasional\"", "last_resort = \"ocasional\""),
        ("catalog.toml", "program = \"welcome\"", "program = \"nurture\""),
        ("catalog.toml", "\"last_name\", \"company\"", "\"lastname\", \"Company\""),
        ("catalog.toml", "origins = [\"https://www.perennial.example\"]", "origins = [\"www.perennial.example\"]"),
    ]), @r#"
    catalog.toml:3:17 P009 `sales` is not a queue
        use one of: sdr
    catalog.toml:4:15 P009 `ocasional` is not a program
        did you mean `occasional`?
    catalog.toml:34:11 P009 `nurture` is not a program
        use one of: occasional, welcome
    catalog.toml:35:25 P009 `lastname` is not a declared field
        did you mean `last_name`?
    catalog.toml:35:37 P006 `Company` is not a name here
        a field name must be 1 to 40 lower-case letters, digits or '_', starting with a letter
    catalog.toml:37:12 P024 `www.perennial.example` in `origins` is not an origin, so no post would ever match it
        write scheme and host in lower case, with no path and no slash at the end: "https://www.example.com"
    "#);
}

#[test]
fn a_send_window_must_open() {
    insta::assert_snapshot!(check(&[("catalog.toml", "days = [\"mon\", \"tue\", \"wed\", \"thu\", \"fri\"]", "days = []")]), @r#"
    catalog.toml:17:1 P022 a send window needs a day and must open before it closes
        for example `days = ["mon", "tue"]`, `opens = "08:00"`, `closes = "17:00"`
    "#);
    insta::assert_snapshot!(check(&[("catalog.toml", "closes = \"17:00\"", "closes = \"07:00\""), ("catalog.toml", "\"tue\"", "\"tues\"")]), @r#"
    catalog.toml:17:1 P022 a send window needs a day and must open before it closes
        for example `days = ["mon", "tue"]`, `opens = "08:00"`, `closes = "17:00"`
    catalog.toml:18:16 P008 `tues` is not a possible `days`
        did you mean `tue`?
    "#);
}

#[test]
fn a_field_that_the_suite_itself_fills_cannot_be_declared() {
    insta::assert_snapshot!(check(&[("catalog.toml", "[fields]", "[fields]\nemail = { label = \"E\", length_max = 9 }\nsender = { label = \"S\", length_max = 0 }")]), @r#"
    catalog.toml:27:1 P006 `email` cannot be declared: it is there already
        choose another name
    catalog.toml:28:1 P006 `sender` cannot be declared: it is there already
        choose another name
    "#);
}

#[test]
fn a_field_that_people_fill_in_is_no_honeypot() {
    let honeypot = |name: &str| check(&[("catalog.toml", "honeypot = \"website\"", &format!("honeypot = \"{name}\""))]);
    insta::assert_snapshot!(honeypot("company"), @r#"
    catalog.toml:36:12 P006 people fill in `company`: it cannot be the honeypot
        name a field that the form does not have, for example "website"
    "#);
    assert_ne!(honeypot("email"), "");
}

#[test]
fn a_program_must_say_what_follows_it() {
    insta::assert_snapshot!(check(&[("welcome/program.toml", "then = \"occasional\"", "")]), @r#"
    welcome/program.toml:1:1 P004 the program has no `then`
        add `then = "…"`: the program that follows when these steps are used up ("occasional" if nothing better)
    "#);
}

#[test]
fn a_program_that_follows_without_being_there_is_warned_of_and_no_more() {
    let then = |name: &str| edited(&[("welcome/program.toml", "then = \"occasional\"", &format!("then = \"{name}\""))]);
    insta::assert_snapshot!(report(&then("occasionally-b")), @r#"
    welcome/program.toml:3:8 P041 there is no program `occasionally-b`: the last resort follows in its place
        did you mean `occasional`?
    "#);
    assert!(parse(&then("occasionally-b")).0.is_some());
}

#[test]
fn a_program_that_is_all_but_there_is_a_slip() {
    let files = edited(&[("welcome/program.toml", "then = \"occasional\"", "then = \"ocasional\"")]);
    insta::assert_snapshot!(report(&files), @r#"
    welcome/program.toml:3:8 P041 there is no program `ocasional`, and `occasional` is nearly the same
        did you mean `occasional`?
    "#);
    assert!(parse(&files).0.is_none());
}

#[test]
fn steps_are_checked_one_by_one() {
    insta::assert_snapshot!(check(&[
        ("welcome/program.toml", "id = \"first-call\"", "id = \"First call\""),
        ("welcome/program.toml", "due_in = \"2d\"", "class = \"nurture\""),
        ("welcome/program.toml", "id = \"link\"", "id = \"response\""),
        ("welcome/program.toml", "after = \"1d\"", "after = \"171d\""),
        ("occasional/program.toml", "every = \"90d\"", "evry = \"90d\""),
        ("occasional/program.toml", "id = \"reading\"", "id = \"raeding\""),
    ]), @r#"
    occasional/program.toml:4:9 P004 [quiet] has no `every`
        add for example `every = "90d"`
    occasional/program.toml:4:30 P003 [quiet] has no setting `evry`
        did you mean `every`?
    occasional/program.toml:7:6 P013 the mail of this step is missing: occasional/touches/raeding.md
        did you mean `reading`? Otherwise write it
    occasional/touches/reading.md P014 no step of the program sends this file
        rename it, or remove it
    welcome/program.toml:11:1 P004 [[step]] has no `due_in`
        add how long its owner has, for example `due_in = "2d"`
    welcome/program.toml:12:6 P006 `First call` is not a name here
        a step id must be 1 to 40 lower-case letters, digits or '-', starting with a letter
    welcome/program.toml:15:1 P003 [[step]] has no setting `class`
        use one of: id, kind, skip_if, after, at, if_missing, due_in
    welcome/program.toml:18:6 P010 a step `response` is there already
        give each step of a program an id of its own
    welcome/program.toml:20:9 P012 `after` is longer than 170 days: the lead would be forgotten
        wait at most 170 days, and put a step in between
    welcome/touches/link.md P014 no step of the program sends this file
        rename it, or remove it
    "#);
}

#[test]
fn a_program_has_steps_but_not_too_many() {
    let mut files = base();
    let occasional = files.iter_mut().find(|file| file.path == "occasional/program.toml").expect("the program");
    occasional.text = "title = \"Occasional\"\nthen = \"occasional\"\n".to_owned();
    let welcome = files.iter_mut().find(|file| file.path == "welcome/program.toml").expect("the program");
    for number in 0..200 {
        write!(welcome.text, "[[step]]\nid = \"call-{number}\"\nkind = \"call\"\nafter = \"1d\"\ndue_in = \"1d\"\n")
            .expect("a string takes everything");
    }
    insta::assert_snapshot!(report(&files), @r#"
    occasional/program.toml:1:1 P011 the program has no `step`
        add a `[[step]]` with `id`, `kind` and `after`
    occasional/touches/question.md P014 no step of the program sends this file
        rename it, or remove it
    occasional/touches/reading.md P014 no step of the program sends this file
        rename it, or remove it
    welcome/program.toml:1006:1 P011 the program has more than 200 steps
        let a second program follow it: `then = "…"`
    "#);
}

#[test]
fn programs_that_chase_one_another_are_refused() {
    insta::assert_snapshot!(check(&[
        ("welcome/program.toml", "after = \"1d\"", "after = \"1h\""),
        ("occasional/program.toml", "then = \"occasional\"", "then = \"welcome\""),
        ("occasional/program.toml", "after = \"42d\"", "after = \"0m\""),
        ("occasional/program.toml", "after = \"42d\"", "after = \"0m\""),
    ]), @r#"
    occasional/program.toml:3:8 P028 from here a lead comes back to `occasional` within 60 minutes, for ever (occasional → welcome → occasional)
        let a step wait: `after = "42d"`, or lead on to another program
    occasional/program.toml:14:9 P036 `question` is planned 0m after the mail before it, and the cap lets one go in 20h
        let at least 20h lie between them, or loosen the cap
    welcome/program.toml:20:9 P036 `link` is planned 1h after the mail before it, and the cap lets one go in 20h
        let at least 20h lie between them, or loosen the cap
    "#);
}

#[test]
fn files_that_nothing_uses_are_warned_of_and_a_readme_is_not() {
    let mut files = base();
    for path in [
        "welcome/touches/old.md",
        "welcome/steps.toml",
        "README.md",
        "welcome/NOTES.md",
        "Not A Program/program.toml",
        "empty/touches/a.md",
        "welcome/touches/more.md.txt",
        "welcome/touches/logo.png",
    ] {
        files.push(SourceFile { path: path.to_owned(), text: String::new() });
    }
    insta::assert_snapshot!(report(&files), @r#"
    Not A Program/program.toml P006 the folder `Not A Program` cannot be a program
        rename it: a program name must be 1 to 40 lower-case letters, digits or '-', starting with a letter
    empty/program.toml P001 this file is missing
        write it, with `title`, `then` and its steps, or remove the folder
    welcome/steps.toml P014 nothing reads a TOML file of this name
        rename it, or remove it
    welcome/touches/logo.png P014 nothing reads this file: the name of a mail ends in `.md`
        rename it, or remove it
    welcome/touches/more.md.txt P014 nothing reads this file: the name of a mail ends in `.md`
        rename it to `more.md`, or remove it
    welcome/touches/old.md P014 no step of the program sends this file
        rename it, or remove it
    "#);
}

/// A copy of the catalog with a mistake in one program, and with another text of one file.
fn with_text(path: &str, change: impl Fn(&str) -> String) -> Vec<SourceFile> {
    let mut files = edited(&[("occasional/program.toml", "every = \"90d\"", "evry = \"90d\"")]);
    let file = files.iter_mut().find(|file| file.path == path).expect("a file of the catalog");
    file.text = change(&file.text);
    files
}

#[test]
fn a_file_that_is_not_utf_8_is_read_as_far_as_it_goes_and_the_others_are() {
    let broken = "Sch\u{FFFD}ne Gr\u{FFFD}\u{FFFD}e {{ frist_name | default(\"\") }}";
    insta::assert_snapshot!(report(&with_text("welcome/touches/link.md", |text| text.replace("have a look", broken))), @r#"
    occasional/program.toml:4:9 P004 [quiet] has no `every`
        add for example `every = "90d"`
    occasional/program.toml:4:30 P003 [quiet] has no setting `evry`
        did you mean `every`?
    welcome/touches/link.md:7:4 P061 a character is lost here: the file is not UTF-8
        save the file as UTF-8; where `�` stands then, type the character again
    welcome/touches/link.md:7:17 P017 `frist_name` is not declared in the catalog
        did you mean `first_name`?
    "#);
    let utf_16 = |text: &str| format!("\u{FFFD}\u{FFFD}{}", text.chars().flat_map(|c| [c, '\0']).collect::<String>());
    for path in ["catalog.toml", "welcome/program.toml", "welcome/touches/link.md"] {
        let report = report(&with_text(path, utf_16));
        assert!(report.contains(&format!("{path} P061 this is UTF-16, or no text at all\n")), "{report}");
        assert!(report.contains("did you mean `every`?"), "{report}");
        assert!(!report.contains("is missing"), "{report}");
    }
}

#[test]
fn more_than_the_limits_is_refused() {
    let long = |text: &str| text.to_owned() + &"x".repeat(super::FILE_LENGTH_MAX);
    insta::assert_snapshot!(report(&with_text("welcome/touches/link.md", long)), @r#"
    occasional/program.toml:4:9 P004 [quiet] has no `every`
        add for example `every = "90d"`
    occasional/program.toml:4:30 P003 [quiet] has no setting `evry`
        did you mean `every`?
    welcome/touches/link.md P027 longer than 262144 bytes
        split it, or shorten it
    "#);
    // Nothing reads it, so it may be as long as it likes.
    let mut files = base();
    files.push(SourceFile { path: "welcome/NOTES.md".to_owned(), text: "x".repeat(super::FILE_LENGTH_MAX + 1) });
    assert_eq!(report(&files), "");
    let many = vec![SourceFile { path: String::new(), text: String::new() }; super::FILES_MAX + 1];
    insta::assert_snapshot!(report(&many), @r#"
    . P027 more than 300000 files
        is this the directory of the programs?
    "#);
}

#[test]
fn a_touch_needs_its_front_matter() {
    insta::assert_snapshot!(check(&[
        ("welcome/touches/link.md", "+++\nsubject", "subject"),
        ("welcome/touches/response.md", "from = \"rep\"", "form = \"rep\""),
        ("occasional/touches/reading.md", "subject = \"Something to read\"", "subject = \"Something\\nto read\""),
        ("occasional/touches/question.md", "Hello {{ first_name | default(\"again\") }}. Is this still on your list?", ""),
    ]), @r#"
    occasional/touches/question.md:5:1 P019 the mail has no text
        write it below the front matter
    occasional/touches/reading.md:2:11 P018 the subject is not one line
        remove the line break or control character
    welcome/touches/link.md:1:1 P015 the file does not start with a front matter
        start the file with `+++`, `subject = "…"`, `from = "rep"`, `+++`, each on its own line; the mail follows
    welcome/touches/response.md:2:1 P004 the front matter has no `from`
        add `from = "rep"` (the lead's owner writes) or `from = "team"`
    welcome/touches/response.md:3:1 P003 the front matter has no setting `form`
        did you mean `from`?
    "#);
}

#[test]
fn a_front_matter_may_come_from_windows() {
    let mut files = base();
    for file in &mut files {
        file.text = format!("\u{FEFF}{}", file.text.replace('\n', "\r\n"));
    }
    assert_eq!(report(&files), "");
}

#[test]
fn a_template_that_does_not_parse_is_named_with_its_line_in_the_file() {
    insta::assert_snapshot!(check_mail("Hi {{ first_name | }}"), @r#"
    welcome/touches/link.md:5:1 P016 unexpected end of variable block, expected identifier
        a value is `{{ name | default("there") }}`, a condition `{% if name %} … {% endif %}`
    "#);
    insta::assert_snapshot!(check(&[("welcome/touches/link.md", "{% if company %}", "{% when company %}")]), @r#"
    welcome/touches/link.md:2:11 P016 unknown statement when
        a value is `{{ name | default("there") }}`, a condition `{% if name %} … {% endif %}`
    "#);
}

#[test]
fn what_a_template_never_closes_is_shown_where_it_begins() {
    insta::assert_snapshot!(check_mail("Hi,\n\n{% if company %}\nhow is {{ company }}?\n\nBye"), @r#"
    welcome/touches/link.md:7:1 P016 this `if` is never closed
        close it with `{% endif %}`
    "#);
    insta::assert_snapshot!(check_mail("{%- if company %}a{% endif %}\n{% if company -%}\n{%if first_name%}x{%endif%}\nBye"), @r#"
    welcome/touches/link.md:6:1 P016 this `if` is never closed
        close it with `{% endif %}`
    "#);
    insta::assert_snapshot!(check_mail("{% if company %}\n{% for a in company %}\n{{ a }}\nBye"), @r#"
    welcome/touches/link.md:6:1 P016 this `for` is never closed
        close it with `{% endfor %}`
    "#);
    insta::assert_snapshot!(check_mail("Hi {{ first_name\n\nBye"), @r#"
    welcome/touches/link.md:5:4 P016 this `{{` is never closed
        close it with `}}`
    "#);
}

#[test]
fn a_field_that_is_not_declared_is_named_where_it_is_used() {
    insta::assert_snapshot!(check_mail("Hi {{ first_name | default(\"you\") }},\n\nat {{ compny | default(\"x\") }} {{ facts.guide }} {{ sender.phone }} {{ env }}"), @r#"
    welcome/touches/link.md:7:7 P017 `compny` is not declared in the catalog
        did you mean `company`?
    welcome/touches/link.md:7:35 P017 `facts.guide` is not declared in the catalog
        did you mean `facts.guide_url`?
    welcome/touches/link.md:7:53 P017 `sender.phone` is not declared in the catalog
        did you mean `sender.name`?
    welcome/touches/link.md:7:72 P017 `env` is not declared in the catalog
        use one of: company, first_name, last_name, message, facts.guide_url, sender.name, organisation.name, unsubscribe_url, questions, answers, answer_url
    "#);
    insta::assert_snapshot!(check(&[("welcome/touches/link.md", "{{ company }}", "{{ organisation }}")]), @r#"
    welcome/touches/link.md:2:11 P017 `organisation` is not declared in the catalog
        did you mean `organisation.name`?
    "#);
}

#[test]
fn a_mail_that_cannot_be_written_for_a_stranger_is_refused() {
    insta::assert_snapshot!(check_mail("Hi,\n\nat {{ company }} you"), @r#"
    welcome/touches/link.md:7:1 P025 this cannot be written for a lead who left the field empty
        say what to write then: `{{ first_name | default("there") }}`, or ask `{% if company %}`
    "#);
    insta::assert_snapshot!(check_mail("Hi,\n\n{% if company %}at {{ company | shout }}{% endif %}"), @r#"
    welcome/touches/link.md:7:1 P016 filter shout is unknown
        filters are: default, lower, upper, capitalize, title, trim
    "#);
    insta::assert_snapshot!(check(&[("welcome/touches/link.md", "A guide{% if company %} for {{ company }}{% endif %}", "{{ company | default(' ') }}")]), @r#"
    welcome/touches/link.md:2:1 P018 the subject can be empty
        let something remain of it when a field is not known
    "#);
}

#[test]
fn what_plain_mail_does_not_have_is_refused() {
    insta::assert_snapshot!(check_mail("Hi <b>you</b>,\n\n<div>\nhello\n</div>\n\n![pixel](https://example.com/p.gif) and `code`\n\n    four spaces"), @r#"
    welcome/touches/link.md:5:4 P023 a mail cannot hold HTML
        use paragraphs, lists, **bold**, *italic* and [links](https://www.example.com), and indent nothing else
    welcome/touches/link.md:7:1 P023 a mail cannot hold HTML
        use paragraphs, lists, **bold**, *italic* and [links](https://www.example.com), and indent nothing else
    welcome/touches/link.md:11:1 P023 a mail cannot hold an image
        use paragraphs, lists, **bold**, *italic* and [links](https://www.example.com), and indent nothing else
    welcome/touches/link.md:11:41 P023 a mail cannot hold code
        use paragraphs, lists, **bold**, *italic* and [links](https://www.example.com), and indent nothing else
    welcome/touches/link.md:13:5 P023 a mail cannot hold code
        use paragraphs, lists, **bold**, *italic* and [links](https://www.example.com), and indent nothing else
    "#);
}

#[test]
fn an_origin_that_no_browser_sends_is_refused() {
    insta::assert_snapshot!(check(&[("catalog.toml", "origins = [\"https://www.perennial.example\"]", "origins = [\"https://www.perennial.example/\"]")]), @r#"
    catalog.toml:37:12 P024 `https://www.perennial.example/` in `origins` is not an origin, so no post would ever match it
        write scheme and host in lower case, with no path and no slash at the end: "https://www.example.com"
    "#);
}

#[test]
fn a_link_leads_to_the_web_a_mailbox_or_a_phone() {
    insta::assert_snapshot!(check_mail("[a](javascript:alert) [b](/guide) [c](data:text/html,x) [d]( JaVaScRiPt:x )"), @r#"
    welcome/touches/link.md:5:1 P024 a link to `javascript:alert` is not allowed
        a link starts with https://, http://, mailto: or tel:
    welcome/touches/link.md:5:23 P024 a link to `/guide` is not allowed
        a link starts with https://, http://, mailto: or tel:
    welcome/touches/link.md:5:35 P024 a link to `data:text/html,x` is not allowed
        a link starts with https://, http://, mailto: or tel:
    welcome/touches/link.md:5:57 P024 a link to `JaVaScRiPt:x` is not allowed
        a link starts with https://, http://, mailto: or tel:
    "#);
    assert_eq!(
        check_mail(
            "[a](https://example.com) [b](HTTP://example.com) [c](mailto:a@example.com) [d](tel:+49123) <a@example.com> <https://example.com>"
        ),
        ""
    );
    insta::assert_snapshot!(check(&[("catalog.toml", "guide_url = \"https://www.perennial.example/guide\"", "guide_url = \"javascript:alert(1)\"")]), @r#"
    welcome/touches/link.md:7:1 P024 a link to `javascript:alert(1)` is not allowed
        a link starts with https://, http://, mailto: or tel:
    "#);
}

#[test]
fn no_personal_data_stands_in_a_link() {
    insta::assert_snapshot!(check_mail("Hi,\n\n[a](https://example.com/?who={{ first_name | default(\"x\") }})"), @r#"
    welcome/touches/link.md:7:1 P026 a link holds what a lead told us
        links are kept in logs everywhere: take the field out of the link
    "#);
}

#[test]
fn a_loop_that_never_ends_runs_out_of_fuel() {
    insta::assert_snapshot!(check_mail("{% for a in \"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\" %}{% for b in \"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\" %}{% for c in \"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\" %}{{ c }}{% endfor %}{% endfor %}{% endfor %}"), @r#"
    welcome/touches/link.md:5:1 P027 the template takes too many steps
        take out the loop: a mail has no use for one
    "#);
    insta::assert_snapshot!(check_mail("{{ \"x\" * 70000 }}"), @r#"
    welcome/touches/link.md:5:1 P027 the mail is longer than 65536 bytes
        shorten it
    "#);
}

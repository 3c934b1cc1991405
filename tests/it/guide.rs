//! The guides, run step by step in an empty folder: files are written, commands are run, and what the page shows must
//! be what comes out.
//!
//! A block says what it is: `toml title="programs/catalog.toml"` is that file, `toml add="…"` goes to the end of it,
//! and `console` has commands after `$ `, each with its output, where a line of `…` stands for any lines. With
//! `PERENNIAL_BLESS=1` what is not so is written into the page.

use std::path::Path;
use std::process::Command;
use std::{env, fs};

use crate::binaries::binary;
use crate::fences::{Fence, fences};

/// Stands for any lines.
const LEFT_OUT: &str = "…\n";

#[test]
fn the_first_program_comes_about_as_the_guide_says() {
    follow("docs/guide/first-program.md");
}

#[track_caller]
fn follow(page: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(page);
    let text = fs::read_to_string(&path).expect("the guide is read");
    let folder = tempfile::tempdir().expect("an empty folder");
    let mut run = text.clone();
    for fence in fences(&text) {
        let place = format!("{page}:{}", fence.line);
        if fence.language() == "console" {
            let truth = session(folder.path(), &fence.text, &place);
            if !agrees(&fence.text, &truth) {
                run = run.replacen(&block(&fence.text), &block(&truth), 1);
            }
        } else {
            write(folder.path(), &fence, &place);
        }
    }
    if env::var_os("PERENNIAL_BLESS").is_some() {
        fs::write(&path, &run).expect("the guide is written");
    }
    let found = fs::read_to_string(&path).expect("the guide is read");
    let differs = found.lines().zip(run.lines()).position(|(found, run)| found != run);
    if let Some(line) = differs {
        panic!(
            "{page}:{}: the page says\n  {}\nand in truth it is\n  {}",
            line + 1,
            nth(&found, line),
            nth(&run, line)
        );
    }
    assert!(found == run, "{page}: something more or less comes out in truth");
}

fn nth(text: &str, line: usize) -> &str {
    text.lines().nth(line).unwrap_or_default()
}

fn block(text: &str) -> String {
    format!("```console\n{text}```\n")
}

/// Whether a text is another one, but for lines that it leaves out.
fn agrees(page: &str, truth: &str) -> bool {
    let mut rest = Some(truth);
    for (number, part) in page.split(LEFT_OUT).enumerate() {
        rest = match number {
            0 => rest.and_then(|rest| rest.strip_prefix(part)),
            _ => rest.and_then(|rest| rest.split_once(&format!("\n{part}"))).map(|(_, rest)| rest),
        };
    }
    let is_open = page.ends_with(LEFT_OUT);
    rest.is_some_and(|rest| rest.is_empty() || is_open)
}

#[test]
fn a_page_may_leave_out_lines_and_nothing_else() {
    let truth = "$ a\none\ntwo\nthree\n";
    for page in [truth, "$ a\none\n…\nthree\n", "$ a\n…\n", "$ a\none\n…\n"] {
        assert!(agrees(page, truth), "{page}");
    }
    for page in ["$ a\none\n", "$ a\none\n…\nfour\n", "$ a\n…\ntwo\n", "$ b\n…\n", ""] {
        assert!(!agrees(page, truth), "{page}");
    }
}

/// Writes the file of a block.
fn write(folder: &Path, fence: &Fence, place: &str) {
    let named = |word: &str| fence.info.split_once(&format!("{word}=\"")).and_then(|(_, rest)| rest.strip_suffix('"'));
    let (path, before) = match (named("title"), named("add")) {
        (Some(path), _) => (folder.join(path), None),
        (None, Some(path)) => (folder.join(path), Some(fs::read_to_string(folder.join(path)).expect("it is there"))),
        (None, None) => panic!("{place}: a block that nothing runs"),
    };
    let text = before.map_or(fence.text.clone(), |before| format!("{before}\n{}", fence.text));
    fs::create_dir_all(path.parent().expect("it lies in a folder")).expect("the folder is made");
    fs::write(path, text).expect("the file is written");
}

/// The commands of a block, each with what comes out in truth.
fn session(folder: &Path, text: &str, place: &str) -> String {
    let commands: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("$ ")).collect();
    assert!(!commands.is_empty(), "{place}: a console without a command");
    let shown: Vec<String> = commands.iter().map(|line| format!("$ {line}\n{}", output(folder, line, place))).collect();
    shown.concat()
}

fn output(folder: &Path, line: &str, place: &str) -> String {
    let mut words = line.split_whitespace();
    let command = words.next().expect("a command");
    let arguments: Vec<&str> = words.collect();
    if command == "mkdir" {
        fs::create_dir(folder.join(arguments.concat())).expect("the folder is made");
        return String::new();
    }
    assert_eq!(command, "perennial", "{place}: only `perennial` and `mkdir` are run");
    let ran = Command::new(binary(command)).args(&arguments).current_dir(folder).env_remove("RUST_LOG").output();
    let ran = ran.expect("the command runs");
    // What is said beside the data, such as how long it took, is shown where it says why nothing came of it.
    let shown = if ran.stdout.is_empty() { ran.stderr } else { ran.stdout };
    let shown = String::from_utf8(shown).expect("it prints UTF-8");
    let lines: Vec<&str> = shown.lines().map(str::trim_end).collect();
    lines.join("\n") + "\n"
}

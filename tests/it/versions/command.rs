//! What a person types: `push`, `diff`, `migrate`, and an `up` whose programs are edited while it runs.

use std::fs;
use std::path::Path;

use perennial_core::loader::SourceFile;
use perennial_core::testing;

use super::{change, with, without_welcome};
use crate::faults::process::{Place, eventually, person};

const MAP: &str = "form = \"contact\"\nlist = \"fair\"\nid = \"Id\"\n[fields]\nemail = \"Email\"\n";

/// Writes a catalog's files in the place of those that were there.
pub(crate) fn write(directory: &str, files: &[SourceFile]) {
    if Path::new(directory).exists() {
        fs::remove_dir_all(directory).unwrap();
    }
    for SourceFile { path, text } in files {
        let path = Path::new(directory).join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

#[tokio::test]
async fn a_push_is_refused_with_the_count_until_everybody_is_moved() {
    let place = Place::new();
    let (programs, list, map) = (place.path("programs"), place.path("list.csv"), place.path("map.toml"));
    write(&programs, &testing::files());
    fs::write(&list, "Id,Email\n1,ada@example.com\n2,bob@example.com\n").unwrap();
    fs::write(&map, MAP).unwrap();

    let dry = place.perennial(&["push", &programs, "--dry-run"]).await;
    assert_eq!((dry.status, dry.out.as_str()), (Some(0), "would make release 1: 2 programs\n"), "{}", dry.error);
    // Nothing is published yet, so that an import publishes first.
    let import = place.perennial(&["import", &list, "--map", &map, "--programs", &programs]).await;
    assert_eq!(import.status, Some(0), "{}", import.error);
    assert!(import.error.starts_with("release 1: 2 programs\n"), "{}", import.error);
    let same = place.perennial(&["push", &programs]).await;
    assert_eq!(same.out, format!("nothing to publish: release 1 is what {programs} holds\n"));

    write(&programs, &without_welcome());
    let refused = place.perennial(&["push", &programs]).await;
    assert_eq!((refused.status, refused.out.as_str()), (Some(1), ""));
    assert!(refused.error.starts_with("error: `welcome` is in use by 2 leads"), "{}", refused.error);
    assert!(refused.error.contains("perennial migrate welcome --exit"), "{}", refused.error);
    // A form still leads to it, which is wrong too; but only because it is gone.
    write(&programs, &testing::files());
    fs::remove_dir_all(Path::new(&programs).join("welcome")).unwrap();
    let refused = place.perennial(&["push", &programs]).await;
    assert_eq!(refused.status, Some(1));
    assert!(refused.error.starts_with("error: `welcome` is in use by 2 leads"), "{}", refused.error);
    assert!(refused.error.contains("`welcome` is not a program"), "{}", refused.error);

    write(&programs, &with("welcome/touches/link.md", "Does it help?", "Did it help?"));
    let diff = place.perennial(&["diff", &programs]).await;
    assert!(diff.out.contains("= response                2 leads stand here\n"), "{}{}", diff.out, diff.error);
    assert!(diff.out.contains("\n      + have a look at"), "{}", diff.out);
    assert_eq!(place.perennial(&["push", &programs]).await.status, Some(0));
    write(&programs, &with("welcome/touches/link.md", "Does it help?", "Was it of use?"));
    let diff = place.perennial(&["diff", &programs]).await;
    assert!(diff.out.contains("   2 leads in others\n  in "), "{}{}", diff.out, diff.error);
    assert!(diff.out.contains(": 2 leads at response\n"), "{}", diff.out);
    let unmapped = place.perennial(&["migrate", "welcome", "--map", &map]).await;
    assert_eq!(unmapped.status, Some(2), "that is the map of an import");
    fs::write(&map, "[steps]\n").unwrap();
    let unmapped = place.perennial(&["migrate", "welcome", "--map", &map]).await;
    assert_eq!(unmapped.status, Some(2));
    assert!(unmapped.error.contains("\n    response = \"…\"\n"), "{}", unmapped.error);
    let dry = place.perennial(&["migrate", "welcome", "--same-steps", "--dry-run"]).await;
    assert!(dry.out.ends_with("2 leads would be moved (dry run)\n"), "{}", dry.out);
    let moved = place.perennial(&["migrate", "welcome", "--same-steps"]).await;
    assert_eq!((moved.status, moved.out.lines().last()), (Some(0), Some("2 leads moved")));

    write(&programs, &without_welcome());
    assert_eq!(place.perennial(&["push", &programs]).await.status, Some(1));
    let out = place.perennial(&["migrate", "welcome", "--exit"]).await;
    assert_eq!((out.status, out.out.lines().last()), (Some(0), Some("2 leads moved")));
    let gone = place.perennial(&["push", &programs]).await;
    assert_eq!(gone.status, Some(0), "{}", gone.error);
    assert_eq!(place.perennial(&["audit"]).await.status, Some(0));
}

#[tokio::test]
async fn programs_that_are_edited_while_the_suite_runs_are_in_force_and_those_with_a_mistake_never_are() {
    let place = Place::new();
    let programs = place.path("programs");
    write(&programs, &testing::files());
    let mut up = place.up_on(&programs).await;
    up.prints("release 1: 2 programs").await;

    let edited = with("welcome/touches/response.md", "thank you for your message", "thanks");
    write(&programs, &edited);
    up.prints("release 2").await;
    assert_eq!(up.post(&person(1)).await.unwrap().status, 202);

    write(&programs, &change(edited, "welcome/program.toml", "after", "aftr"));
    eventually("what is wrong", async || place.said().contains("what was in force stays in force").then_some(())).await;
    assert!(place.said().contains("did you mean `after`?"), "{}", place.said());
    assert_eq!(up.post(&person(2)).await.unwrap().status, 202);
    let mail = Path::new(&programs).join("welcome/touches/response.md");
    fs::write(&mail, b"+++\nsubject = \"Gr\xfc\xdfe\"\nfrom = \"rep\"\n+++\nHello.\n").unwrap();
    eventually("what is lost", async || place.said().contains("a character is lost here").then_some(())).await;
    let push = place.perennial(&["push", &programs]).await;
    assert_eq!(push.status, Some(1), "it is refused as any mistake is");
    assert!(push.error.contains("P061") && push.error.contains("did you mean `after`?"), "{}", push.error);
    // Both started the one that is in force.
    let other = place.path("other");
    write(&other, &testing::files());
    let diff = place.perennial(&["diff", "welcome", &format!("{other}/welcome")]).await;
    assert!(diff.out.contains("2 leads in the old one"), "{}{}", diff.out, diff.error);
    assert!(up.interrupt().await.0.success());

    let start = place.perennial(&["up", "--port", "0", "--programs", &programs]).await;
    assert_eq!(start.status, Some(1));
    assert!(start.error.contains("did you mean `after`?"), "{}", start.error);
}

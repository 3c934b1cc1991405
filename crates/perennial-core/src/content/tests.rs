//! Whole mails, and what values must never do to them.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use proptest::{prop_assert_eq, prop_assume, proptest};

use super::{AnswerLinks, BODY_LENGTH_MAX, MailId, Merge, RenderError, Rendered, SUBJECT_LENGTH_MAX};
use crate::catalog::{Catalog, Sender};
use crate::ids::{FieldName, ProgramName, TemplateName};
use crate::loader::{SourceFile, parse};
use crate::testing;

const PREFERENCES_URL: &str = "https://links.perennial.example/p/v1.k1.abc-_.def";
const UNSUBSCRIBE_URL: &str = "https://links.perennial.example/u/v1.k1.abc-_.def";

struct Links;

impl AnswerLinks for Links {
    fn page(&self) -> String {
        "https://links.perennial.example/a".to_owned()
    }

    fn question(&self, field: &FieldName) -> String {
        format!("https://links.perennial.example/a/{field}")
    }

    fn choice(&self, field: &FieldName, choice: &str) -> String {
        format!("https://links.perennial.example/a/{field}/{}", crate::questions::choice_mark(choice))
    }
}

fn robin() -> Sender {
    Sender { name: "Robin Vale".to_owned(), address: "robin@perennial.example".to_owned() }
}

/// The small catalog with another text for the mail `link` of `welcome`.
fn with_mail(subject: &str, body: &str) -> Catalog {
    let mut files = testing::files();
    files.retain(|file| file.path != "welcome/touches/link.md");
    files.push(SourceFile {
        path: "welcome/touches/link.md".to_owned(),
        text: format!("+++\nsubject = '{subject}'\nfrom = \"rep\"\n+++\n{body}\n"),
    });
    let (catalog, diagnostics) = parse(&files);
    catalog.unwrap_or_else(|| panic!("{diagnostics:#?}"))
}

/// Renders a mail of `welcome`.
fn try_render(catalog: &Catalog, template: &str, fields: &[(&str, &str)]) -> Result<Rendered, RenderError> {
    let fields: BTreeMap<FieldName, String> =
        fields.iter().map(|(name, value)| (FieldName::parse(name).unwrap(), (*value).to_owned())).collect();
    let merge = Merge {
        fields: &fields,
        sender: &robin(),
        organisation: &catalog.organisation,
        unsubscribe_url: UNSUBSCRIBE_URL,
        confirm_url: "",
        preferences_url: Some(PREFERENCES_URL),
        questions: &[],
        catalog,
        language: None,
        links: &Links,
    };
    catalog.content.render(&mail_of_welcome(catalog, template), &merge)
}

fn mail_of_welcome(catalog: &Catalog, template: &str) -> MailId {
    let program = ProgramName::parse("welcome").unwrap();
    let version = catalog.programs[&program].version.clone();
    MailId { program, version, template: TemplateName::parse(template).unwrap(), language: None }
}

fn render(catalog: &Catalog, fields: &[(&str, &str)]) -> Rendered {
    try_render(catalog, "link", fields).unwrap()
}

/// The text without its footer.
fn text(rendered: &Rendered) -> &str {
    rendered.text.split("\n-- \n").next().unwrap()
}

/// What the letter adds to the layout.
fn letter(rendered: &Rendered) -> &str {
    let from = rendered.html.find("sans-serif\">\n").unwrap() + "sans-serif\">\n".len();
    let to = rendered.html.find("<p style=\"margin:2em").unwrap();
    &rendered.html[from..to]
}

#[test]
fn a_whole_mail() {
    let catalog = testing::catalog();
    let mail = render(&catalog, &[("first_name", "Ada"), ("company", "Brown & Sons")]);
    insta::assert_snapshot!(mail.subject, @r#"A guide for Brown & Sons"#);
    insta::assert_snapshot!(mail.text, @r#"
    Hi Ada,

    have a look at this guide <https://www.perennial.example/guide>. Does it
    help?

    Robin Vale

    -- 
    You get this mail because you got in touch with us.
    Example Ltd, 1 Example Street, 12345 Exampletown
    Choose what you get: https://links.perennial.example/p/v1.k1.abc-_.def
    Unsubscribe: https://links.perennial.example/u/v1.k1.abc-_.def
    "#);
    insta::assert_snapshot!(mail.html, @r#"
    <!doctype html>
    <html>
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <title>A guide for Brown &amp; Sons</title>
    </head>
    <body style="margin:0;padding:16px">
    <div style="max-width:600px;font:16px/1.5 -apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif">
    <p style="margin:0 0 1em">Hi Ada,</p>
    <p style="margin:0 0 1em">have a look at <a href="https://www.perennial.example/guide">this guide</a>. Does it help?</p>
    <p style="margin:0 0 1em">Robin Vale</p>
    <p style="margin:2em 0 0;font-size:13px;color:#767676">You get this mail because you got in touch with us.<br>
    Example Ltd, 1 Example Street, 12345 Exampletown<br>
    <a href="https://links.perennial.example/p/v1.k1.abc-_.def" style="color:#767676">Choose what you get</a> &middot; <a href="https://links.perennial.example/u/v1.k1.abc-_.def" style="color:#767676">Unsubscribe</a></p>
    </div>
    </body>
    </html>
    "#);
}

#[test]
fn of_a_stranger_every_default_stands_in() {
    let catalog = testing::catalog();
    for fields in [&[][..], &[("first_name", ""), ("company", "  \t")][..]] {
        let mail = render(&catalog, fields);
        assert_eq!(mail.subject, "A guide");
        assert!(mail.text.starts_with("Hi there,\n"), "{}", mail.text);
    }
}

#[test]
fn a_value_from_a_form_is_text_and_nothing_else() {
    let catalog =
        with_mail("For {{ first_name | default(\"you\") }}", "Hi {{ first_name | default(\"you\") }}, **welcome**.");
    for value in [
        "{{env}}",
        "{% for %}",
        "{# no #}",
        "${7*7}",
        "<script>alert(1)</script>",
        "\"><img src=x onerror=alert(1)>",
        "<https://evil.example>",
        "[x](javascript:alert(1))",
        "![x](https://evil.example/p.gif)",
        "**bold** _em_ `code` ~~s~~",
        "# heading",
        "- item",
        "1. item",
        "> quote",
        "&amp; &lt;",
        "back\\slash \\",
        "| a | b |",
        "'; --",
    ] {
        let mail = render(&catalog, &[("first_name", value)]);
        assert_eq!(mail.subject, format!("For {value}"));
        assert_eq!(text(&mail), format!("Hi {value}, welcome.\n"));
        let escaped = value.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
        assert_eq!(letter(&mail), format!("<p style=\"margin:0 0 1em\">Hi {escaped}, <strong>welcome</strong>.</p>\n"));
    }
}

#[test]
fn no_value_makes_a_second_line_or_turns_the_text_around() {
    let catalog = with_mail("For {{ first_name | default(\"you\") }}", "{{ first_name | default(\"you\") }}");
    for value in [
        "Bob\r\nBcc: x@y",
        "Bob\u{2028}Bcc: x@y",
        "Bob\0\u{85}Bcc: x@y",
        " Bob \n\n Bcc: x@y\t",
        "Bob\u{202E} Bcc: x@y\u{FEFF}",
    ] {
        let mail = render(&catalog, &[("first_name", value)]);
        assert_eq!(mail.subject, "For Bob Bcc: x@y");
        assert_eq!(text(&mail), "Bob Bcc: x@y\n");
    }
}

#[test]
fn a_value_stays_text_where_the_template_sets_it_in_markup() {
    let catalog = with_mail(
        "x",
        "# {{ first_name | default(\"a\") }}\n\n- *{{ first_name | default(\"a\") }}*\n- [{{ first_name | default(\"a\") }}](https://example.com/)\n\n{{ first_name | default(\"a\") | upper }}",
    );
    let mail = render(&catalog, &[("first_name", "a](https://evil.example) *<b>*")]);
    insta::assert_snapshot!(text(&mail), @r#"
    a](https://evil.example) *<b>*

    - a](https://evil.example) *<b>*
    - a](https://evil.example) *<b>* <https://example.com/>

    A](HTTPS://EVIL.EXAMPLE) *<B>*
    "#);
    insta::assert_snapshot!(letter(&mail), @r#"
    <p style="margin:0 0 1em"><strong>a](https://evil.example) *&lt;b&gt;*</strong></p>
    <ul style="margin:0 0 1em;padding-left:1.5em">
    <li><em>a](https://evil.example) *&lt;b&gt;*</em></li>
    <li><a href="https://example.com/">a](https://evil.example) *&lt;b&gt;*</a></li>
    </ul>
    <p style="margin:0 0 1em">A](HTTPS://EVIL.EXAMPLE) *&lt;B&gt;*</p>
    "#);
}

#[test]
fn a_captured_block_is_escaped_once() {
    let catalog = with_mail(
        "{% set who %}{{ first_name | default(\"you\") }}{% endset %}For {{ who }}",
        "{% set who %}*{{ first_name | default(\"you\") }}*{% endset %}Hi {{ who }}!",
    );
    let mail = render(&catalog, &[("first_name", "A*d*a & <co>")]);
    assert_eq!(mail.subject, "For A*d*a & <co>");
    assert_eq!(text(&mail), "Hi A*d*a & <co>!\n");
    assert_eq!(letter(&mail), "<p style=\"margin:0 0 1em\">Hi <em>A*d*a &amp; &lt;co&gt;</em>!</p>\n");
}

#[test]
fn lists_quotes_links_and_breaks_read_well_as_text() {
    let catalog = with_mail(
        "x",
        "Intro that is long enough to be wrapped, because it goes on and on until the line is full.\n\n- one [with a link](https://example.com/a?b=1&c=2), and a text that is long enough to be wrapped\n- two\n  - inner\n  - inner two\n- three\n\n3. third\n4. fourth\n\n> quoted text that is long enough to be wrapped as well, as it goes on until the line is full\n\n---\n\nWrite to <hello@example.com>, see <https://example.com/x>, or call [+49 123](tel:+49123).\n\nRobin\\\nExample",
    );
    let mail = render(&catalog, &[]);
    insta::assert_snapshot!(text(&mail), @r#"
    Intro that is long enough to be wrapped, because it goes on and on until the
    line is full.

    - one with a link <https://example.com/a?b=1&c=2>, and a text that is long
      enough to be wrapped
    - two
      - inner
      - inner two
    - three

    3. third
    4. fourth

    > quoted text that is long enough to be wrapped as well, as it goes on until
    > the line is full

    ---

    Write to <hello@example.com>, see <https://example.com/x>, or call +49 123
    <+49123>.

    Robin
    Example
    "#);
    insta::assert_snapshot!(letter(&mail), @r#"
    <p style="margin:0 0 1em">Intro that is long enough to be wrapped, because it goes on and on until the line is full.</p>
    <ul style="margin:0 0 1em;padding-left:1.5em">
    <li>one <a href="https://example.com/a?b=1&amp;c=2">with a link</a>, and a text that is long enough to be wrapped</li>
    <li>two<ul style="margin:0 0 1em;padding-left:1.5em">
    <li>inner</li>
    <li>inner two</li>
    </ul>
    </li>
    <li>three</li>
    </ul>
    <ol start="3" style="margin:0 0 1em;padding-left:1.5em">
    <li>third</li>
    <li>fourth</li>
    </ol>
    <blockquote style="margin:0 0 1em;padding-left:1em;border-left:2px solid #767676">
    <p style="margin:0 0 1em">quoted text that is long enough to be wrapped as well, as it goes on until the line is full</p>
    </blockquote>
    <hr>
    <p style="margin:0 0 1em">Write to <a href="mailto:hello@example.com">hello@example.com</a>, see <a href="https://example.com/x">https://example.com/x</a>, or call <a href="tel:+49123">+49 123</a>.</p>
    <p style="margin:0 0 1em">Robin<br>
    Example</p>
    "#);
}

#[test]
fn an_address_keeps_its_slashes_in_html() {
    let mail = render(&testing::catalog(), &[]);
    assert!(mail.html.contains("<a href=\"https://www.perennial.example/guide\">"), "{}", mail.html);
    assert!(mail.html.contains(&format!("<a href=\"{UNSUBSCRIBE_URL}\"")), "{}", mail.html);
}

#[test]
fn a_hostile_catalog_is_escaped_too() {
    let mut catalog = testing::catalog();
    catalog.organisation.name = "A <b> & \"C\"".to_owned();
    let mail = render(&catalog, &[]);
    assert!(mail.html.contains("A &lt;b&gt; &amp; &quot;C&quot;, 1 Example Street"), "{}", mail.html);
    assert!(mail.text.contains("A <b> & \"C\", 1 Example Street"), "{}", mail.text);
}

#[test]
fn a_link_that_the_facts_turn_bad_after_the_load_is_only_text() {
    let mut catalog = testing::catalog();
    for url in catalog.organisation.facts.values_mut() {
        *url = "javascript:alert(1)".to_owned();
    }
    let mail = render(&catalog, &[]);
    assert!(!mail.html.contains("javascript"), "{}", mail.html);
    assert!(mail.html.contains("have a look at this guide."), "{}", mail.html);
}

#[test]
fn a_subject_is_cut_at_its_limit_between_characters() {
    let catalog = with_mail("{{ first_name | default(\"you\") }}", "x");
    let mail = render(&catalog, &[("first_name", &"ü".repeat(SUBJECT_LENGTH_MAX * 2))]);
    assert_eq!(mail.subject, "ü".repeat(SUBJECT_LENGTH_MAX));
}

#[test]
fn a_mail_that_a_value_makes_too_long_is_an_error_not_a_mail() {
    let catalog = with_mail("x", "{{ first_name | default(\"you\") }}");
    let long = "x".repeat(BODY_LENGTH_MAX + 1);
    let error = try_render(&catalog, "link", &[("first_name", &long)]).unwrap_err();
    let mail = mail_of_welcome(&catalog, "link");
    assert_eq!(error.to_string(), format!("the template {mail}.md gave more than 65536 bytes"));
}

#[test]
fn a_mail_that_is_not_there_is_an_error() {
    let catalog = testing::catalog();
    let error = try_render(&catalog, "first-call", &[]).unwrap_err();
    assert_eq!(error.to_string(), format!("there is no mail {}", mail_of_welcome(&catalog, "first-call")));
}

#[test]
fn a_rendered_mail_hides_its_text_from_logs() {
    let mail = render(&testing::catalog(), &[("first_name", "Ada")]);
    assert_eq!(format!("{mail:?}"), "Rendered(..)");
}

#[test]
fn a_value_at_the_start_of_a_block_does_not_become_one() {
    let catalog =
        with_mail("x", "Hi\n\n{{ first_name | default(\"you\") }}\nand on\n\n- {{ first_name | default(\"you\") }}");
    for value in [
        "# h",
        "- item",
        "+ item",
        "* item",
        "1. item",
        "2) item",
        "> quote",
        "===",
        "---",
        "***",
        "+++",
        "```",
        "~~~",
        "[a]: https://evil.example",
        "|a|",
        "<!-- c -->",
        "<div>",
        "&nbsp;",
    ] {
        let mail = render(&catalog, &[("first_name", value)]);
        assert_eq!(text(&mail), format!("Hi\n\n{value} and on\n\n- {value}\n"));
    }
}

#[test]
fn lines_break_at_spaces_only_and_count_characters() {
    let catalog = with_mail("x", "{{ first_name | default(\"you\") }}");
    let long = "x".repeat(100);
    for (value, lines) in [
        (format!("{long} a"), vec![long.clone(), "a".to_owned()]),
        (format!("a {long}"), vec!["a".to_owned(), long.clone()]),
        (format!("{} {}", "ü".repeat(38), "ü".repeat(37)), vec![format!("{} {}", "ü".repeat(38), "ü".repeat(37))]),
        (format!("{} {}", "ü".repeat(38), "ü".repeat(38)), vec!["ü".repeat(38), "ü".repeat(38)]),
    ] {
        let mail = render(&catalog, &[("first_name", &value)]);
        assert_eq!(text(&mail).trim_end().lines().collect::<Vec<_>>(), lines);
    }
}

proptest! {
    /// Whatever people write, wherever a template puts it, readers see it and nothing else.
    #[test]
    fn any_value_reads_as_it_was_written(value in "[ -~äß€\u{300}]{1,15}") {
        let shown = value.split_whitespace().collect::<Vec<_>>().join(" ");
        prop_assume!(!shown.is_empty());
        let mail = render(&IN_MARKUP, &[("first_name", &value)]);
        prop_assert_eq!(text(&mail), format!("{shown}\n\n- a {shown} a {shown}\n\n> {shown} <https://example.com/>\n\nb {shown}x{shown} b\n"));
        let tags: Vec<&str> = letter(&mail).split('<').skip(1).filter_map(|tag| tag.split(['>', ' ']).next()).collect();
        prop_assert_eq!(tags, ["p", "/p", "ul", "li", "em", "/em", "/li", "/ul", "blockquote", "p", "a", "/a", "/p", "/blockquote", "p", "strong", "/strong", "/p"]);
    }
}

static IN_MARKUP: LazyLock<Catalog> = LazyLock::new(|| {
    let value = "{{ first_name | default(\"you\") }}";
    with_mail(
        "x",
        &format!("{value}\n\n- *a {value} a* {value}\n\n> [{value}](https://example.com/)\n\n**b {value}x{value} b**"),
    )
});

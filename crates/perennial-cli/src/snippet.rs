//! `perennial snippet`: what a customer puts into their own pages.
//!
//! **Invariants:** each script is small, uses no framework and loads nothing from elsewhere; the form works without its
//! script; the page's script keeps and sends nothing before the visitor agreed, and until then no other learns who it is.

use std::fmt::Write as _;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::Subcommand;
use jiff::{Timestamp, Unit};
use perennial_app::mail::PROFILE_PATH;
use perennial_app::programs;
use perennial_core::catalog::{CaptchaKind, Catalog, Field, FieldKind, Form, FormStatus};
use perennial_core::ids::{FieldName, FormName, Pepper};
use perennial_core::intake::LINE_LENGTH_MAX;
use perennial_lambda::http::escape;
use perennial_local::suite::{crm_key, event_key};
use sales_desk::DISPOSITIONS_PATH;

use crate::access::{Access, StoreArgs};

/// The longest script that is still small, in bytes, its comments and blanks counted.
#[cfg(test)]
const SCRIPT_LENGTH_MAX: usize = 2_048;

/// Where `perennial up` serves unless somebody says otherwise.
const BASE_URL: &str = "http://127.0.0.1:8700";

const PAGE_SCRIPT: &str = include_str!("snippet/page.js");
const PROFILE_SCRIPT: &str = include_str!("snippet/profile.js");
const FORM_SCRIPT: &str = include_str!("snippet/form.js");

#[derive(Debug, Subcommand)]
pub(crate) enum Snippet {
    /// Prints a script for your pages: it tells of visits of people who had your mail, once they agree to it.
    Page {
        /// Where the public routes are.
        #[arg(long, value_name = "URL", default_value = BASE_URL)]
        base_url: String,
    },
    /// Prints a link for your pages to a few questions, for visitors who had your mail; it goes with the script of `page`.
    Profile {
        /// Where the public routes are.
        #[arg(long, value_name = "URL", default_value = BASE_URL)]
        base_url: String,
    },
    /// Prints the HTML of a form, which works without JavaScript, and a script that makes it better.
    Form {
        /// The form, as the catalog names it.
        form: FormName,
        /// Where the public routes are.
        #[arg(long, value_name = "URL", default_value = BASE_URL)]
        base_url: String,
        /// The directory of the programs.
        #[arg(long, value_name = "DIR", default_value = "programs")]
        programs: PathBuf,
    },
    /// Prints how a server tells of a meeting, a webinar or a visit, with the key of this machine's suite.
    Event {
        #[command(flatten)]
        store: StoreArgs,
        /// Where the public routes are; without it, where this machine's suite runs.
        #[arg(long, value_name = "URL")]
        base_url: Option<String>,
    },
    /// Prints how a CRM tells what sales did, with the key of this machine's suite.
    Disposition {
        #[command(flatten)]
        store: StoreArgs,
        /// Where the public routes are; without it, where this machine's suite runs.
        #[arg(long, value_name = "URL")]
        base_url: Option<String>,
    },
}

pub(crate) async fn run(command: Snippet, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    let text = match command {
        Snippet::Page { base_url } => page(base(&base_url)),
        Snippet::Profile { base_url } => profile(base(&base_url)),
        Snippet::Form { form, base_url, programs } => form_of(&programs, &form, base(&base_url))?,
        Snippet::Event { store, base_url } => event(&store, base_url).await?,
        Snippet::Disposition { store, base_url } => disposition(&store, base_url).await?,
    };
    out.write_all(text.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

fn base(url: &str) -> &str {
    url.trim_end_matches('/')
}

fn page(base_url: &str) -> String {
    format!(
        "<!-- Before </body> of each page. data-kind=\"pricing_visited\" on the page with your prices; data-topic is one of \
         your catalog.\n     When the visitor agrees: perennial.consent(). When they take it back: perennial.forget(). -->\n\
         <script data-to=\"{}\" data-kind=\"page_visited\" data-topic=\"\">\n{PAGE_SCRIPT}</script>\n",
        escape(base_url)
    )
}

fn profile(base_url: &str) -> String {
    format!(
        "<!-- Where you would like to ask; on a page with the script of `perennial snippet page`. It stays hidden from\n     \
         everybody whom we cannot know: without a token of a mail, without JavaScript, without consent. -->\n\
         <p data-to=\"{}{PROFILE_PATH}\" hidden><a target=\"_blank\" rel=\"noopener noreferrer\">Tell us a little \
         more</a></p>\n<script>\n{PROFILE_SCRIPT}</script>\n",
        escape(base_url)
    )
}

/// Where to, and a key of this machine; on a table, whoever deploys it knows theirs.
async fn door(
    store: &StoreArgs,
    base_url: Option<String>,
    derived: impl FnOnce(&Pepper) -> String,
) -> anyhow::Result<(String, String)> {
    let (running, key) = if store.table.is_some() {
        (None, Ok("KEY".to_owned()))
    } else {
        let access = Access::open(store).await?;
        let of_machine = (access.http().map(str::to_owned), access.pepper().map(|pepper| derived(&pepper)));
        access.close().await?;
        of_machine
    };
    let base_url = base_url.or(running).unwrap_or_else(|| BASE_URL.to_owned());
    Ok((base(&base_url).to_owned(), key?))
}

async fn disposition(store: &StoreArgs, base_url: Option<String>) -> anyhow::Result<String> {
    let (base_url, key) = door(store, base_url, crm_key).await?;
    Ok(format!(
        "curl {base_url}{DISPOSITIONS_PATH} -H 'authorization: Bearer {key}' -H 'content-type: application/json' \\\n  \
         -d '{{\"id\": \"task-1\", \"system\": \"hubspot\", \"status\": \"BAD_TIMING\", \"date\": \"2027-05-01\", \
         \"email\": \"ada@example.org\", \"occurred_at\": \"{}\"}}'\n",
        Timestamp::now().round(Unit::Second)?
    ))
}

async fn event(store: &StoreArgs, base_url: Option<String>) -> anyhow::Result<String> {
    let (base_url, key) = door(store, base_url, event_key).await?;
    Ok(format!(
        "curl {base_url}/v1/events -H 'authorization: Bearer {key}' -H 'content-type: application/json' \\\n  \
         -d '{{\"id\": \"booking-1\", \"type\": \"meeting_booked\", \"email\": \"ada@example.org\"}}'\n"
    ))
}

fn form_of(directory: &Path, name: &FormName, base_url: &str) -> anyhow::Result<String> {
    let loaded = programs::load(directory);
    let (catalog, _) = loaded.with_context(|| format!("cannot read the programs in {}", directory.display()))?;
    let Some(catalog) = catalog else { bail!("the programs do not check: see `perennial check`") };
    match catalog.forms.get(name).filter(|form| form.status == FormStatus::Open) {
        Some(form) => Ok(html(&catalog, name, form, base_url)),
        None => bail!("the catalog has no open form `{name}`"),
    }
}

fn html(catalog: &Catalog, name: &FormName, form: &Form, base_url: &str) -> String {
    let url = format!("{}/v1/forms/{name}", escape(base_url));
    let mut html = format!("<form action=\"{url}\" method=\"post\" accept-charset=\"utf-8\">\n");
    let mut line = |text: &str| {
        // Writing to a String cannot fail.
        let _: std::fmt::Result = writeln!(html, "  {text}");
    };
    line(
        "<p><label>E-mail<br><input name=\"email\" type=\"email\" maxlength=\"254\" autocomplete=\"email\" required></label>\n    \
         <button type=\"button\" data-meant=\"Did you mean {}?\" hidden></button></p>",
    );
    for field_name in &form.fields {
        if let Some(field) = catalog.fields.get(field_name) {
            line(&format!("<p><label>{}<br>{}</label></p>", escape(&field.label), control(field_name, field)));
        }
    }
    if let Some(text) = &form.consent_text {
        line(&format!(
            "<p><label><input name=\"consent\" type=\"checkbox\" value=\"yes\"> {}</label></p>",
            escape(text)
        ));
    }
    if let Some(trap) = &form.honeypot {
        line(&format!(
            "<p style=\"position:absolute;left:-9999px\" aria-hidden=\"true\"><label>Leave this empty\
             <input name=\"{}\" tabindex=\"-1\" autocomplete=\"off\"></label></p>",
            escape(trap)
        ));
    }
    match form.captcha {
        CaptchaKind::Off => {}
        CaptchaKind::Altcha => {
            line("<!-- The widget is ALTCHA's, version 3, served by your own site: https://altcha.org -->");
            line(&format!("<altcha-widget challenge=\"{url}/challenge\"></altcha-widget>"));
        }
        CaptchaKind::Turnstile => {
            line("<!-- The widget is Cloudflare's; put your site key into it. -->");
            line("<div class=\"cf-turnstile\" data-sitekey=\"YOUR-SITE-KEY\"></div>");
        }
    }
    line("<p><button type=\"submit\">Send</button></p>");
    html.push_str("</form>\n<script>\n");
    html.push_str(FORM_SCRIPT);
    html.push_str("</script>\n");
    html
}

fn control(name: &FieldName, field: &Field) -> String {
    let length = field.length_max;
    match &field.kind {
        FieldKind::Choice(choices) => {
            let options: Vec<String> =
                choices.iter().map(|choice| format!("<option>{}</option>", escape(choice))).collect();
            format!("<select name=\"{name}\"><option value=\"\"></option>{}</select>", options.concat())
        }
        FieldKind::Date => format!("<input name=\"{name}\" type=\"date\">"),
        FieldKind::Text if length > LINE_LENGTH_MAX => {
            format!("<textarea name=\"{name}\" rows=\"5\" maxlength=\"{length}\"></textarea>")
        }
        FieldKind::Text => {
            let fill = autocomplete(name).map(|fill| format!(" autocomplete=\"{fill}\"")).unwrap_or_default();
            format!("<input name=\"{name}\" maxlength=\"{length}\"{fill}>")
        }
    }
}

/// What browsers fill in by themselves (WHATWG HTML, "autofill field").
fn autocomplete(name: &FieldName) -> Option<&'static str> {
    match name.as_str() {
        "first_name" => Some("given-name"),
        "last_name" => Some("family-name"),
        "company" => Some("organization"),
        "job_title" => Some("organization-title"),
        "country" => Some("country-name"),
        "city" => Some("address-level2"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_script_is_small_and_asks_nobody_else() {
        for script in [PAGE_SCRIPT, PROFILE_SCRIPT, FORM_SCRIPT] {
            assert!(script.len() < SCRIPT_LENGTH_MAX, "{} bytes", script.len());
            for word in ["http:", "https:", "cookie", "import", "eval", "innerHTML"] {
                assert!(!script.contains(word), "{word}");
            }
        }
    }

    #[test]
    fn the_way_to_the_questions_is_hidden_until_the_script_of_the_page_says_who_agreed() {
        let html = profile("https://leads.example.com");
        let (plain, script) = html.split_once("<script>").unwrap();
        assert!(plain.contains("<p data-to=\"https://leads.example.com/v1/profile/\" hidden>"), "{plain}");
        assert!(!plain.contains("href"), "{plain}");
        // It takes no token by itself, neither from the address nor from what is kept.
        assert!(!script.contains("location") && !script.contains("localStorage"), "{script}");
        assert!(script.contains("perennial.visitor") && PAGE_SCRIPT.contains("perennial.visitor = visitor"));
    }

    #[test]
    fn a_form_has_its_fields_its_trap_and_nothing_that_needs_a_script() {
        let catalog = perennial_core::testing::catalog();
        let name = FormName::parse("contact").unwrap();
        let form = catalog.forms.get(&name).unwrap();
        let html = html(&catalog, &name, form, "https://leads.example.com");
        let (plain, script) = html.split_once("<script>").unwrap();
        assert!(script.contains("/stamp"));
        insta::assert_snapshot!(plain, @r#"
        <form action="https://leads.example.com/v1/forms/contact" method="post" accept-charset="utf-8">
          <p><label>E-mail<br><input name="email" type="email" maxlength="254" autocomplete="email" required></label>
            <button type="button" data-meant="Did you mean {}?" hidden></button></p>
          <p><label>First name<br><input name="first_name" maxlength="80" autocomplete="given-name"></label></p>
          <p><label>Last name<br><input name="last_name" maxlength="80" autocomplete="family-name"></label></p>
          <p><label>Company<br><input name="company" maxlength="120" autocomplete="organization"></label></p>
          <p><label>Message<br><textarea name="message" rows="5" maxlength="2000"></textarea></label></p>
          <p style="position:absolute;left:-9999px" aria-hidden="true"><label>Leave this empty<input name="website" tabindex="-1" autocomplete="off"></label></p>
          <p><button type="submit">Send</button></p>
        </form>
        "#);
    }
}

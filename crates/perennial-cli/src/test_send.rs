//! `perennial test-send`: one mail of a program, to a colleague.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use clap::Args;
use perennial_app::error_chain::ErrorChain;
use perennial_app::preview::{NoMail, Sample};
use perennial_app::trial::{Trial, TrialError, TrialMail};
use perennial_core::catalog::Catalog;
use perennial_core::contact::EmailAddress;
use perennial_core::ids::{Language, ProgramName, StepId, TemplateName};

use crate::access::{Access, StoreArgs};
use crate::preview::{self, did_you_mean};

/// Which mail to send, and to whom.
#[derive(Args)]
pub(crate) struct TestSendArgs {
    #[command(flatten)]
    store: StoreArgs,
    /// The program: its folder's name.
    program: ProgramName,
    /// The step that sends the mail.
    step: StepId,
    /// Who gets it: a colleague.
    #[arg(long, value_name = "ADDRESS")]
    to: String,
    /// Which mail of a step that has several: the name of its file without `.md`.
    #[arg(long, value_name = "TEMPLATE")]
    touch: Option<TemplateName>,
    /// The language that it is in.
    #[arg(long, value_name = "LANGUAGE")]
    language: Option<Language>,
    /// For whom it is written, as a TOML file (as for `preview`). Without one, for somebody of whom everything is known.
    #[arg(long, value_name = "FILE")]
    lead: Option<PathBuf>,
    /// Writes it for somebody of whom nothing is known.
    #[arg(long, conflicts_with = "lead")]
    blank: bool,
    /// Takes the programs of a directory, pushed or not, in place of those in force.
    #[arg(long, value_name = "DIR")]
    programs: Option<PathBuf>,
}

/// Sends it. Exit status 1 if it was not sent, or nobody knows.
pub(crate) async fn run(args: &TestSendArgs, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let to = EmailAddress::parse(&args.to).context("that is not an e-mail address")?;
    let access = Access::open(&args.store).await?;
    let sent = send(&access, args, &to).await;
    access.close().await?;
    let Some(sent) = sent? else { return Ok(ExitCode::from(2)) };
    match &sent {
        Ok(subject) => writeln!(out, "sent to {}: {subject}", args.to)?,
        Err(error) => writeln!(out, "{error}")?,
    }
    Ok(ExitCode::from(u8::from(sent.is_err())))
}

/// The mail's subject, or why there is none. `None`: the programs are not usable, and it was said why.
async fn send(
    access: &Access,
    args: &TestSendArgs,
    to: &EmailAddress,
) -> anyhow::Result<Option<Result<String, String>>> {
    let Some(catalog) = catalog(access, args).await? else { return Ok(None) };
    let (store, clock, pepper) = (access.store.clone(), access.clock(), access.pepper()?);
    let trial = Trial { store, notifier: access.notifier().await?, pepper, clock };
    let mail = TrialMail {
        program: args.program.clone(),
        step: args.step.clone(),
        template: args.touch.clone(),
        language: args.language.clone(),
        sample: sample(args, &catalog, access)?,
    };
    match trial.send(&catalog, &mail, to).await {
        Ok(subject) => Ok(Some(Ok(subject))),
        Err(TrialError::Store(error)) => Err(error.into()),
        Err(TrialError::NoMail(none)) => Ok(Some(Err(format!("{none}{}", instead(&none))))),
        Err(
            error @ (TrialError::NotMailable
            | TrialError::Suppressed(_)
            | TrialError::Refused(_)
            | TrialError::NotNow(_)
            | TrialError::Ambiguous(_)),
        ) => Ok(Some(Err(ErrorChain(&error).to_string()))),
    }
}

async fn catalog(access: &Access, args: &TestSendArgs) -> anyhow::Result<Option<Arc<Catalog>>> {
    let Some(directory) = &args.programs else { return Ok(Some(access.library().catalog().await?)) };
    let Some(copy) = preview::working_copy(directory)? else { return Ok(None) };
    let (catalog, _) = preview::find(&copy, args.program.as_str(), directory)?;
    // Who sells is in no directory: they give the mails of reps their names.
    let roster = access.store.roster().await?.map(|record| Arc::new(record.roster)).unwrap_or_default();
    Ok(Some(Arc::new(Catalog { roster, ..catalog.clone() })))
}

fn sample(args: &TestSendArgs, catalog: &Catalog, access: &Access) -> anyhow::Result<Sample> {
    match &args.lead {
        Some(path) => preview::sample_of(path, catalog),
        None if args.blank => Ok(Sample::unknown()),
        None => Ok(Sample::known(catalog, access.now)),
    }
}

/// What there is in place of what was asked for.
fn instead(none: &NoMail) -> String {
    match none {
        NoMail::NoProgram { name, known } => named(name.as_str(), known.iter().map(ProgramName::as_str)),
        NoMail::NoStep { name, known } => named(name.as_str(), known.iter().map(StepId::as_str)),
        NoMail::NoTemplate { name, known } => named(name.as_str(), known.iter().map(TemplateName::as_str)),
        NoMail::Several { known } => {
            let known: Vec<&str> = known.iter().map(TemplateName::as_str).collect();
            format!(": {}", known.join(", "))
        }
        NoMail::NotAMail | NoMail::Draft | NoMail::NotInLanguage(_) | NoMail::Unwritable(_) => String::new(),
    }
}

fn named<'k>(name: &str, known: impl Iterator<Item = &'k str>) -> String {
    did_you_mean(name, &known.collect::<Vec<_>>())
}

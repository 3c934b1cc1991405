//! What differs between two states of the programs.
//!
//! The files are read as TOML and text, not as programs: so it shows also what does not check, and speaks in the
//! words of the files.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context as _;
use perennial_app::census::{Census, Steps};
use perennial_app::programs::PROGRAM_FILE;
use perennial_core::ids::{ProgramName, StepId, TemplateName};
use perennial_core::loader::SourceFile;
use perennial_core::program::ProgramVersion;
use serde::Serialize;
use similar::{Algorithm, ChangeTag, DiffOp, TextDiff, capture_diff_slices};
use toml::{Table, Value};

use super::side::{Side, Version};

/// How many unchanged lines are shown about a change of `catalog.toml`, whose lines say little by themselves.
const CATALOG_CONTEXT: usize = 2;

/// As [`CATALOG_CONTEXT`], of a mail: its lines are paragraphs.
const MAIL_CONTEXT: usize = 0;

/// Everything that differs.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Report {
    pub(super) old: String,
    pub(super) new: String,
    /// What differs in `catalog.toml`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) catalog: Vec<Line>,
    /// The programs that differ.
    pub(super) programs: Vec<ProgramDiff>,
}

/// What differs in one program.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct ProgramDiff {
    pub(super) program: ProgramName,
    pub(super) old: Option<ProgramVersion>,
    pub(super) new: Option<ProgramVersion>,
    /// Leads in the old version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) leads: Option<u64>,
    /// Leads in versions that are neither.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) leads_elsewhere: Option<u64>,
    /// Where those stand.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) elsewhere: Vec<Elsewhere>,
    /// Keys of the program itself.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) keys: Vec<KeyDiff>,
    pub(super) steps: Vec<StepDiff>,
}

/// Where the leads of a version stand that is neither the old nor the new one.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Elsewhere {
    pub(super) version: ProgramVersion,
    pub(super) steps: Steps,
}

/// What becomes of a step.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct StepDiff {
    pub(super) step: StepId,
    pub(super) change: StepChange,
    /// The step before it, in the new version or, where it is gone, in the old.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) after: Option<StepId>,
    /// Leads that stand at it, in the old version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) leads: Option<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) keys: Vec<KeyDiff>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) mails: Vec<MailDiff>,
}

/// How a step differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum StepChange {
    Same,
    Added,
    Removed,
    /// It stands elsewhere among the steps; its keys and mails may differ, too.
    Moved,
    Changed,
}

/// A key whose value differs; a value that is absent is not there.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct KeyDiff {
    pub(super) key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) old: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) new: Option<String>,
}

/// A mail whose text differs.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct MailDiff {
    pub(super) template: TemplateName,
    pub(super) lines: Vec<Line>,
}

/// A line of a text that differs.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Line {
    /// `-` only in the old text, `+` only in the new, a blank in both.
    pub(super) sign: char,
    pub(super) text: String,
}

/// What differs from one side to the other, and, with a census, who stands where.
pub(super) fn diff(old: &Side, new: &Side, census: Option<&Census>) -> anyhow::Result<Report> {
    let mut programs = Vec::new();
    for (name, old, new) in pairs(old, new)? {
        programs.extend(program(name, old, new, census)?);
    }
    let catalog = match (&old.catalog, &new.catalog) {
        (Some(old), Some(new)) => lines(old, new, CATALOG_CONTEXT),
        (Some(_) | None, _) => Vec::new(),
    };
    Ok(Report { old: old.label.clone(), new: new.label.clone(), catalog, programs })
}

type Pair<'s> = (&'s ProgramName, Option<&'s Version>, Option<&'s Version>);

/// What is held against what. One program is held against one, whatever their names, or against its namesake.
fn pairs<'s>(old: &'s Side, new: &'s Side) -> anyhow::Result<Vec<Pair<'s>>> {
    let namesake = |side: &'s Side, name: &ProgramName| {
        side.programs.get(name).with_context(|| format!("{} has no program `{name}`", side.label))
    };
    Ok(match (old.single(), new.single()) {
        (Some((name, old)), Some((_, new))) => vec![(name, Some(old), Some(new))],
        (Some((name, old)), None) => vec![(name, Some(old), Some(namesake(new, name)?))],
        (None, Some((name, new))) => vec![(name, Some(namesake(old, name)?), Some(new))],
        (None, None) => {
            let names: BTreeSet<&ProgramName> = old.programs.keys().chain(new.programs.keys()).collect();
            names.into_iter().map(|name| (name, old.programs.get(name), new.programs.get(name))).collect()
        }
    })
}

fn program(
    name: &ProgramName,
    old: Option<&Version>,
    new: Option<&Version>,
    census: Option<&Census>,
) -> anyhow::Result<Option<ProgramDiff>> {
    let (old_version, new_version) = (old.map(|old| &old.version), new.map(|new| &new.version));
    if old_version == new_version {
        return Ok(None);
    }
    let before = Text::read(name, old)?;
    let after = Text::read(name, new)?;
    let none = Steps::new();
    let standing = census.map(|census| old_version.and_then(|version| census.steps(name, version)).unwrap_or(&none));
    let others = census.into_iter().flat_map(|census| census.versions(name));
    let others = others.filter(|(version, _)| ![old_version, new_version].contains(&Some(*version)));
    let elsewhere: Vec<Elsewhere> =
        others.map(|(version, steps)| Elsewhere { version: version.clone(), steps: steps.clone() }).collect();
    let leads_elsewhere = elsewhere.iter().flat_map(|version| version.steps.values()).sum();
    Ok(Some(ProgramDiff {
        program: name.clone(),
        old: old_version.cloned(),
        new: new_version.cloned(),
        leads: standing.map(|steps| steps.values().sum()),
        leads_elsewhere: Some(leads_elsewhere).filter(|leads| *leads > 0),
        elsewhere,
        keys: keys(&before.keys, &after.keys, &["step"]),
        steps: steps(&before, &after, standing),
    }))
}

/// A program as its files say it.
#[derive(Default)]
struct Text<'f> {
    keys: Table,
    /// In order, by id. A step without one cannot be held against anything.
    steps: Vec<(StepId, Table)>,
    mails: BTreeMap<&'f str, &'f str>,
}

impl<'f> Text<'f> {
    fn read(name: &ProgramName, version: Option<&'f Version>) -> anyhow::Result<Self> {
        let Some(Version { files, version }) = version else { return Ok(Self::default()) };
        let mut text = Self::default();
        for SourceFile { path, text: content } in files {
            let mail = path.rsplit_once("touches/").and_then(|(_, file)| file.strip_suffix(".md"));
            match mail {
                Some(template) => drop(text.mails.insert(template, content)),
                None if path.ends_with(PROGRAM_FILE) => {
                    text.keys =
                        content.parse().with_context(|| format!("{path} of {name}@{} is no TOML", version.0))?;
                }
                None => {}
            }
        }
        let steps = text.keys.get("step").and_then(Value::as_array).into_iter().flatten();
        text.steps = steps
            .filter_map(Value::as_table)
            .filter_map(|step| Some((StepId::parse(step.get("id")?.as_str()?).ok()?, step.clone())))
            .collect();
        Ok(text)
    }

    fn step(&self, id: &StepId) -> Option<&Table> {
        self.steps.iter().find(|(step, _)| step == id).map(|(_, table)| table)
    }

    fn ids(&self) -> Vec<&StepId> {
        self.steps.iter().map(|(id, _)| id).collect()
    }
}

/// The steps in the order of the new version, those that are gone where they stood.
fn steps(old: &Text<'_>, new: &Text<'_>, standing: Option<&Steps>) -> Vec<StepDiff> {
    let (old_ids, new_ids) = (old.ids(), new.ids());
    let moved = moved(&old_ids, &new_ids);
    let mut steps = Vec::new();
    let mut push = |id: &StepId, after: Option<&&StepId>| {
        let leads = standing.filter(|_| old.step(id).is_some());
        let leads = leads.map(|steps| steps.get(id).copied().unwrap_or(0));
        let step = step(old, new, id, moved.contains(id));
        let after =
            after.filter(|_| [StepChange::Added, StepChange::Moved, StepChange::Removed].contains(&step.change));
        steps.push(StepDiff { after: after.map(|id| (*id).clone()), leads, ..step });
    };
    for op in capture_diff_slices(Algorithm::Myers, &old_ids, &new_ids) {
        let (_, old_range, new_range) = op.as_tag_tuple();
        if !matches!(op, DiffOp::Equal { .. }) {
            for at in old_range {
                // One that moved is told where it goes.
                if let Some(id) = old_ids.get(at).filter(|id| !moved.contains(**id)) {
                    push(id, at.checked_sub(1).and_then(|before| old_ids.get(before)));
                }
            }
        }
        for at in new_range {
            if let Some(id) = new_ids.get(at) {
                push(id, at.checked_sub(1).and_then(|before| new_ids.get(before)));
            }
        }
    }
    steps.retain(|step| step.change != StepChange::Same || step.leads.is_some_and(|leads| leads > 0));
    steps
}

/// The steps that are in both, and not in the same order.
fn moved<'s>(old: &[&'s StepId], new: &[&'s StepId]) -> BTreeSet<&'s StepId> {
    let mut stays = BTreeSet::new();
    for op in capture_diff_slices(Algorithm::Myers, old, new) {
        if let DiffOp::Equal { old_index, len, .. } = op {
            stays.extend(old.iter().skip(old_index).take(len).copied());
        }
    }
    old.iter().copied().filter(|id| new.contains(id) && !stays.contains(id)).collect()
}

fn step(old: &Text<'_>, new: &Text<'_>, id: &StepId, is_moved: bool) -> StepDiff {
    let (keys, mails) = match (old.step(id), new.step(id)) {
        (Some(before), Some(after)) => (keys(before, after, &["id"]), mails(old, new, id, after)),
        (Some(_), None) | (None, _) => (Vec::new(), Vec::new()),
    };
    let change = match (old.step(id), new.step(id)) {
        (None, _) => StepChange::Added,
        (Some(_), None) => StepChange::Removed,
        (Some(_), Some(_)) if is_moved => StepChange::Moved,
        (Some(_), Some(_)) if keys.is_empty() && mails.is_empty() => StepChange::Same,
        (Some(_), Some(_)) => StepChange::Changed,
    };
    StepDiff { step: id.clone(), change, after: None, leads: None, keys, mails }
}

fn keys(old: &Table, new: &Table, but: &[&str]) -> Vec<KeyDiff> {
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).filter(|key| !but.contains(&key.as_str())).collect();
    let differs = |key: &String| {
        let (old, new) = (old.get(key), new.get(key));
        (old != new).then(|| KeyDiff {
            key: key.clone(),
            old: old.map(Value::to_string),
            new: new.map(Value::to_string),
        })
    };
    names.into_iter().filter_map(differs).collect()
}

/// The mails of a step that both versions have in other words.
fn mails(old: &Text<'_>, new: &Text<'_>, id: &StepId, step: &Table) -> Vec<MailDiff> {
    let one = step.get("template").and_then(Value::as_str).unwrap_or(id.as_str());
    let several = step.get("templates").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let differs = |template: &str| {
        let lines = lines(old.mails.get(template)?, new.mails.get(template)?, MAIL_CONTEXT);
        (!lines.is_empty()).then_some(MailDiff { template: TemplateName::parse(template).ok()?, lines })
    };
    let templates: BTreeSet<&str> = several.chain([one]).collect();
    templates.into_iter().filter_map(differs).collect()
}

/// The lines that differ, with so many unchanged ones about them; none where nothing differs.
fn lines(old: &str, new: &str, context: usize) -> Vec<Line> {
    let diff = TextDiff::from_lines(old, new);
    let groups = diff.grouped_ops(context);
    let changes = groups.iter().flatten().flat_map(|op| diff.iter_changes(op));
    let line = |change: similar::Change<&str>| Line {
        sign: match change.tag() {
            ChangeTag::Equal => ' ',
            ChangeTag::Delete => '-',
            ChangeTag::Insert => '+',
        },
        text: change.value().trim_end_matches(['\r', '\n']).to_owned(),
    };
    changes.map(line).collect()
}

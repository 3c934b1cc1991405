//! Whether mails can go out when a program plans them: send windows and frequency caps.
//!
//! Planned is what delays and time-outs say. When a person gives a sign, or which date a profile holds, is nobody's plan,
//! so nothing is said of mails that follow one.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use jiff::civil::{Time, Weekday};

use super::flow::{self, Flow, Node, Path, ROUND_MIN, Why};
use super::{Code, DAY, Finding, Minutes, Place, WEEK, planned, spoken};
use crate::calendar::SendWindow;
use crate::catalog::Catalog;
use crate::diagnostic::Severity;
use crate::program::{Action, Awaited, Destination, Program, Step, TouchClass, UsedUp};
use crate::timing::{DATE_TIME, Delay, Moment, Timing};

/// A month, as they come: 365 days and a quarter in twelve of them.
const MONTH: Minutes = 30 * DAY;

pub(super) fn check(flow: &Flow<'_>, catalog: &Catalog, found: &mut Vec<Finding>) {
    window(flow.program, catalog, found);
    cap(flow, catalog, found);
}

// --- Windows ---------------------------------------------------------------------------------

/// The hours in which a program's mails go out: its own, within the catalog's.
struct Hours {
    days: Vec<Weekday>,
    opens: Time,
    closes: Time,
}

impl Hours {
    /// `None` if there are none.
    fn of(program: Option<&SendWindow>, catalog: &SendWindow) -> Option<Self> {
        let own = program.unwrap_or(catalog);
        let days: Vec<Weekday> = own.days().iter().copied().filter(|day| catalog.days().contains(day)).collect();
        let ((opens, closes), (earliest, latest)) = (own.hours(), catalog.hours());
        let (opens, closes) = (opens.max(earliest), closes.min(latest));
        (!days.is_empty() && opens < closes).then_some(Self { days, opens, closes })
    }

    /// Why a moment is never within them.
    fn misses(&self, moment: &Moment) -> Option<String> {
        let (weekday, time) = match moment {
            Moment::Next { weekday, time } | Moment::FirstOfMonth { weekday, time } => (Some(*weekday), *time),
            // Nobody said at nine.
            Moment::Date { time, .. } => (None, Some(*time).filter(|time| *time != DATE_TIME)?),
        };
        if let Some(weekday) = weekday.filter(|weekday| !self.days.contains(weekday)) {
            return Some(format!("on a {weekday:?} no mail goes out"));
        }
        let is_open = (self.opens..self.closes).contains(&time);
        let clock = |time: Time| format!("{:02}:{:02}", time.hour(), time.minute());
        (!is_open).then(|| format!("mail goes out from {} to {}", clock(self.opens), clock(self.closes)))
    }
}

fn window(program: &Program, catalog: &Catalog, found: &mut Vec<Finding>) {
    let Some(hours) = Hours::of(program.window.as_ref(), &catalog.window) else {
        found.push(Place::program(program, "window").error(
            Code::WaitOutsideWindow,
            "the program's window and the catalog's are never open at one time: its mails would wait for ever",
            "let it open on a day and at an hour at which the catalog's is open, too",
        ));
        return;
    };
    for step in &program.steps {
        if step.action.mail_class() != Some(TouchClass::Nurture) {
            continue;
        }
        let (timing, key) =
            if let Action::Recur { every, .. } = &step.action { (every, "on") } else { (&step.timing, "at") };
        let Timing::At(moment) = timing else { continue };
        if let Some(why) = hours.misses(moment) {
            found.push(Place::step(program, step, key).warning(
                Code::WaitOutsideWindow,
                format!("`{}` always waits for another time than it names: {why}", step.id),
                "name a time within the window, or widen the window",
            ));
        }
    }
}

// --- Caps ------------------------------------------------------------------------------------

/// How often mail may go out: the stricter of the program and the catalog.
struct Cap {
    spacing: Minutes,
    weekly_max: Minutes,
    /// How many business days a week has.
    business_days: Minutes,
}

impl Cap {
    fn of(program: &Program, catalog: &Catalog) -> Self {
        let caps = || [Some(catalog.cap), program.cap].into_iter().flatten();
        let spacing = caps().map(|cap| cap.spacing.as_mins()).max().unwrap_or_default();
        let weekly_max = caps().map(|cap| cap.weekly_max).min().unwrap_or_default().max(1);
        Self {
            spacing: Minutes::try_from(spacing).unwrap_or_default(),
            weekly_max: Minutes::try_from(weekly_max).unwrap_or(Minutes::MAX),
            business_days: Minutes::try_from(catalog.window.days().len()).unwrap_or(7).clamp(1, 7),
        }
    }

    /// What a delay takes at least: so many business days may lie one after another.
    fn least(&self, delay: Delay) -> Minutes {
        match delay {
            Delay::Minutes(_) | Delay::Days(_) => planned(delay),
            Delay::BusinessDays(days) => {
                let days = Minutes::from(days);
                (days / self.business_days) * WEEK + (days % self.business_days) * DAY
            }
        }
    }

    /// What a delay takes in the long run, in parts of a minute: times [`Cap::business_days`].
    fn average(&self, delay: Delay) -> Minutes {
        match delay {
            Delay::Minutes(_) | Delay::Days(_) => planned(delay) * self.business_days,
            Delay::BusinessDays(days) => Minutes::from(days) * WEEK,
        }
    }

    /// Whether so many mails in so long (as [`Cap::average`] counts) are more than the cap ever lets out.
    fn is_outrun(&self, mails: Minutes, takes: Minutes) -> bool {
        self.debt(mails) > i128::from(takes) * i128::from(self.weekly_max)
    }

    /// What so many mails take at least, times `business_days` and `weekly_max`.
    fn debt(&self, mails: Minutes) -> i128 {
        let least = (self.spacing * self.weekly_max).max(WEEK);
        i128::from(mails) * i128::from(least) * i128::from(self.business_days)
    }

    fn spoken(&self) -> String {
        let mails = if self.weekly_max == 1 { "one mail".to_owned() } else { format!("{} mails", self.weekly_max) };
        format!("{mails} in 7 days, one in {}", spoken(self.spacing))
    }
}

fn cap(flow: &Flow<'_>, catalog: &Catalog, found: &mut Vec<Finding>) {
    let cap = Cap::of(flow.program, catalog);
    let before = found.len();
    for (_, node) in flow.reached() {
        found.extend(recur(flow.program, node.step, &cap));
    }
    found.extend(endless(flow, &cap));
    // What can never keep its pace is late at each step: it is told of once.
    if found.len() == before {
        runs(flow, &cap, found);
    }
}

/// A `recur` that comes round faster than the cap lets it.
fn recur(program: &Program, step: &Step, cap: &Cap) -> Option<Finding> {
    let Action::Recur { every, class: TouchClass::Nurture, used_up, .. } = &step.action else { return None };
    let (takes, key) = match every {
        Timing::After(delay) => (cap.average(*delay), "every"),
        Timing::At(Moment::Next { .. }) => (WEEK * cap.business_days, "on"),
        Timing::At(Moment::FirstOfMonth { .. }) => (MONTH * cap.business_days, "on"),
        Timing::At(Moment::Date { .. }) => return None,
    };
    // Rounds of less than a day are told of as a loop.
    let is_told = *used_up == UsedUp::Again && takes < ROUND_MIN * cap.business_days;
    (!is_told && cap.is_outrun(1, takes)).then(|| {
        Place::step(program, step, key).finding(
            severity(program, cap),
            Code::CapBreaksCadence,
            format!("`{}` comes round faster than its mails may go out: the cap is {}", step.id, cap.spoken()),
            "let it come round less often, or loosen the cap".to_owned(),
        )
    })
}

/// A program that slows down for who never answers keeps its pace then.
fn severity(program: &Program, cap: &Cap) -> Severity {
    let slows = program.quiet.is_some_and(|quiet| !cap.is_outrun(1, cap.average(quiet.every)));
    if slows { Severity::Warning } else { Severity::Error }
}

/// How many mails a step sends.
fn mails(step: &Step) -> Minutes {
    match &step.action {
        Action::Email { .. } | Action::Ask { .. } => 1,
        Action::Recur { mails, .. } => Minutes::try_from(mails.len()).unwrap_or(Minutes::MAX),
        Action::Call { .. }
        | Action::PersonalMail { .. }
        | Action::Wait
        | Action::WaitUntil { .. }
        | Action::Branch { .. }
        | Action::Split { .. }
        | Action::Alert { .. }
        | Action::Set { .. }
        | Action::Emit { .. }
        | Action::Goal { .. }
        | Action::Exit { .. }
        | Action::Goto { .. } => 0,
    }
}

/// Where a planned way leads: to a step of the program, also by beginning it again.
fn there(program: &Program, path: &Path<'_>) -> Option<usize> {
    match path.to {
        Destination::Step(next) => Some(next),
        Destination::Program(then) => (*then == program.name).then_some(0),
    }
}

/// What passes from when one step is due until the next one is, as planned. `None` where nobody planned it.
fn gap(from: &Step, why: Why, to: &Step, of: &dyn Fn(Delay) -> Minutes, week: Minutes) -> Option<Minutes> {
    let spent = match (&from.action, why) {
        (Action::WaitUntil { timeout, event: Awaited::Signals(_) | Awaited::Holds(_), .. }, Why::TimedOut) => {
            of(*timeout)
        }
        // Who follows a sign follows no plan, and who goes round in a `recur` leaves it by none.
        (Action::WaitUntil { .. } | Action::Recur { used_up: UsedUp::Again, .. }, _) => return None,
        (Action::Recur { every, mails, used_up: UsedUp::GoOn, .. }, _) => {
            let every = match every {
                Timing::After(delay) => of(*delay),
                Timing::At(Moment::FirstOfMonth { .. }) => (week / WEEK).saturating_mul(MONTH),
                Timing::At(Moment::Next { .. } | Moment::Date { .. }) => week,
            };
            every.saturating_mul(Minutes::try_from(mails.len()).unwrap_or(Minutes::MAX))
        }
        _ => 0,
    };
    let wait = match (&from.timing, &to.timing) {
        (_, Timing::After(delay)) => of(*delay),
        (Timing::At(from), Timing::At(to)) => between(from, to)?.saturating_mul(week / WEEK),
        (Timing::After(_), Timing::At(_)) => return None,
    };
    Some(spent.saturating_add(wait))
}

/// What lies between two moments, where that is known.
fn between(from: &Moment, to: &Moment) -> Option<Minutes> {
    let minute = |time: Time| i64::from(time.hour()) * 60 + i64::from(time.minute());
    let day = 24 * 60;
    match (from, to) {
        (Moment::Next { weekday, time }, Moment::Next { weekday: next, time: at }) => {
            let days = i64::from(next.to_monday_zero_offset()) - i64::from(weekday.to_monday_zero_offset());
            let minutes = (days * day + minute(*at) - minute(*time)).rem_euclid(7 * day);
            // The same moment comes again after a week.
            Minutes::try_from(if minutes == 0 { 7 * day } else { minutes }).ok()
        }
        (
            Moment::Date { field, offset_days, time, .. },
            Moment::Date { field: other, offset_days: offset, time: at, .. },
        ) if field == other => {
            let days = i64::from(*offset) - i64::from(*offset_days);
            // A date before the one it comes from is over: nothing is sent.
            Minutes::try_from(days * day + minute(*at) - minute(*time)).ok()
        }
        _ => None,
    }
}

// --- Without end -----------------------------------------------------------------------------

/// A way that comes round again and again with more mails than the cap ever lets out.
///
/// A mail costs what the cap asks for it, a wait earns what it takes. Who makes a debt on a circle outruns the cap for
/// ever (Bellman and Ford).
fn endless(flow: &Flow<'_>, cap: &Cap) -> Option<Finding> {
    let program = flow.program;
    let week = WEEK * cap.business_days;
    let arcs: Vec<(usize, usize, Why, i128, Minutes)> = flow
        .reached()
        .flat_map(|(from, node)| node.ways.iter().map(move |path| (from, node, path)))
        .filter_map(|(from, node, path)| {
            let to = there(program, path)?;
            let there = flow.nodes.get(to)?.step;
            let takes = gap(node.step, path.why, there, &|delay| cap.average(delay), week)?;
            let earns = i128::from(takes) * i128::from(cap.weekly_max);
            Some((from, to, path.why, earns - cap.debt(mails(node.step)), takes))
        })
        .collect();
    if arcs.iter().all(|(from, to, ..)| to > from) {
        return None;
    }
    let mut worth: Vec<i128> = vec![0; flow.nodes.len()];
    let mut by: Vec<Option<usize>> = vec![None; flow.nodes.len()];
    let mut last = None;
    for _ in 0..=flow.nodes.len() {
        last = None;
        for (number, (from, to, _, gain, _)) in arcs.iter().enumerate() {
            let Some(via) = worth.get(*from).map(|worth| worth + gain) else { continue };
            if let (Some(slot), Some(by)) = (worth.get_mut(*to), by.get_mut(*to))
                && via < *slot
            {
                (*slot, *by, last) = (via, Some(number), Some(*to));
            }
        }
    }
    // Whatever still sinks hangs on such a circle: as many steps back as there are lead into it.
    let mut at = last?;
    let back = |at: usize| by.get(at).copied().flatten().and_then(|number| arcs.get(number));
    for _ in 0..flow.nodes.len() {
        at = back(at)?.0;
    }
    let start = at;
    let mut circle = Vec::new();
    while circle.len() <= flow.nodes.len() {
        let arc = back(at)?;
        circle.push(arc);
        at = arc.0;
        if at == start {
            break;
        }
    }
    let takes = circle.iter().fold(0, |sum: Minutes, arc| sum.saturating_add(arc.4)) / cap.business_days;
    // A circle of less than a day is told of as one.
    if takes < ROUND_MIN {
        return None;
    }
    let (from, to, why, ..) = circle.iter().filter(|arc| arc.1 <= arc.0).max_by_key(|arc| arc.0)?;
    let (from, to) = (flow.nodes.get(*from)?, flow.nodes.get(*to)?);
    let sent: Minutes = circle.iter().filter_map(|arc| flow.nodes.get(arc.0)).map(|node| mails(node.step)).sum();
    let leaves = from.ways.iter().any(|path| path.why == *why && matches!(path.to, Destination::Program(_)));
    let mails = if sent == 1 { "one mail".to_owned() } else { format!("{sent} mails") };
    Some(flow::way_place(program, from.step, *why, leaves).finding(
        severity(program, cap),
        Code::CapBreaksCadence,
        format!(
            "a round from `{}` to here takes {} and sends {mails}, and the cap is {}",
            to.step.id,
            spoken(takes),
            cap.spoken()
        ),
        "let the steps wait longer, or loosen the cap".to_owned(),
    ))
}

// --- Runs ------------------------------------------------------------------------------------

/// Mails that are planned sooner after others than the cap lets them go.
fn runs(flow: &Flow<'_>, cap: &Cap, found: &mut Vec<Finding>) {
    let due = Sent::of(flow, cap);
    let mut is_told = false;
    for (at, node) in flow.reached() {
        let step = node.step;
        if step.action.mail_class() != Some(TouchClass::Nurture) {
            continue;
        }
        let ago = |number| due.ago(at, number);
        let (message, remedy) = if let Some(ago) = ago(1).filter(|ago| *ago < cap.spacing) {
            (
                format!(
                    "`{}` is planned {} after the mail before it, and the cap lets one go in {}",
                    step.id,
                    spoken(ago),
                    spoken(cap.spacing)
                ),
                format!("let at least {} lie between them, or loosen the cap", spoken(cap.spacing)),
            )
        } else if let Some(ago) = ago(cap.weekly_max).filter(|ago| *ago < WEEK && !is_told) {
            // What comes after it is as late as it is.
            is_told = true;
            (
                format!(
                    "`{}` is planned as mail {} in {}, and the cap lets {} go in 7 days",
                    step.id,
                    cap.weekly_max + 1,
                    spoken(ago),
                    cap.weekly_max
                ),
                "let the steps wait longer, or loosen the cap".to_owned(),
            )
        } else {
            continue;
        };
        found.push(Place::step(flow.program, step, key(step)).warning(Code::CapBreaksCadence, message, remedy));
    }
}

fn key(step: &Step) -> &'static str {
    match (&step.action, &step.timing) {
        (Action::Recur { every: Timing::After(_), .. }, _) => "every",
        (Action::Recur { every: Timing::At(_), .. }, _) => "on",
        (_, Timing::After(_)) => "after",
        (_, Timing::At(_)) => "at",
    }
}

/// What is still to be looked at: how long ago, at which step, how many mails ago.
type Open = BinaryHeap<Reverse<(Minutes, usize, usize)>>;

/// How long ago the last mails went out, at least, when each step is due.
struct Sent {
    /// By step, then by how many mails ago; at the first place the last one.
    ago: Vec<Vec<Option<Minutes>>>,
}

impl Sent {
    /// The shortest times from each mail to each step after it, up to as many mails as the cap counts (Dijkstra).
    fn of(flow: &Flow<'_>, cap: &Cap) -> Self {
        let most = usize::try_from(cap.weekly_max).unwrap_or(usize::MAX).min(crate::calendar::WEEKLY_MAX);
        let horizon = WEEK.max(cap.spacing);
        let mut sent = Self { ago: vec![vec![None; most]; flow.nodes.len()] };
        let mut open = Open::new();
        for (_, node) in flow.reached() {
            leave(flow, cap, node, 0, 0, &mut open);
        }
        while let Some(Reverse((ago, at, number))) = open.pop() {
            let Some(slot) = sent.ago.get_mut(at).and_then(|slots| slots.get_mut(number)) else { continue };
            if slot.is_some() || ago >= horizon {
                continue;
            }
            *slot = Some(ago);
            if let Some(node) = flow.nodes.get(at) {
                leave(flow, cap, node, ago, number + 1, &mut open);
            }
        }
        sent
    }

    fn ago(&self, at: usize, number: Minutes) -> Option<Minutes> {
        let number = usize::try_from(number).ok()?.checked_sub(1)?;
        self.ago.get(at)?.get(number).copied().flatten()
    }
}

/// Goes on from a step. `earlier` is how many mails there were since the one that is counted from, itself included.
fn leave(flow: &Flow<'_>, cap: &Cap, node: &Node<'_>, ago: Minutes, earlier: usize, open: &mut Open) {
    let is_recur = matches!(node.step.action, Action::Recur { .. });
    // Of a `recur` only the last mail is counted from; what lies before it lies rounds before.
    if is_recur && earlier > 0 {
        return;
    }
    let here = usize::from(mails(node.step) > 0);
    // The one counted from is the mail of this step, or lies before it.
    let Some(number) = (earlier + here).checked_sub(1) else { return };
    let least = |delay| cap.least(delay);
    for path in node.ways.iter().filter(|path| path.why != Why::Skipped) {
        let next = there(flow.program, path);
        let Some((next, there)) = next.and_then(|next| Some((next, flow.nodes.get(next)?.step))) else { continue };
        let Some(gap) = gap(node.step, path.why, there, &least, WEEK) else { continue };
        let rounds = if is_recur { gap.saturating_sub(flow::before(there, WEEK)) } else { 0 };
        // A round passes before the first mail of a `recur`.
        let first = if let Action::Recur { every, .. } = &there.action { every } else { &Timing::After(Delay::ZERO) };
        let Timing::After(first) = first else { continue };
        open.push(Reverse((ago.saturating_add(gap - rounds).saturating_add(least(*first)), next, number)));
    }
}

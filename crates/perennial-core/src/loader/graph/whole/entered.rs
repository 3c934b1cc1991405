//! Programs that nobody enters.

use super::{Whole, stops};
use crate::diagnostic::Code;
use crate::loader::graph::{Finding, Place};
use crate::program::Action;

/// Programs that nothing leads to.
pub(super) fn never_entered(whole: &Whole<'_>, found: &mut Vec<Finding>) {
    let catalog = whole.catalog;
    let claiming = catalog.programs.values().filter(|program| program.enter.is_some()).map(|program| &program.name);
    let roots = catalog.forms.values().map(|form| &form.program);
    let turned_back = catalog.turnbacks.0.values().filter_map(|policy| policy.program.as_ref());
    let roots = roots.chain(turned_back).chain(claiming).chain([&catalog.last_resort]);
    let mut is_entered = vec![false; whole.flows.len()];
    whole.enter(roots.filter_map(|name| whole.place(name)).collect(), &mut is_entered);
    for (at, flow) in whole.flows.iter().enumerate() {
        if is_entered.get(at).copied().unwrap_or_default() {
            continue;
        }
        let name = &flow.program.name;
        found.push(Place::program(flow.program, "title").warning(
            Code::NeverEntered,
            format!("nothing leads to `{name}`: no form, no turnback, no other program, no `enter`"),
            "name it in a form, in the `then` of a program or in [turnback], or say with `enter` whom it claims",
        ));
        // What only it leads to is mended with it.
        whole.enter(vec![at], &mut is_entered);
    }
}

impl Whole<'_> {
    /// Marks programs as entered, and all that they lead to.
    fn enter(&self, mut open: Vec<usize>, is_entered: &mut [bool]) {
        while let Some(at) = open.pop() {
            let (Some(slot), Some(flow)) = (is_entered.get_mut(at), self.flows.get(at)) else { continue };
            if std::mem::replace(slot, true) {
                continue;
            }
            let steps = flow.program.steps.iter().filter_map(|step| {
                if let Action::Goal { then } | Action::Exit { then } = &step.action { then.as_ref() } else { None }
            });
            let ends = stops(flow.program).filter_map(|end| end.then.as_ref());
            open.extend(steps.chain(ends).chain([&flow.program.then]).filter_map(|name| self.place(name)));
        }
    }
}

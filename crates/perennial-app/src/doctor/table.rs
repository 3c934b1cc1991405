//! The table: whether it is as the stack makes it.

use super::Finding;
use super::facts::{Facts, Table};

/// What the stream must show: `publish-history` reads new rows.
const STREAM_VIEWS: [&str; 2] = ["NEW_IMAGE", "NEW_AND_OLD_IMAGES"];

pub(super) fn judge(facts: &Facts) -> Vec<Finding> {
    const CHECK: &str = "table";
    let name = &facts.table_name;
    let table = match &facts.table {
        Err(why) => return vec![Finding::not_checked(CHECK, why).of(name)],
        Ok(None) => {
            return vec![
                Finding::wrong(CHECK, "there is no such table in this region")
                    .of(name)
                    .remedy("Is it the right account and region? aws sts get-caller-identity; aws configure get region")
                    .remedy("It has the name of the stack: aws dynamodb list-tables"),
            ];
        }
        Ok(Some(table)) => table,
    };
    let mut findings = vec![status(table), stream(name, table), protection(name, table)];
    findings.push(match &facts.has_backups {
        Err(why) => Finding::not_checked("backups", why),
        Ok(true) => Finding::ok("backups", "point-in-time recovery is on"),
        Ok(false) => Finding::look("backups", "point-in-time recovery is off: what is lost is lost").remedy(format!(
            "aws dynamodb update-continuous-backups --table-name {name} \
             --point-in-time-recovery-specification PointInTimeRecoveryEnabled=true"
        )),
    });
    findings.push(match &facts.is_collected {
        Err(why) => Finding::not_checked("ttl", why),
        Ok(true) => Finding::ok("ttl", "what is over is collected"),
        Ok(false) => Finding::look("ttl", "time to live is off: what is over is kept, and paid for").remedy(format!(
            "aws dynamodb update-time-to-live --table-name {name} --time-to-live-specification Enabled=true,AttributeName=ttl"
        )),
    });
    findings.into_iter().map(|finding| finding.of(name)).collect()
}

fn status(table: &Table) -> Finding {
    const CHECK: &str = "table";
    if !table.indexes_missing.is_empty() {
        let missing = table.indexes_missing.join(", ");
        return Finding::wrong(CHECK, format!("it lacks the index {missing}: nothing is found that is due"))
            .remedy("A restore makes tables without what the template adds: deploy, or import it (docs/operate.md).");
    }
    if table.status != "ACTIVE" && table.status != "UPDATING" {
        return Finding::wrong(CHECK, format!("its status is {}", table.status)).remedy("Wait, and ask again.");
    }
    if !table.indexes_unready.is_empty() {
        let unready = table.indexes_unready.join(", ");
        return Finding::look(CHECK, format!("the index {unready} is not ready yet")).remedy("Wait, and ask again.");
    }
    Finding::ok(CHECK, "there, with its indexes")
}

fn stream(name: &str, table: &Table) -> Finding {
    const CHECK: &str = "stream";
    match table.stream.as_deref() {
        Some(view) if STREAM_VIEWS.contains(&view) => Finding::ok(CHECK, "history is streamed"),
        _ => Finding::wrong(CHECK, "no new rows are streamed: the bus hears nothing, and sales is told nothing")
            .remedy("The template switches it on, and publish-history to it: deploy again. By hand, the stream alone:")
            .remedy(format!(
                "aws dynamodb update-table --table-name {name} --stream-specification StreamEnabled=true,StreamViewType=NEW_IMAGE"
            )),
    }
}

fn protection(name: &str, table: &Table) -> Finding {
    const CHECK: &str = "protection";
    if table.is_protected {
        return Finding::ok(CHECK, "nobody deletes it by mistake");
    }
    Finding::look(CHECK, "it can be deleted by mistake")
        .remedy(format!("aws dynamodb update-table --table-name {name} --deletion-protection-enabled"))
}

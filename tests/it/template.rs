//! What is deployed (`infra/template.yaml`), held against what is there: crates, settings, routes, events, log lines.
//!
//! The template is read line by line, as it is written: a resource is a name with two blanks before it, and what is asked
//! for stands on lines of its own. That it is right YAML, and what it does, is shown by `infra/check` and `infra/e2e`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use perennial_app::desk::DESK_PATH;
use perennial_app::mail::TOKEN_PATHS;
use sales_desk::{CRM_PATH, DISPOSITIONS_PATH, SALES_PATH};
use serde_json::Value;

/// What wakes a webhook's delivery is named by whoever deploys, so these samples are in no rule of the template.
const OF_WEBHOOKS: [&str; 1] = ["lead.received"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The lines of each resource by its name.
pub(crate) fn resources() -> BTreeMap<String, Vec<String>> {
    let template = read("infra/template.yaml");
    let (_, body) = template.split_once("\nResources:\n").expect("there are resources");
    let (body, _) = body.split_once("\nOutputs:\n").expect("there are outputs");
    let mut resources: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut name = None;
    for line in body.lines() {
        let is_name = line.starts_with("  ") && line[2..].starts_with(char::is_alphabetic) && line.ends_with(':');
        if is_name {
            name = Some(line.trim().trim_end_matches(':').to_owned());
        } else if let Some(name) = &name {
            resources.entry(name.clone()).or_default().push(line.trim().to_owned());
        }
    }
    resources
}

fn of_type<'a>(
    resources: &'a BTreeMap<String, Vec<String>>,
    kind: &'a str,
) -> impl Iterator<Item = (&'a String, &'a Vec<String>)> {
    resources.iter().filter(move |(_, lines)| lines.iter().any(|line| line == &format!("Type: {kind}")))
}

/// The crate of each function by the name of its resource.
fn functions(resources: &BTreeMap<String, Vec<String>>) -> BTreeMap<String, String> {
    of_type(resources, "AWS::Serverless::Function")
        .map(|(name, lines)| (name.clone(), crate_of(lines).expect("a function has its code").to_owned()))
        .collect()
}

fn crate_of(lines: &[String]) -> Option<&str> {
    lines.iter().find_map(|line| line.strip_prefix("CodeUri: ../target/functions/"))
}

/// What stands between two marks on a line, all the way through.
fn between<'a>(text: &'a str, start: &'a str, end: char) -> impl Iterator<Item = &'a str> {
    text.split(start).skip(1).filter_map(move |rest| rest.split_once(end).map(|(found, _)| found))
}

/// The settings that a `main.rs` reads.
fn read_by(name: &str) -> BTreeSet<String> {
    let main = read(&format!("crates/{name}/src/main.rs"));
    // A name and nothing else: what is said of a setting begins with it, too.
    let is_name = |rest: &&str| rest.bytes().all(|byte| byte == b'_' || byte.is_ascii_uppercase());
    between(&main, "\"PERENNIAL_", '"').filter(is_name).map(|rest| format!("PERENNIAL_{rest}")).collect()
}

/// The sources of a crate, its tests too.
fn sources(name: &str) -> String {
    let mut directories = vec![root().join("crates").join(name).join("src")];
    let mut text = String::new();
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).expect("a crate has sources") {
            let path = entry.expect("an entry is read").path();
            if path.is_dir() {
                directories.push(path);
            } else {
                text.push_str(&fs::read_to_string(path).expect("a source is read"));
            }
        }
    }
    text
}

#[test]
fn every_function_is_a_crate_and_every_crate_of_one_is_deployed() {
    let deployed: BTreeSet<String> = functions(&resources()).into_values().collect();
    let crates = fs::read_dir(root().join("crates")).expect("there are crates");
    let names = crates.map(|entry| entry.expect("an entry is read").file_name().to_string_lossy().into_owned());
    let functions: BTreeSet<String> = names.filter(|name| !name.starts_with("perennial-")).collect();
    assert_eq!(deployed, functions);
}

#[test]
fn the_template_sets_what_each_function_reads_and_nothing_else() {
    let resources = resources();
    for (name, of_crate) in functions(&resources) {
        let lines = resources[&name].iter();
        let set: BTreeSet<String> = lines
            .filter_map(|line| line.split_once(": ").filter(|(key, _)| key.starts_with("PERENNIAL_")))
            .map(|(key, _)| key.to_owned())
            .collect();
        assert_eq!(set, read_by(&of_crate), "{of_crate}");
    }
}

#[test]
fn the_table_of_settings_says_who_reads_what() {
    let readme = read("README.md");
    let mut told: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for row in readme.lines().filter(|line| line.starts_with("| `PERENNIAL_")) {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        // What commands read stands after a semicolon; why, in brackets.
        let functions = cells[2].split(';').next().unwrap_or_default().split(',');
        for function in functions.filter_map(|name| name.split_whitespace().next()) {
            told.entry(function.to_owned()).or_default().insert(cells[1].trim_matches('`').to_owned());
        }
    }
    let read: BTreeMap<String, BTreeSet<String>> =
        functions(&resources()).into_values().map(|name| (name.clone(), read_by(&name))).collect();
    assert_eq!(told, read);
}

#[test]
fn the_timeout_that_a_function_is_told_is_its_own() {
    let resources = resources();
    for (name, _) in functions(&resources) {
        let value = |key: &str| resources[&name].iter().find_map(|line| line.strip_prefix(key)).map(ToOwned::to_owned);
        if let Some(told) = value("PERENNIAL_TIMEOUT_S: ") {
            let told = told.split('\'').nth(1).map(ToOwned::to_owned);
            assert_eq!(told, value("Timeout: "), "{name}");
        }
    }
}

/// The routes of the template, and which function each leads to.
pub(crate) fn routes(resources: &BTreeMap<String, Vec<String>>) -> BTreeMap<String, String> {
    let functions = functions(resources);
    let mut routes = BTreeMap::new();
    for (name, lines) in of_type(resources, "AWS::ApiGatewayV2::Route") {
        let line = lines.iter().find(|line| line.contains("RouteKey: ")).expect("a route has a key");
        let key = between(line, "RouteKey: 'ANY ", '\'').next().unwrap_or_else(|| panic!("{name} is for any method"));
        let integration = between(line, "integrations/${", '}').next().expect("a route has a target");
        let function = integration.trim_end_matches("Integration");
        routes.insert(key.to_owned(), functions[function].clone());
    }
    routes
}

#[test]
fn every_path_that_a_function_serves_has_a_route_to_it_and_no_other_has() {
    let forms =
        ["/v1/forms/{form}", "/v1/forms/{form}/stamp", "/v1/forms/{form}/challenge", "/v1/events", "/v1/visits"];
    let doors = forms.into_iter().map(|path| (path.to_owned(), "ingest-lead"));
    let links = TOKEN_PATHS.into_iter().map(|path| (format!("{path}{{token}}"), "record-engagement"));
    let desk = [
        format!("{DESK_PATH}{{token}}"),
        format!("{DESK_PATH}{{token}}/{{lead}}"),
        format!("{SALES_PATH}{{proxy+}}"),
        format!("{CRM_PATH}{{proxy+}}"),
        DISPOSITIONS_PATH.to_owned(),
    ];
    let desk = desk.into_iter().map(|path| (path, "sales-desk"));
    let served: BTreeMap<String, String> =
        doors.chain(links).chain(desk).map(|(path, function)| (path, function.to_owned())).collect();
    assert_eq!(routes(&resources()), served);

    // What is not a constant that others may see is at least where it was said to be.
    let ingest = sources("ingest-lead");
    for path in ["\"/v1/forms/\"", "\"stamp\"", "\"challenge\"", "\"/v1/events\"", "\"/v1/visits\""] {
        assert!(ingest.contains(path), "ingest-lead does not know {path}");
    }
}

/// Each sample event by its file.
pub(crate) fn samples() -> BTreeMap<String, Value> {
    let files = fs::read_dir(root().join("events")).expect("there are samples");
    let paths = files.map(|entry| entry.expect("an entry is read").path());
    let json = paths.filter(|path| path.extension().is_some_and(|extension| extension == "json"));
    json.map(|path| {
        let name = path.file_name().expect("a sample has a name").to_string_lossy().into_owned();
        (name, serde_json::from_str(&fs::read_to_string(path).expect("a sample is read")).expect("a sample is JSON"))
    })
    .collect()
}

#[test]
fn every_route_of_the_template_has_a_sample_and_no_sample_comes_by_another() {
    let keys = samples().into_values().filter_map(|event| event["routeKey"].as_str().map(ToOwned::to_owned));
    let sampled: BTreeSet<String> =
        keys.map(|key| key.strip_prefix("ANY ").expect("a route is for any method").to_owned()).collect();
    assert_eq!(sampled, routes(&resources()).into_keys().collect());
}

/// How a function is woken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Trigger {
    Request,
    Bus,
    Mail,
    Schedule,
    Queue,
    Stream,
    Bucket,
}

/// How the template has each function woken.
fn triggers(resources: &BTreeMap<String, Vec<String>>) -> BTreeSet<(String, Trigger)> {
    let functions = functions(resources);
    let mut triggers: BTreeSet<(String, Trigger)> =
        routes(resources).into_values().map(|function| (function, Trigger::Request)).collect();
    for (kind, key, words) in [
        ("AWS::Events::Rule", "Arn: !GetAtt ", &[("[perennial]", Trigger::Bus), ("[aws.ses]", Trigger::Mail)][..]),
        ("AWS::Scheduler::Schedule", "Arn: !GetAtt ", &[("ScheduleExpression", Trigger::Schedule)]),
        (
            "AWS::Lambda::EventSourceMapping",
            "FunctionName: !Ref ",
            &[("Feedback.Arn", Trigger::Queue), ("Table.StreamArn", Trigger::Stream)],
        ),
        ("AWS::S3::Bucket", "Function: !GetAtt ", &[("s3:ObjectCreated", Trigger::Bucket)]),
    ] {
        for (name, lines) in of_type(resources, kind) {
            let target = lines.iter().find_map(|line| line.strip_prefix(key)).expect("something is woken");
            let function = functions[target.trim_end_matches(".Arn")].clone();
            let trigger = words.iter().find(|(word, _)| lines.iter().any(|line| line.contains(word)));
            triggers.insert((function, trigger.unwrap_or_else(|| panic!("{name} wakes by nothing known")).1));
        }
    }
    triggers
}

fn trigger_of(event: &Value) -> Trigger {
    let source = event["source"].as_str().or_else(|| event["Records"][0]["eventSource"].as_str());
    match source {
        None => Trigger::Request,
        Some("perennial") => Trigger::Bus,
        Some("aws.ses") => Trigger::Mail,
        Some("aws.scheduler") => Trigger::Schedule,
        Some("aws:sqs") => Trigger::Queue,
        Some("aws:dynamodb") => Trigger::Stream,
        Some("aws:s3") => Trigger::Bucket,
        Some(source) => panic!("nothing is known of {source}"),
    }
}

#[test]
fn every_trigger_of_a_function_has_a_sample_below_its_name_and_no_sample_is_of_another() {
    let (samples, readme) = (samples(), read("events/README.md"));
    let mut shown = BTreeSet::new();
    for section in readme.split("\n## ").skip(1) {
        let (function, body) = section.split_once('\n').expect("a section has a body");
        let items = body.lines().filter(|line| line.starts_with("- `"));
        let events = items.flat_map(|line| line.split('`')).filter_map(|name| samples.get(name));
        shown.extend(events.map(|event| (function.to_owned(), trigger_of(event))));
    }
    assert_eq!(shown, triggers(&resources()));
}

/// The names of events that the rules of our bus let through to a function.
fn ruled(resources: &BTreeMap<String, Vec<String>>) -> BTreeMap<String, BTreeSet<String>> {
    let functions = functions(resources);
    let mut ruled: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (_, lines) in of_type(resources, "AWS::Events::Rule") {
        let pattern = lines.iter().find(|line| line.starts_with("EventPattern:")).expect("a rule has a pattern");
        let Some(names) = between(pattern, "detail-type: [", ']').next() else { continue };
        let target = lines.iter().find_map(|line| line.strip_prefix("Arn: !GetAtt ")).expect("a rule has a target");
        let function = functions[target.trim_end_matches(".Arn")].clone();
        ruled.entry(function).or_default().extend(names.split(',').map(|name| name.trim().to_owned()));
    }
    ruled
}

#[test]
fn the_rules_of_the_bus_let_through_what_functions_listen_to_and_nothing_else() {
    let ruled = ruled(&resources());
    for (function, names) in &ruled {
        let lib = read(&format!("crates/{function}/src/lib.rs"));
        // Names of events are the only texts with one dot in these sources, besides those of log lines.
        let lines = lib.lines().filter(|line| !line.contains("metric = ") && !line.contains("SCHEDULER"));
        let heard: BTreeSet<String> = lines
            .flat_map(|line| line.split('"').skip(1).step_by(2))
            .filter(|text| {
                text.split('.').count() == 2
                    && text.bytes().all(|byte| byte == b'.' || byte == b'_' || byte.is_ascii_lowercase())
            })
            .map(ToOwned::to_owned)
            .collect();
        assert_eq!(names, &heard, "{function}");
    }
    let local = read("crates/perennial-local/src/pumps.rs");
    let all: BTreeSet<&String> = ruled.values().flatten().collect();
    for name in &all {
        assert!(local.contains(&format!("\"{name}\"")), "one machine does not know {name}");
    }
    let sampled: BTreeSet<String> = samples()
        .into_values()
        .filter(|event| event["source"] == "perennial")
        .filter_map(|event| event["detail-type"].as_str().map(ToOwned::to_owned))
        .filter(|name| !OF_WEBHOOKS.contains(&name.as_str()))
        .collect();
    assert_eq!(all.into_iter().cloned().collect::<BTreeSet<_>>(), sampled);
}

#[test]
fn every_alarm_on_a_log_line_has_the_line_and_a_runbook() {
    let resources = resources();
    let crates = ["perennial-app", "perennial-lambda", "ingest-lead", "record-engagement", "notify", "sales-desk"];
    let code: String = crates.into_iter().map(sources).collect();
    let operate = read("docs/operate.md");
    let mut alarms = 0;
    for (name, lines) in of_type(&resources, "AWS::CloudWatch::Alarm") {
        alarms += 1;
        let title = lines.iter().find_map(|line| line.strip_prefix("AlarmName: !Sub '${AWS::StackName}-"));
        let title = title.expect("an alarm has a name").trim_end_matches('\'');
        assert!(operate.contains(&format!("`{title}`")), "{name}: docs/operate.md does not know {title}");
        for line in lines.iter().filter(|line| line.contains("Name: metric,")) {
            let metric = between(line, "Value: ", ' ').next().expect("a dimension has a value");
            let found = code.split(&format!("metric = \"{metric}\"")).skip(1).count();
            assert!(found > 0, "{name}: no log line has metric = {metric}");
        }
    }
    assert!(alarms > 20, "alarms were found: {alarms}");
}

#[test]
fn every_field_that_a_metric_is_made_of_is_in_a_log_line_and_has_no_dot() {
    let resources = resources();
    let crates = ["perennial-app", "perennial-lambda"].map(sources).concat();
    let logs: BTreeMap<String, String> = functions(&resources)
        .into_iter()
        .map(|(name, of_crate)| (format!("{name}Log"), format!("{crates}{}", sources(&of_crate))))
        .collect();
    for (name, lines) in of_type(&resources, "AWS::Logs::MetricFilter") {
        let line = lines.iter().find(|line| line.contains("FilterPattern: ")).expect("a filter has a pattern");
        let log = between(line, "LogGroupName: !Ref ", ',').next().expect("a filter has a log");
        let fields: BTreeSet<&str> = between(line, "$.fields.", ' ').collect();
        assert!(!fields.is_empty(), "{name} looks at no field");
        for field in fields {
            // A dot would stand for an object in an object.
            assert!(logs[log].contains(&format!(" {field} = ")), "{name}: nothing logs {field}");
        }
    }
}

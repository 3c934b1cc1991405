//! The description of the HTTP API (`docs/openapi.yaml`), held against what is there: routes, methods, requests, answers.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::Arc;

use data_encoding::BASE64;
use perennial_aws::clients::Clients;
use perennial_core::catalog::{CaptchaKind, Catalog};
use perennial_core::ids::FormName;
use sales_desk::SALES_PATH;
use serde_json::{Value, json};

use crate::handlers::sales_desk::{NOW, give, staffed};
use crate::scenarios::world::{TABLE, World, berlin, read, sample, shipped};
use crate::template::{resources, routes, samples};

/// The methods of HTTP that a description may have.
const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "OPTIONS", "PUT", "PATCH", "DELETE"];

/// Half an hour after Ada has asked to be contacted: what the samples tell of sales is over by then.
const HALF_PAST: &str = "2026-03-02 10:30";

fn file(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)).unwrap()
}

/// What is described.
struct Description(Value);

/// One path and method of it.
#[derive(Clone, Copy)]
struct Operation<'d> {
    of: &'d Description,
    path: &'d str,
    shared: &'d Value,
    described: &'d Value,
}

impl Description {
    fn read() -> Self {
        Self(serde_saphyr::from_str(&file("docs/openapi.yaml")).unwrap())
    }

    fn paths(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0["paths"].as_object().unwrap().iter().map(|(path, item)| (path.as_str(), item))
    }

    fn operation(&self, path: &str, method: &str) -> Option<Operation<'_>> {
        let (path, shared) = self.paths().find(|(described, _)| fits(described, path))?;
        let described = shared.get(method.to_ascii_lowercase())?;
        Some(Operation { of: self, path, shared, described })
    }

    /// The methods of a path.
    fn methods(&self, path: &str) -> BTreeSet<&'static str> {
        METHODS.into_iter().filter(|method| self.operation(path, method).is_some()).collect()
    }

    /// What stands where something is referred to.
    fn resolved<'d>(&'d self, value: &'d Value) -> &'d Value {
        match value.get("$ref").and_then(Value::as_str) {
            Some(reference) => {
                self.0.pointer(reference.trim_start_matches('#')).unwrap_or_else(|| panic!("{reference}"))
            }
            None => value,
        }
    }

    /// What is wrong with a value by a schema, in words.
    fn flaws(&self, schema: &Value, value: &Value) -> Vec<String> {
        let root = json!({ "allOf": [schema], "components": self.0["components"] });
        let validator = jsonschema::draft202012::new(&root).unwrap();
        validator.iter_errors(value).map(|error| format!("{} at {}", error, error.instance_path())).collect()
    }
}

/// Whether a path is one of those that a description with names in braces stands for.
fn fits(described: &str, path: &str) -> bool {
    let (described, path): (Vec<&str>, Vec<&str>) = (described.split('/').collect(), path.split('/').collect());
    let same =
        |(described, part): (&&str, &&str)| described == part || (described.starts_with('{') && !part.is_empty());
    described.len() == path.len() && described.iter().zip(&path).all(same)
}

impl<'d> Operation<'d> {
    fn parameters(&self) -> impl Iterator<Item = &'d Value> + use<'d> {
        let (of, lists) = (self.of, [self.shared, self.described].map(|at| at["parameters"].as_array()));
        lists.into_iter().flatten().flatten().map(move |parameter| of.resolved(parameter))
    }

    /// What is wrong with a request.
    async fn flaws_of_request(&self, event: &Value) -> Vec<String> {
        let mut flaws = Vec::new();
        for parameter in self.parameters() {
            let given = given(self.path, parameter, event);
            match given {
                Some(given) => flaws.extend(self.of.flaws(&parameter["schema"], &json!(given))),
                None if parameter["required"] == true => flaws.push(format!("{} is missing", parameter["name"])),
                None => {}
            }
        }
        if !self.is_authorised(event) {
            flaws.push("nobody vouches for it".to_owned());
        }
        let body = self.of.resolved(&self.described["requestBody"]);
        if let Some(kinds) = body["content"].as_object() {
            let kind = media_type(&event["headers"]["content-type"]);
            match kinds.get(&kind).or_else(|| kinds.get("*/*")) {
                Some(described) => flaws.extend(self.of.flaws(&described["schema"], &posted(event, &kind).await)),
                None => flaws.push(format!("its body is {kind}")),
            }
        }
        flaws
    }

    /// Whether a request brings what one of the alternatives asks for.
    fn is_authorised(&self, event: &Value) -> bool {
        let Some(alternatives) = self.described["security"].as_array() else { return true };
        let brings = |name: &String| {
            let scheme = &self.of.0["components"]["securitySchemes"][name];
            if scheme["type"] == "http" {
                return event["headers"]["authorization"].as_str().is_some_and(|given| given.starts_with("Bearer "));
            }
            event["headers"].get(scheme["name"].as_str().unwrap().to_ascii_lowercase()).is_some()
        };
        alternatives.iter().any(|one| one.as_object().unwrap().keys().all(brings))
    }

    /// What is wrong with an answer.
    fn flaws_of_answer(&self, answer: &Value) -> Vec<String> {
        let status = answer["statusCode"].to_string();
        let Some(described) = self.described["responses"].get(&status) else {
            return vec![format!("{status} is not described: {answer}")];
        };
        let described = self.of.resolved(described);
        let mut flaws = Vec::new();
        for (name, header) in described["headers"].as_object().into_iter().flatten() {
            let header = self.of.resolved(header);
            match answer["headers"].get(name.to_ascii_lowercase()).and_then(Value::as_str) {
                Some(given) if header["schema"]["type"] == "integer" => {
                    flaws.extend(
                        self.of.flaws(&header["schema"], &given.parse().map_or(Value::Null, |it: i64| json!(it))),
                    );
                }
                Some(given) => flaws.extend(self.of.flaws(&header["schema"], &json!(given))),
                None if header["required"] == true => flaws.push(format!("{name} is missing")),
                None => {}
            }
        }
        if ["429", "503"].contains(&status.as_str()) && answer["headers"].get("retry-after").is_none() {
            flaws.push("nobody says when to try again".to_owned());
        }
        flaws.extend(self.flaws_of_body(described, answer));
        flaws
    }

    fn flaws_of_body(&self, described: &Value, answer: &Value) -> Vec<String> {
        let body = answer["body"].as_str().unwrap_or_default();
        let Some(kinds) = described["content"].as_object() else {
            return if body.is_empty() { Vec::new() } else { vec!["it has a body".to_owned()] };
        };
        let kind = media_type(&answer["headers"]["content-type"]);
        let Some(described) = kinds.get(&kind) else { return vec![format!("its body is {kind}")] };
        let body = if kind.ends_with("json") { serde_json::from_str(body).unwrap() } else { json!(body) };
        described.get("schema").map_or_else(Vec::new, |schema| self.of.flaws(schema, &body))
    }
}

/// The value of a parameter in a request.
fn given(described: &str, parameter: &Value, event: &Value) -> Option<String> {
    let name = parameter["name"].as_str().unwrap();
    match parameter["in"].as_str().unwrap() {
        "path" => {
            let path = event["rawPath"].as_str().unwrap();
            let mut parts = described.split('/').zip(path.split('/'));
            parts.find(|(part, _)| *part == format!("{{{name}}}")).map(|(_, given)| given.to_owned())
        }
        "query" => {
            let query = event["rawQueryString"].as_str().unwrap_or_default();
            let mut pairs = query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
            pairs.find(|(given, _)| *given == name).map(|(_, value)| value.to_owned())
        }
        _ => event["headers"][name.to_ascii_lowercase()].as_str().map(ToOwned::to_owned),
    }
}

fn media_type(header: &Value) -> String {
    header.as_str().unwrap_or_default().split(';').next().unwrap_or_default().trim().to_owned()
}

/// What a request's body says, as JSON; of a form, a name that comes more than once is a list.
async fn posted(event: &Value, kind: &str) -> Value {
    if !kind.contains("form") {
        let body = event["body"].as_str().unwrap();
        return serde_json::from_str(body).unwrap();
    }
    let mut fields: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in ingest_lead::body::read(&read(event)).await.unwrap() {
        fields.entry(name).or_default().push(value);
    }
    let field = |values: Vec<String>| if values.len() == 1 { json!(values[0]) } else { json!(values) };
    fields.into_iter().map(|(name, values)| (name, field(values))).collect()
}

/// The shipped catalog in the three ways that the samples are about.
struct Stage<T> {
    /// With reps, one of whom has the lead.
    sold: T,
    /// Without: the lead lies in the queue, whose links are the samples'.
    queued: T,
    /// With a puzzle in its form.
    puzzling: T,
}

impl<T> Stage<T> {
    fn of(&self, path: &str) -> &T {
        match path {
            path if path.starts_with("/v1/desk/") => &self.queued,
            path if path.ends_with("/challenge") => &self.puzzling,
            _ => &self.sold,
        }
    }
}

impl Stage<Catalog> {
    fn set() -> Self {
        let queued = shipped();
        let mut puzzling = queued.clone();
        puzzling.forms.get_mut(&FormName::parse("contact").unwrap()).unwrap().captcha = CaptchaKind::Altcha;
        Self { sold: staffed(), queued, puzzling }
    }

    async fn played(self) -> Stage<World> {
        let [sold, queued, puzzling] = [self.sold, self.queued, self.puzzling].map(|set| Box::pin(with_ada(set)));
        Stage { sold: sold.await, queued: queued.await, puzzling: puzzling.await }
    }
}

/// The suite, with the lead that the samples are about.
async fn with_ada(catalog: Catalog) -> World {
    let has_reps = !catalog.roster.is_empty();
    let world = World::of(catalog, NOW).await;
    let ada = world.post(serde_json::from_str(sample("form-json.json")["body"].as_str().unwrap()).unwrap()).await;
    if has_reps {
        give(&world, &ada, "robin").await;
    }
    world.clock.set(berlin(HALF_PAST));
    world
}

/// What the function of a request's path answers.
async fn answer(world: &World, event: &Value) -> Value {
    let path = event["rawPath"].as_str().unwrap();
    let functions = &world.functions;
    let is_sales =
        ["/v1/desk/", "/v1/sales/", "/v1/crm/", "/v1/dispositions"].iter().any(|start| path.starts_with(start));
    if ["/v1/forms/", "/v1/events", "/v1/visits"].iter().any(|start| path.starts_with(start)) {
        json!(ingest_lead::handle(Arc::clone(&functions.ingest), read(event)).await.unwrap())
    } else if is_sales {
        json!(sales_desk::handle(Arc::clone(&functions.sales), read(event)).await.unwrap())
    } else {
        json!(record_engagement::handle(Arc::clone(&functions.engagement), event.clone()).await.unwrap())
    }
}

fn method(event: &Value) -> &str {
    event["requestContext"]["http"]["method"].as_str().unwrap()
}

fn with_method(mut event: Value, method: &str) -> Value {
    event["requestContext"]["http"]["method"] = json!(method);
    event
}

/// The samples of requests by their files.
fn requests() -> BTreeMap<String, Value> {
    samples().into_iter().filter(|(_, event)| event["routeKey"].is_string()).collect()
}

/// A request for each path that is described: a sample; what people do, machines do too.
fn one_for_each_path(description: &Description) -> BTreeMap<String, Value> {
    let requests = requests();
    let of_path = |path: &str| requests.values().find(|event| fits(path, event["rawPath"].as_str().unwrap())).cloned();
    let as_machine = |path: &str| {
        let mut event = of_path(&path.replace("/v1/crm/", SALES_PATH))?;
        event["rawPath"] = json!(event["rawPath"].as_str()?.replace(SALES_PATH, "/v1/crm/"));
        event["requestContext"]["authorizer"] = sample("crm-outcome.json")["requestContext"]["authorizer"].clone();
        event["headers"]["authorization"] = sample("crm-outcome.json")["headers"]["authorization"].clone();
        Some(event)
    };
    let one = |path: &str| of_path(path).or_else(|| as_machine(path)).unwrap_or_else(|| panic!("{path} has no sample"));
    description.paths().map(|(path, _)| (path.to_owned(), one(path))).collect()
}

fn assert_none(flaws: &[String], what: &str) {
    assert!(flaws.is_empty(), "{what}: {}", flaws.join("; "));
}

#[test]
fn every_route_of_the_template_is_described_and_nothing_else_is() {
    let description = Description::read();
    let routes = routes(&resources());
    let leads_to = |route: &str, path: &str| match route.strip_suffix("{proxy+}") {
        Some(start) => path.starts_with(start),
        None => path == route,
    };
    let undescribed = routes.keys().filter(|route| !description.paths().any(|(path, _)| leads_to(route, path)));
    assert_eq!(undescribed.collect::<Vec<_>>(), Vec::<&String>::new());
    let unrouted = description.paths().filter(|(path, _)| !routes.keys().any(|route| leads_to(route, path)));
    assert_eq!(unrouted.map(|(path, _)| path).collect::<Vec<_>>(), Vec::<&str>::new());
}

#[test]
fn what_the_api_of_sales_knows_is_described_for_people_and_for_machines() {
    // `["leads", lead, "notes"] => Some(…)`
    let arms = file("crates/sales-desk/src/api.rs");
    let arms = arms.lines().filter_map(|line| line.trim().strip_prefix('[')?.split_once("] => Some(Self::"));
    let part = |part: &str| if part == "lead" { "{lead}".to_owned() } else { part.trim_matches('"').to_owned() };
    let known: BTreeSet<String> =
        arms.map(|(path, _)| path.split(", ").map(part).collect::<Vec<_>>().join("/")).collect();
    assert!(known.len() > 5, "{known:?}");
    let description = Description::read();
    for (start, more) in [(SALES_PATH, None), ("/v1/crm/", Some("dispositions"))] {
        let described = description.paths().filter_map(|(path, _)| path.strip_prefix(start)).map(ToOwned::to_owned);
        let known = known.iter().cloned().chain(more.map(ToOwned::to_owned)).collect::<BTreeSet<_>>();
        assert_eq!(described.collect::<BTreeSet<_>>(), known, "{start}");
    }
}

#[tokio::test]
async fn each_sample_of_a_request_and_its_answer_are_as_described() {
    let (description, stage) = (Description::read(), Stage::set());
    for (name, event) in requests() {
        let path = event["rawPath"].as_str().unwrap();
        let operation = description.operation(path, method(&event)).unwrap_or_else(|| panic!("{name}: not described"));
        assert_none(&operation.flaws_of_request(&event).await, &name);
        let answer = answer(&with_ada(stage.of(path).clone()).await, &event).await;
        // The version that this link names was never published here.
        let is_found = name != "click-get.json";
        assert_eq!(answer["statusCode"].as_i64().unwrap() < 400, is_found, "{name}: {answer}");
        assert_none(&operation.flaws_of_answer(&answer), &name);
    }
}

#[tokio::test]
async fn a_link_leads_on_as_described() {
    let world = World::at(NOW).await;
    let ada = world.post(json!({ "email": "ada@example.com" })).await;
    world.live_until("2026-03-03 11:00").await;
    let text = world.last_mail(&ada).text;
    let (_, token) = text.split_once("/v1/click/").unwrap();
    let mut event = sample("click-get.json");
    let token = token.split(|c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c))).next().unwrap();
    event["rawPath"] = json!(format!("/v1/click/{token}"));
    let answer = answer(&world, &event).await;
    assert_eq!(answer["statusCode"], 302, "{answer}");
    let description = Description::read();
    let operation = description.operation(event["rawPath"].as_str().unwrap(), "GET").unwrap();
    assert_none(&operation.flaws_of_answer(&answer), "a link");
}

#[tokio::test]
async fn a_method_is_described_if_and_only_if_it_is_answered() {
    let (description, stage) = (Description::read(), Stage::set().played().await);
    for (path, event) in one_for_each_path(&description) {
        let (world, described) = (stage.of(&path), description.methods(&path));
        for method in METHODS {
            let answer = answer(world, &with_method(event.clone(), method)).await;
            let status = &answer["statusCode"];
            assert_eq!(status != 405, described.contains(method), "{method} {path}: {answer}");
            let Some(operation) = description.operation(&path, method) else {
                let allowed = answer["headers"]["allow"].as_str().unwrap().split(", ").collect::<BTreeSet<_>>();
                assert_eq!(allowed, described, "{path}");
                continue;
            };
            assert_none(&operation.flaws_of_answer(&answer), &format!("{method} {path}"));
        }
    }
}

#[tokio::test]
async fn what_is_refused_is_refused_as_described() {
    let (description, stage) = (Description::read(), Stage::set().played().await);
    for (path, event) in one_for_each_path(&description) {
        let world = stage.of(&path);
        for (what, change) in WRONGS {
            for method in description.methods(&path) {
                let mut event = with_method(event.clone(), method);
                change(&mut event);
                let answer = answer(world, &event).await;
                let operation = description.operation(&path, method).unwrap();
                assert_none(&operation.flaws_of_answer(&answer), &format!("{method} {path} with {what}"));
            }
        }
    }
}

/// What is done to a request.
type Change = fn(&mut Value);

/// What can be wrong with any request.
const WRONGS: [(&str, Change); 9] = [
    ("a body that breaks off", |event| event["body"] = json!("{\"note\": ")),
    ("names that mean nothing", |event| event["body"] = json!("{\"nothing\": \"at all\"}")),
    ("too long a body", |event| {
        event["isBase64Encoded"] = json!(false);
        event["body"] = json!("a".repeat(40_000));
    }),
    ("bytes that are no text", |event| {
        event["isBase64Encoded"] = json!(true);
        event["body"] = json!(BASE64.encode(&[0xff; 3]));
    }),
    ("another content type", |event| event["headers"]["content-type"] = json!("application/pdf")),
    ("nobody who vouches for it", |event| {
        event["headers"].as_object_mut().unwrap().remove("authorization");
        event["requestContext"].as_object_mut().unwrap().remove("authorizer");
    }),
    ("a query that means nothing", |event| event["rawQueryString"] = json!("nothing=at-all")),
    ("a key that is none", |event| event["headers"]["idempotency-key"] = json!("with blanks")),
    ("a form, a token or a lead that there is not", |event| {
        let path = event["rawPath"].as_str().unwrap().to_owned();
        let path = path.replace("/contact", "/nothing").replacen("v1.k1.", "v1.k9.", 1);
        event["rawPath"] = json!(path.replace("biemfhtrar7jgzcgd3hax6dwqe", "aaaaaaaaaaaaaaaaaaaaaaaaaa"));
    }),
];

#[tokio::test]
async fn a_store_that_does_not_answer_is_told_as_described() {
    let (description, stage) = (Description::read(), Stage::set().played().await);
    for world in [&stage.sold, &stage.queued, &stage.puzzling] {
        let client = Clients::loopback(world.file().dynamodb()).dynamodb();
        client.delete_table().table_name(TABLE).send().await.unwrap();
    }
    for (path, event) in one_for_each_path(&description) {
        for method in description.methods(&path) {
            let answer = answer(stage.of(&path), &with_method(event.clone(), method)).await;
            let operation = description.operation(&path, method).unwrap();
            assert_none(&operation.flaws_of_answer(&answer), &format!("{method} {path} without a store"));
        }
    }
}

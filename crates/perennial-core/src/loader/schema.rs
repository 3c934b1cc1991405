//! JSON Schema of the four files, for editors: made from the shapes, so that an editor marks what the reader refuses.
//!
//! The schema says what a file may hold by itself; what only the whole catalog shows (whether a field is declared, a
//! step is there) is the loader's alone.
//!
//! Tables are written out in place, because editors show the description that stands nearest. Only conditions, which
//! hold conditions, and what stands in many places are referred to.

use serde_json::{Map, Value as Json, json};

use crate::ids::NAME_LENGTH_MAX;
use crate::loader::shape::{self, CONDITIONS, Key, Named, Need, Rule, Shape, Units, Value, Variants};

/// The dialect that the schemas are written in.
const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// Where the schema of a condition stands in each file.
const CONDITION: &str = "#/$defs/condition";

/// The tables that stand in many places.
static SHARED: [&Shape; 4] = [&shape::HOURS, &shape::POLICY, &shape::REQUALIFY, &shape::WORTH];

/// The schema of `catalog.toml`.
pub fn catalog() -> String {
    document(&shape::CATALOG, "Perennial: catalog.toml", &SHARED)
}

/// The schema of `program.toml`.
pub fn program() -> String {
    document(&shape::PROGRAM, "Perennial: program.toml", &[&shape::REQUALIFY])
}

/// The schema of `broadcast.toml`.
pub fn broadcast() -> String {
    document(&shape::BROADCAST, "Perennial: broadcast.toml", &[])
}

/// The schema of `reps.toml`.
pub fn roster() -> String {
    document(&shape::ROSTER, "Perennial: reps.toml", &[&shape::HOURS])
}

fn document(shape: &'static Shape, title: &str, shared: &[&'static Shape]) -> String {
    let mut schema = table(shape, None);
    schema.insert("$schema".to_owned(), json!(DIALECT));
    schema.insert("title".to_owned(), json!(title));
    let conditions: Vec<Json> = CONDITIONS.iter().map(|shape| Json::Object(table(shape, None))).collect();
    let mut definitions = Map::new();
    definitions.insert("condition".to_owned(), json!({ "type": "object", "oneOf": conditions }));
    for shape in shared {
        definitions.insert(shape.name.to_owned(), Json::Object(table(shape, None)));
    }
    schema.insert("$defs".to_owned(), Json::Object(definitions));
    let mut text = format!("{:#}", Json::Object(schema));
    text.push('\n');
    text
}

/// A table. `fixed` is the key whose word decided that it is this table, and that word.
fn table(shape: &'static Shape, fixed: Option<(&str, &str)>) -> Map<String, Json> {
    let mut properties = Map::new();
    let mut required: Vec<&str> = Vec::new();
    for key in shape.keys() {
        let word = fixed.filter(|(name, _)| *name == key.name).map(|(_, word)| word);
        properties.insert(key.name.to_owned(), property(key, word));
        if let Need::Required { .. } = key.need {
            required.push(key.name);
        }
    }
    let mut table = Map::new();
    table.insert("type".to_owned(), json!("object"));
    table.insert("description".to_owned(), json!(shape.doc));
    table.insert("properties".to_owned(), Json::Object(properties));
    table.insert("required".to_owned(), json!(required));
    table.insert("additionalProperties".to_owned(), json!(false));
    if !shape.rules.is_empty() {
        let rules: Vec<Json> = shape.rules.iter().map(rule).collect();
        table.insert("allOf".to_owned(), Json::Array(rules));
    }
    table
}

fn property(key: &Key, word: Option<&str>) -> Json {
    let mut schema = word.map_or_else(|| value(&key.value), |word| json!({ "type": "string", "const": word }));
    if let Json::Object(schema) = &mut schema {
        schema.insert("description".to_owned(), json!(key.doc));
        if let Need::Default(default) = key.need
            && word.is_none()
        {
            // A default is written in TOML, in the part of it that is JSON too.
            schema.insert("default".to_owned(), default.parse().unwrap_or_default());
        }
    }
    schema
}

fn rule(rule: &Rule) -> Json {
    let there = |key: &&str| json!({ "required": [key] });
    match rule {
        Rule::One { of, .. } => json!({ "oneOf": of.iter().map(there).collect::<Vec<_>>() }),
        Rule::Some { of, .. } => json!({ "anyOf": of.iter().map(there).collect::<Vec<_>>() }),
        Rule::AtMostOne(of) => {
            let pairs = of.iter().enumerate().flat_map(|(at, a)| of.iter().skip(at + 1).map(move |b| (a, b)));
            let both: Vec<Json> = pairs.map(|(a, b)| json!({ "required": [a, b] })).collect();
            json!({ "not": { "anyOf": both } })
        }
        Rule::With(key, needed) => {
            let mut dependent = Map::new();
            dependent.insert((*key).to_owned(), json!([needed]));
            json!({ "dependentRequired": dependent })
        }
    }
}

fn value(value: &Value) -> Json {
    match value {
        Value::Text => text(),
        Value::Texts { min, max } => json!({ "type": "array", "items": text(), "minItems": min, "maxItems": max }),
        Value::Word(words) => word(words),
        Value::Words(words) => json!({ "type": "array", "items": word(words) }),
        Value::WordOrWords(words) => one_or_more(&word(words)),
        Value::Name(of) => name(*of),
        Value::Names { of, min, max } => {
            json!({ "type": "array", "items": name(*of), "minItems": min, "maxItems": max })
        }
        Value::NameOrNames(of) => one_or_more(&name(*of)),
        Value::Wait(_) => json!({ "type": "string", "pattern": "^\\+?[0-9]+(m|h|d|w|bd)$" }),
        Value::Period { units, .. } => json!({ "type": "string", "pattern": period(*units) }),
        Value::Moment => json!({ "type": "string", "pattern": moment() }),
        Value::Condition => json!({ "$ref": CONDITION }),
        Value::Conditions => json!({ "type": "array", "items": { "$ref": CONDITION }, "minItems": 1 }),
        Value::Number { min, max } => json!({ "type": "integer", "minimum": min, "maximum": max }),
        Value::Switch => json!({ "type": "boolean" }),
        Value::Time => json!({ "type": "string", "pattern": format!("^{CLOCK}$") }),
        Value::Table(shape) => place(shape),
        Value::Tables { of, min, max } => {
            json!({ "type": "array", "items": place(of), "minItems": min, "maxItems": max })
        }
        Value::Variants { of, min, max } => {
            json!({ "type": "array", "items": variants(of), "minItems": min, "maxItems": max })
        }
        Value::Map(of, shape) => map(*of, &Json::Object(table(shape, None))),
        Value::MapOfVariants(of, of_variants) => map(*of, &variants(of_variants)),
        Value::Facts(of) => map(*of, &text()),
    }
}

/// A table in its place, or where it is written if it is shared.
fn place(shape: &'static Shape) -> Json {
    if SHARED.iter().any(|shared| shared.name == shape.name) {
        return json!({ "$ref": format!("#/$defs/{}", shape.name) });
    }
    Json::Object(table(shape, None))
}

fn text() -> Json {
    json!({ "type": "string", "pattern": "\\S" })
}

fn word(words: &[&str]) -> Json {
    json!({ "type": "string", "enum": words })
}

fn one_or_more(item: &Json) -> Json {
    json!({ "oneOf": [item, { "type": "array", "items": item, "minItems": 1 }] })
}

fn name(of: Named) -> Json {
    json!({ "type": "string", "pattern": name_pattern(of) })
}

fn name_pattern(of: Named) -> String {
    let mark = match of {
        Named::Field | Named::Fact => '_',
        Named::Program
        | Named::Step
        | Named::Arm
        | Named::Form
        | Named::Queue
        | Named::Route
        | Named::Team
        | Named::Rep
        | Named::Template
        | Named::Topic
        | Named::Tag
        | Named::Event
        | Named::Region
        | Named::Language
        | Named::Webhook
        | Named::Crm => '-',
    };
    format!("^[a-z][a-z0-9{mark}]{{0,{}}}$", NAME_LENGTH_MAX - 1)
}

fn map(of: Named, each: &Json) -> Json {
    json!({ "type": "object", "propertyNames": { "pattern": name_pattern(of) }, "additionalProperties": each })
}

/// A time of day.
const CLOCK: &str = "([01]?[0-9]|2[0-3]):[0-5][0-9]";

const fn period(units: Units) -> &'static str {
    match units {
        Units::Any => "^\\+?[0-9]+(m|h|d|w|bd)$",
        Units::Exact => "^\\+?[0-9]+(m|h|d|w)$",
        Units::Days => "^\\+?[0-9]+(d|w)$",
    }
}

fn moment() -> String {
    let weekday = format!("([Nn]ext|[Ff]irst) +[A-Za-z]+ +{CLOCK}");
    let date = format!("[a-z][a-z0-9_]*( +[+-] +[0-9]+[dw])?( +{CLOCK})?");
    format!("^ *({weekday}|{date}) *$")
}

fn variants(variants: &'static Variants) -> Json {
    let shapes: Vec<Json> =
        variants.shapes.iter().map(|(word, shape)| Json::Object(table(shape, Some((variants.key, word))))).collect();
    json!({ "type": "object", "oneOf": shapes })
}

#[cfg(test)]
mod tests;

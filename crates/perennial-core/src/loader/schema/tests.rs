//! The schemas take what the loader takes, and refuse what it refuses for a reason that one file shows.

use serde_json::{Value as Json, json};

use super::{catalog, program};
use crate::loader::shape::{SHAPES, Value};
use crate::testing;

/// As much of a validator as the schemas use, but for patterns.
fn is_valid(schema: &Json, root: &Json, value: &Json) -> bool {
    let Some(schema) = schema.as_object() else { panic!("a schema is an object: {schema}") };
    schema.iter().all(|(keyword, says)| holds(keyword, says, schema, root, value))
}

fn holds(keyword: &str, says: &Json, schema: &serde_json::Map<String, Json>, root: &Json, value: &Json) -> bool {
    let each = |says: &Json| says.as_array().unwrap().clone();
    match keyword {
        "$schema" | "$defs" | "title" | "description" | "default" | "pattern" | "propertyNames" => true,
        "$ref" => is_valid(root.pointer(says.as_str().unwrap().trim_start_matches('#')).unwrap(), root, value),
        "type" => match says.as_str().unwrap() {
            "object" => value.is_object(),
            "array" => value.is_array(),
            "string" => value.is_string(),
            "integer" => value.is_i64() || value.is_u64(),
            "boolean" => value.is_boolean(),
            other => panic!("{other}"),
        },
        "const" => value == says,
        "enum" => each(says).contains(value),
        "minimum" => value.as_u64() >= says.as_u64(),
        "maximum" => value.as_u64() <= says.as_u64(),
        "items" => value.as_array().is_none_or(|items| items.iter().all(|item| is_valid(says, root, item))),
        "minItems" => {
            value.as_array().is_none_or(|items| items.len() >= usize::try_from(says.as_u64().unwrap()).unwrap())
        }
        "maxItems" => {
            value.as_array().is_none_or(|items| items.len() <= usize::try_from(says.as_u64().unwrap()).unwrap())
        }
        "required" => {
            value.as_object().is_none_or(|table| each(says).iter().all(|key| table.contains_key(key.as_str().unwrap())))
        }
        "properties" => value.as_object().is_none_or(|table| {
            table.iter().all(|(key, value)| says.get(key).is_none_or(|schema| is_valid(schema, root, value)))
        }),
        "additionalProperties" => value.as_object().is_none_or(|table| {
            let known = schema.get("properties");
            let mut others = table.iter().filter(|(key, _)| known.is_none_or(|known| known.get(key).is_none()));
            others.all(|(_, value)| says.as_bool() != Some(false) && is_valid(says, root, value))
        }),
        "dependentRequired" => value.as_object().is_none_or(|table| {
            let mut needs = says.as_object().unwrap().iter().filter(|(key, _)| table.contains_key(*key));
            needs.all(|(_, needed)| each(needed).iter().all(|key| table.contains_key(key.as_str().unwrap())))
        }),
        "allOf" => each(says).iter().all(|schema| is_valid(schema, root, value)),
        "anyOf" => each(says).iter().any(|schema| is_valid(schema, root, value)),
        "oneOf" => each(says).iter().filter(|schema| is_valid(schema, root, value)).count() == 1,
        "not" => !is_valid(says, root, value),
        other => panic!("a keyword that this test does not know: {other}"),
    }
}

fn takes(schema: &str, toml: &str) -> bool {
    let schema: Json = schema.parse().expect("JSON");
    let value: Json = toml::from_str(toml).expect("TOML");
    is_valid(&schema, &schema, &value)
}

fn file(path: &str) -> String {
    testing::files().into_iter().find(|file| file.path == path).expect("the file").text
}

#[test]
fn the_schemas_take_what_the_loader_takes() {
    assert!(takes(&catalog(), &file("catalog.toml")));
    assert!(takes(&program(), &file("welcome/program.toml")));
    assert!(takes(&program(), &file("occasional/program.toml")));
}

#[test]
fn the_schema_of_a_program_marks_what_the_loader_refuses() {
    let welcome = file("welcome/program.toml");
    for (from, to) in [
        ("title =", "titel ="),
        ("then = \"nurture\"", ""),
        ("kind = \"call\"", "kind = \"cal\""),
        ("class = \"response\"", "class = \"responses\""),
        ("due_in = \"2d\"", "class = \"nurture\""),
        ("after = \"0m\"", ""),
        ("after = \"0m\"", "after = \"0m\"\nat = \"next Tuesday 10:00\""),
        ("after = \"0m\"", "after = 0"),
        ("after = \"0m\"", "after = \"0m\"\nif_missing = \"1d\""),
        ("after = \"0m\"", "after = \"0m\"\nskip_if = { tag = \"a\", topic = \"b\" }"),
        ("after = \"0m\"", "after = \"0m\"\nskip_if = { all = [] }"),
        ("after = \"0m\"", "after = \"0m\"\nskip_if = { signal = \"snored\" }"),
    ] {
        assert!(welcome.contains(from));
        assert!(!takes(&program(), &welcome.replacen(from, to, 1)), "{to}");
    }
    let nested = "after = \"0m\"\nskip_if = { all = [{ not = { tag = \"a\" } }, { any = [{ stage = [\"sal\"] }] }] }";
    assert!(takes(&program(), &welcome.replacen("after = \"0m\"", nested, 1)));
}

#[test]
fn the_schema_of_a_catalog_marks_what_the_loader_refuses() {
    let text = file("catalog.toml");
    for (from, to) in [
        ("last = \"queue\"", ""),
        ("bad_phone = { stays = true }", ""),
        ("bad_phone = { stays = true }", "bad_phone = { stays = true, program = \"a\" }"),
        ("bad_phone = { stays = true }", "bad_phone = { stays = true, lead_time = \"1d\" }"),
        ("weekly_max = 3", "weekly_max = 17"),
        ("\"fri\"", "\"friday\""),
        ("{ label = \"Company\", length_max = 120 }", "{ label = \"Company\", type = \"choice\", length_max = 120 }"),
    ] {
        assert!(text.contains(from), "{from}");
        assert!(!takes(&catalog(), &text.replacen(from, to, 1)), "{to}");
    }
}

#[test]
fn every_key_has_a_description_and_every_default_is_json() {
    for shape in SHAPES {
        assert!(shape.doc.ends_with('.'), "{}", shape.name);
        for key in shape.keys() {
            assert!(key.doc.ends_with('.') && !key.doc.contains("  "), "{}.{}: {}", shape.name, key.name, key.doc);
            if let crate::loader::shape::Need::Default(default) = key.need {
                assert_ne!(default.parse::<Json>().unwrap_or(json!(null)), json!(null), "{}.{}", shape.name, key.name);
            }
        }
    }
}

#[test]
fn no_two_shapes_have_one_name_and_every_shape_is_listed() {
    fn below(value: &'static Value, seen: &mut Vec<&'static str>) {
        if matches!(value, Value::Condition | Value::Conditions) {
            return;
        }
        for shape in value.tables() {
            seen.push(shape.name);
            shape.keys().for_each(|key| below(&key.value, seen));
        }
    }
    let mut names: Vec<&str> = SHAPES.iter().map(|shape| shape.name).collect();
    names.sort_unstable();
    let count = names.len();
    names.dedup();
    assert_eq!(names.len(), count);
    let mut seen = Vec::new();
    for shape in SHAPES {
        shape.keys().for_each(|key| below(&key.value, &mut seen));
        assert!(shape.keys().count() <= 64, "{} has more keys than a section can tick off", shape.name);
    }
    assert_eq!(seen.iter().filter(|name| !names.contains(name)).count(), 0, "{seen:?}");
}

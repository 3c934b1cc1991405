//! JSON, taken strictly (H3): what two parsers could read in two ways is an error.
//!
//! **Invariant:** an error says what and where, and repeats nothing of the text.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use crate::http::form::Pair;

/// Most levels of lists and objects in each other.
pub const JSON_DEPTH_MAX: usize = 16;

/// A JSON value. It has no `Debug`: it may be anybody's words.
#[derive(PartialEq)]
pub enum Json {
    /// `null`.
    Null,
    /// A text, a number, true or false, as text.
    Scalar(String),
    /// A list.
    List(Vec<Json>),
    /// An object.
    Object(BTreeMap<String, Json>),
}

/// Why a text gives no names and values.
#[derive(Debug, thiserror::Error)]
pub enum PairsError {
    /// It is not strict JSON.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// It is JSON, but does not name fields.
    #[error("The JSON must be an object of fields; each is a text, a number, true or false, or a list of these.")]
    Shape,
}

/// Reads the names and values of an object, in the order of the names. A list is a name with several values; `null` is
/// an empty value.
pub fn pairs(text: &str) -> Result<Vec<Pair>, PairsError> {
    let Json::Object(members) = parse(text)? else {
        return Err(PairsError::Shape);
    };
    let mut pairs = Vec::new();
    for (name, value) in members {
        let values = match value {
            Json::List(values) => values,
            value @ (Json::Null | Json::Scalar(_) | Json::Object(_)) => vec![value],
        };
        for value in values {
            match value {
                Json::Null => pairs.push((name.clone(), String::new())),
                Json::Scalar(text) => pairs.push((name.clone(), text)),
                Json::List(_) | Json::Object(_) => return Err(PairsError::Shape),
            }
        }
    }
    Ok(pairs)
}

/// A text that is not strict JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("The JSON {problem} at line {line}, column {column}.")]
pub struct JsonError {
    problem: Problem,
    line: usize,
    column: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Problem {
    /// Not JSON: `NaN`, a lone surrogate and a number beyond any float among it.
    Syntax,
    DuplicateName,
    TooDeep,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Syntax => "is not valid",
            Self::DuplicateName => "names one thing twice",
            Self::TooDeep => "is nested too deeply",
        })
    }
}

/// Parses one JSON value and nothing after it.
pub fn parse(text: &str) -> Result<Json, JsonError> {
    let problem = Cell::new(Problem::Syntax);
    let mut deserializer = serde_json::Deserializer::from_str(text);
    Strict { depth: 0, problem: &problem }
        .deserialize(&mut deserializer)
        .and_then(|json| deserializer.end().map(|()| json))
        .map_err(|error| JsonError { problem: problem.get(), line: error.line(), column: error.column() })
}

/// Reads one value; a problem that `serde_json` does not know is left in `problem`.
#[derive(Clone, Copy)]
struct Strict<'p> {
    depth: usize,
    problem: &'p Cell<Problem>,
}

impl Strict<'_> {
    fn fail<E: Error>(self, problem: Problem) -> E {
        self.problem.set(problem);
        E::custom(problem)
    }

    /// The reader of what stands inside this value.
    fn inner<E: Error>(self) -> Result<Self, E> {
        let depth = self.depth + 1;
        if depth > JSON_DEPTH_MAX { Err(self.fail(Problem::TooDeep)) } else { Ok(Self { depth, ..self }) }
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Json;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Scalar(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Scalar(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Scalar(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
        Ok(Json::Scalar(value.to_string()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(Json::Scalar(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json, A::Error> {
        let inner = self.inner()?;
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(inner)? {
            list.push(item);
        }
        Ok(Json::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Json, A::Error> {
        let inner = self.inner()?;
        let mut object = BTreeMap::new();
        while let Some(name) = members.next_key::<String>()? {
            if object.contains_key(&name) {
                return Err(self.fail(Problem::DuplicateName));
            }
            let value = members.next_value_seed(inner)?;
            object.insert(name, value);
        }
        Ok(Json::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn refusal(text: &str) -> String {
        parse(text).err().map(|error| error.to_string()).unwrap_or_default()
    }

    fn scalar(text: &str) -> Json {
        Json::Scalar(text.to_owned())
    }

    #[test]
    fn scalars_become_text() {
        let json = parse(r#"{"a":"x","b":4930123456,"c":-1,"d":1.5,"e":true,"f":null,"g":["x",2],"h":"\ud83d\ude00"}"#);
        let list = Json::List(vec![scalar("x"), scalar("2")]);
        let members = [
            ("a", scalar("x")),
            ("b", scalar("4930123456")),
            ("c", scalar("-1")),
            ("d", scalar("1.5")),
            ("e", scalar("true")),
            ("f", Json::Null),
            ("g", list),
            ("h", scalar("😀")),
        ];
        assert!(json == Ok(Json::Object(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())));
    }

    #[test]
    fn what_is_not_json_is_refused_with_its_place() {
        assert_eq!(refusal("{\n  \"a\": NaN}"), "The JSON is not valid at line 2, column 8.");
        for text in [
            "",
            "{",
            "{\"a\":1,}",
            "{'a':1}",
            "{\"a\":Infinity}",
            "{\"a\":1e999}",
            "{\"a\":01}",
            "{} {}",
            "\"a\u{1}\"",
            "// x\n{}",
        ] {
            assert!(refusal(text).starts_with("The JSON is not valid at line "), "{text}");
        }
    }

    #[test]
    fn lone_surrogates_are_refused() {
        for text in [r#"{"a":"\ud800"}"#, r#"{"a":"\udc00x"}"#, r#"{"a":"\ud800\ud800"}"#, r#"{"\ud800":1}"#] {
            assert!(refusal(text).starts_with("The JSON is not valid"), "{text}");
        }
    }

    #[test]
    fn a_name_given_twice_is_refused_however_it_is_spelt() {
        assert_eq!(refusal("{\"a\":1,\n\"a\":2}"), "The JSON names one thing twice at line 2, column 3.");
        assert!(refusal(r#"{"a":1,"\u0061":2}"#).contains("twice"));
        assert!(refusal(r#"{"x":{"a":1,"a":2}}"#).contains("twice"));
    }

    #[test]
    fn sixteen_levels_are_taken_and_seventeen_refused() {
        let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(parse(&nested(JSON_DEPTH_MAX)).is_ok());
        assert!(refusal(&nested(JSON_DEPTH_MAX + 1)).contains("too deeply"));
        assert!(refusal(&nested(16_000)).contains("too deeply"));
        assert!(refusal(&"{\"a\":".repeat(6_000)).contains("too deeply"));
    }

    #[test]
    fn an_error_repeats_nothing_of_the_text() {
        for text in ["canary", "{\"canary\":1,\"canary\":2}", "[\"canary\" 1]"] {
            let error = parse(text).err();
            assert!(error.is_some() && !format!("{error:?}").contains("canary"), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in any::<String>(), json_like in "[\\[\\]{}\",:0-9eE+.\\\\ud8-c ntfals]{0,40}") {
            drop(parse(&text));
            drop(parse(&json_like));
        }

        #[test]
        fn what_is_taken_is_json_to_others_too(text in "[\\[\\]{}\",:0-9eE+. ]{0,24}") {
            if parse(&text).is_ok() {
                prop_assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok());
            }
        }
    }
}

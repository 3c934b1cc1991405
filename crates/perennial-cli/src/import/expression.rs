//! The small expressions of a map: minijinja over the cells of one row.
//!
//! **Invariant:** an expression that compiles names only `row['Column']`, so every column it needs is
//! known, and checked against the header, before a row is read. There are no loops, so the length of
//! an expression bounds the time it takes.

use std::sync::LazyLock;

use minijinja::value::ValueKind;
use minijinja::{Environment, ErrorKind, Expression, UndefinedBehavior, Value, context};

/// The longest expression, in bytes. minijinja compiles by recursion, one level for each operator.
const LENGTH_MAX: usize = 1_000;

/// The name that holds the cells.
const ROW: &str = "row";

/// Every map has the same: minijinja's own filters, nothing that reaches outside.
static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment
});

/// A compiled expression.
#[derive(Debug)]
pub(crate) struct RowExpression {
    compiled: Expression<'static, 'static>,
    columns: Vec<String>,
}

impl RowExpression {
    /// Compiles an expression; the error says, for its author, what is wrong with it.
    pub(crate) fn compile(source: &str) -> Result<Self, String> {
        if source.len() > LENGTH_MAX {
            return Err(format!("the expression is longer than {LENGTH_MAX} bytes"));
        }
        let compiled = ENVIRONMENT.compile_expression_owned(source.to_owned()).map_err(|error| explain(&error))?;
        let mut strangers: Vec<_> =
            compiled.undeclared_variables(false).into_iter().filter(|name| name != ROW).collect();
        strangers.sort();
        if let Some(name) = strangers.first() {
            return Err(format!("`{name}` is not known here; an expression sees only `row['Column']`"));
        }
        let expression = Self { compiled, columns: columns(source)? };
        expression.check_names()?;
        Ok(expression)
    }

    /// The columns that the expression reads.
    pub(crate) fn columns(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(String::as_str)
    }

    /// The value for one row, given its cells by column name; empty where there is none.
    ///
    /// The error is a kind of failure, without any value of the row.
    pub(crate) fn eval(&self, cells: &Value) -> Result<String, String> {
        let value = self.compiled.eval(context! { row => cells }).map_err(|error| error.kind().to_string())?;
        let kind = value.kind();
        if matches!(kind, ValueKind::Undefined | ValueKind::None) {
            Ok(String::new())
        } else if matches!(kind, ValueKind::String | ValueKind::Number | ValueKind::Bool) {
            Ok(value.to_string().trim().to_owned())
        } else {
            Err(format!("it gives a {kind}, not a text"))
        }
    }

    /// minijinja looks filters up when it comes to them: a row of empty cells finds the misspelt ones.
    fn check_names(&self) -> Result<(), String> {
        let empty = Value::from_pairs(self.columns().map(|column| (column, "")));
        match self.compiled.eval(context! { row => empty }) {
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::UnknownFilter
                        | ErrorKind::UnknownTest
                        | ErrorKind::UnknownFunction
                        | ErrorKind::UnknownMethod
                ) =>
            {
                Err(explain(&error))
            }
            // Anything else may well be the emptiness of the cells.
            Ok(_) | Err(_) => Ok(()),
        }
    }
}

/// An error for the author of the expression.
fn explain(error: &minijinja::Error) -> String {
    error.detail().map_or_else(|| error.kind().to_string(), str::to_owned)
}

/// The columns that an expression which compiles reads: every `row['Column']` and `row.column` in it.
fn columns(source: &str) -> Result<Vec<String>, String> {
    let mut columns = Vec::new();
    let mut rest = source;
    while let Some(first) = rest.chars().next() {
        if let Some((_, after)) = string_literal(rest) {
            rest = after;
        } else if let Some((word, after)) = word(rest) {
            rest = after;
            if word == ROW {
                let (column, after) = subscript(after).or_else(|| attribute(after)).ok_or_else(|| {
                    "`row` must be followed by the name of a column, as in `row['Lead Source']`".to_owned()
                })?;
                columns.push(column.to_owned());
                rest = after;
            }
        } else {
            rest = rest.get(first.len_utf8()..).unwrap_or_default();
        }
    }
    Ok(columns)
}

/// `['Column']` or `["Column"]`.
fn subscript(source: &str) -> Option<(&str, &str)> {
    let (column, after) = string_literal(source.trim_start().strip_prefix('[')?.trim_start())?;
    Some((column, after.trim_start().strip_prefix(']')?)).filter(|_| !column.contains('\\'))
}

/// `.column`.
fn attribute(source: &str) -> Option<(&str, &str)> {
    word(source.trim_start().strip_prefix('.')?.trim_start())
}

/// A quoted text, without its quotes, and what follows it. A backslash takes the next character along.
fn string_literal(source: &str) -> Option<(&str, &str)> {
    let quote = source.chars().next().filter(|first| matches!(first, '\'' | '"'))?;
    let body = source.get(1..)?;
    let mut escaped = false;
    for (at, character) in body.char_indices() {
        if character == quote && !escaped {
            return Some((body.get(..at)?, body.get(at + 1..)?));
        }
        escaped = character == '\\' && !escaped;
    }
    None
}

/// A name or a number, and what follows it.
fn word(source: &str) -> Option<(&str, &str)> {
    let end = source.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(source.len());
    source.split_at_checked(end).filter(|(word, _)| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns_of(source: &str) -> Vec<String> {
        RowExpression::compile(source).unwrap().columns().map(str::to_owned).collect()
    }

    fn eval(source: &str) -> Result<String, String> {
        let cells = Value::from_pairs([("First Name", "Ada"), ("Lead Number", "660737"), ("empty", "")]);
        RowExpression::compile(source).unwrap().eval(&cells)
    }

    #[test]
    fn an_expression_knows_its_columns() {
        assert_eq!(columns_of("row['First Name'] ~ row[\"it's\"] ~ row.city | upper"), ["First Name", "it's", "city"]);
        assert_eq!(columns_of("'p-' ~ row [ 'Id' ]"), ["Id"]);
        assert_eq!(columns_of("'no row[\\'x\\'] at all, nor an arrow'"), Vec::<String>::new());
    }

    #[test]
    fn an_expression_gives_a_trimmed_text_or_nothing() {
        assert_eq!(eval("row['First Name'] ~ ' '").unwrap(), "Ada");
        assert_eq!(eval("'+1' ~ row['Lead Number'][-4:]").unwrap(), "+10737");
        assert_eq!(eval("row.empty or row['First Name'] | lower").unwrap(), "ada");
        assert_eq!(eval("'called' if row['First Name'] == 'Bob'").unwrap(), "");
        assert_eq!(eval("row['Lead Number'] | int + 1").unwrap(), "660738");
        assert_eq!(eval("none").unwrap(), "");
    }

    #[test]
    fn what_cannot_work_for_any_row_is_found_before_the_first() {
        let problem = |source: &str| RowExpression::compile(source).unwrap_err();
        insta::assert_snapshot!(problem("row['a' ~"), @"unexpected end of input, expected expression");
        insta::assert_snapshot!(problem("email"), @"`email` is not known here; an expression sees only `row['Column']`");
        insta::assert_snapshot!(problem("row['a'] | uper"), @"filter uper is unknown");
        insta::assert_snapshot!(problem("row[row['a']]"), @"`row` must be followed by the name of a column, as in `row['Lead Source']`");
        insta::assert_snapshot!(problem(&" ~ row.a".repeat(200)), @"the expression is longer than 1000 bytes");
        insta::assert_snapshot!(problem("range(9)"), @"`range` is not known here; an expression sees only `row['Column']`");
    }

    #[test]
    fn what_fails_for_one_row_says_so_without_its_values() {
        assert_eq!(eval("row['First Name'] | int").unwrap_err(), "invalid operation");
        assert_eq!(eval("[row['First Name']]").unwrap_err(), "it gives a sequence, not a text");
    }
}

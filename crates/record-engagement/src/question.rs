//! One question as a page shows it: radio buttons, a date, a line or a text area, with what is wrong beside it.

use perennial_core::catalog::{Choice, Field, FieldKind};
use perennial_core::ids::FieldName;
use perennial_core::intake::LINE_LENGTH_MAX;
use perennial_core::questions::AnswerError;
use perennial_lambda::http::escape;

use crate::phrases::Phrases;

/// A question.
pub(crate) struct Question<'a> {
    pub(crate) name: &'a FieldName,
    pub(crate) field: &'a Field,
    /// Its words.
    pub(crate) text: &'a str,
    /// What may be chosen.
    pub(crate) choices: Vec<Choice<'a>>,
    /// What stands in it.
    pub(crate) answer: Option<&'a str>,
    /// Whether that is asked for again.
    pub(crate) is_doubtful: bool,
    /// What is wrong with it.
    pub(crate) error: Option<AnswerError>,
}

impl Question<'_> {
    pub(crate) fn html(&self, phrases: &Phrases) -> String {
        match &self.field.kind {
            FieldKind::Choice(_) => self.radios(phrases),
            FieldKind::Text if self.field.length_max > LINE_LENGTH_MAX => self.labelled(&self.text_area(), phrases),
            FieldKind::Text => self.labelled(&self.line(), phrases),
            FieldKind::Date => self.labelled(&self.date(), phrases),
        }
    }

    fn radios(&self, phrases: &Phrases) -> String {
        let mut html = format!(
            "<fieldset id=\"q-{}\"{}>\n<legend>{}</legend>\n{}",
            self.name,
            self.described(),
            escape(self.text),
            self.remarks(phrases)
        );
        for choice in &self.choices {
            let checked = if self.answer == Some(choice.kept) { " checked" } else { "" };
            let (kept, shown) = (escape(choice.kept), escape(choice.shown));
            html.extend([
                "<label class=\"choice\"><input type=\"radio\" name=\"",
                self.name.as_str(),
                "\" value=\"",
                &kept,
            ]);
            html.extend(["\"", checked, "> <span>", &shown, "</span></label>\n"]);
        }
        html.push_str("</fieldset>\n");
        html
    }

    fn labelled(&self, input: &str, phrases: &Phrases) -> String {
        format!(
            "<div class=\"field\">\n<label for=\"q-{}\">{}</label>\n{}{input}\n</div>\n",
            self.name,
            escape(self.text),
            self.remarks(phrases)
        )
    }

    fn line(&self) -> String {
        let autocomplete = autocomplete(self.name.as_str());
        let answer = escape(self.answer.unwrap_or_default());
        let attributes = self.attributes();
        format!(
            "<input type=\"text\"{attributes} maxlength=\"{}\"{autocomplete} value=\"{answer}\">",
            self.field.length_max
        )
    }

    fn text_area(&self) -> String {
        let answer = escape(self.answer.unwrap_or_default());
        format!(
            "<textarea{} rows=\"5\" maxlength=\"{}\">\n{answer}</textarea>",
            self.attributes(),
            self.field.length_max
        )
    }

    fn date(&self) -> String {
        format!("<input type=\"date\"{} value=\"{}\">", self.attributes(), escape(self.answer.unwrap_or_default()))
    }

    fn attributes(&self) -> String {
        let invalid = if self.error.is_some() { " aria-invalid=\"true\"" } else { "" };
        format!(" id=\"q-{}\" name=\"{}\"{}{invalid}", self.name, self.name, self.described())
    }

    /// Ties the remarks to what they are about.
    fn described(&self) -> String {
        let error = self.error.is_some().then(|| format!("e-{}", self.name));
        let hint = self.is_doubtful.then(|| format!("h-{}", self.name));
        let ids: Vec<String> = error.into_iter().chain(hint).collect();
        if ids.is_empty() { String::new() } else { format!(" aria-describedby=\"{}\"", ids.join(" ")) }
    }

    fn remarks(&self, phrases: &Phrases) -> String {
        let error =
            self.error.map(|error| format!("<p class=\"error\" id=\"e-{}\">{}</p>\n", self.name, said(error, phrases)));
        let hint = self
            .is_doubtful
            .then(|| format!("<p class=\"hint\" id=\"h-{}\">{}</p>\n", self.name, escape(phrases.doubtful)));
        error.into_iter().chain(hint).collect()
    }
}

/// What is wrong, above the form, each a link to its question.
pub(crate) fn summary(questions: &[Question<'_>], phrases: &Phrases) -> String {
    let wrong = questions.iter().filter_map(|question| Some((question, question.error?)));
    let items: Vec<String> = wrong
        .map(|(question, error)| {
            let (name, text) = (question.name, escape(question.text));
            format!("<li><a href=\"#q-{name}\">{text}</a> {}</li>", said(error, phrases))
        })
        .collect();
    let nothing = format!("<li>{}</li>", escape(phrases.nothing_answered));
    let items = if items.is_empty() { nothing } else { items.concat() };
    format!(
        "<div class=\"errors\" role=\"alert\" tabindex=\"-1\" autofocus>\n<h2>{}</h2>\n<ul>{items}</ul>\n</div>\n",
        escape(phrases.errors_title)
    )
}

fn said(error: AnswerError, phrases: &Phrases) -> String {
    match error {
        AnswerError::TooLong { length_max } => escape(phrases.too_long).replace("{count}", &length_max.to_string()),
        AnswerError::NotAChoice => escape(phrases.not_a_choice),
        AnswerError::NotADate => escape(phrases.not_a_date),
    }
}

/// What a browser may fill in by itself (WCAG 1.3.5).
fn autocomplete(name: &str) -> &'static str {
    match name {
        "first_name" => " autocomplete=\"given-name\"",
        "last_name" => " autocomplete=\"family-name\"",
        "company" => " autocomplete=\"organization\"",
        "job_title" => " autocomplete=\"organization-title\"",
        "country" => " autocomplete=\"country-name\"",
        "city" => " autocomplete=\"address-level2\"",
        _ => "",
    }
}

//! Turns a row into what a form post would have said.
//!
//! **Invariant:** a [`Mapping`] that exists fits its list and its form: every column it names is in the
//! header once, every field it fills is declared. What can fail after that is a single row.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::Timestamp;
use perennial_core::catalog::Form;
use perennial_core::ids::{FieldName, FormName};
use perennial_core::submission::Permission;
use toml::Spanned;

use super::columns::{Binder, Cells, Columns, DateColumn, ValueFrom, remedy};
use super::map_file::{MapError, MapFile, MapToml, YesNoToml};
use super::reader::{Header, Row};
use super::{Refusal, RefusedRow};

/// What a list may fill besides the fields of its form, as a form post may
/// (`perennial_core::intake` reads these from every submission).
const PAGE_FIELDS: [&str; 8] =
    ["email", "phone", "timezone", "utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content"];

/// A row as a form post would have said it. Personal data.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct MappedRow {
    /// The line of the file on which the row starts, counted from 1.
    pub(crate) line: u64,
    /// What makes this row this row, over runs and files: the list's name with the row's id in its own
    /// system, or with all its cells. Only ever hashed under the pepper.
    pub(crate) identity: String,
    /// The fields that have an answer, with it.
    pub(crate) pairs: Vec<(String, String)>,
    /// When the lead came in, if the row says so.
    pub(crate) received_at: Option<Timestamp>,
    /// Whether the lead may be mailed.
    pub(crate) mail: Permission,
    /// Whether the lead may be called.
    pub(crate) calls: Permission,
}

impl fmt::Debug for MappedRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MappedRow").field("line", &self.line).finish_non_exhaustive()
    }
}

/// A map that fits its list and its form, ready to turn rows into submissions.
#[derive(Debug)]
pub(crate) struct Mapping {
    form_name: FormName,
    form: Form,
    list: FormName,
    columns: Columns,
    id: Option<ValueFrom>,
    fields: Vec<(String, ValueFrom)>,
    received_at: Option<DateColumn>,
    do_not_email: Option<YesNo>,
    do_not_call: Option<YesNo>,
}

impl Mapping {
    /// Holds a map against the header of a list and the forms of the catalog.
    ///
    /// # Errors
    /// Everything that does not fit, at once.
    pub(crate) fn bind(
        map: MapFile<MapToml>,
        header: &Header,
        forms: &BTreeMap<FormName, Form>,
    ) -> Result<Self, MapError> {
        let mut binder = Binder::new(header);
        let toml = &map.toml;
        let form = binder.form(&toml.form, toml.fields.keys(), forms);
        let list = binder.list(&toml.list);
        let id = toml.id.as_ref().and_then(|value| binder.value(value));
        let field = |(name, value): (&Spanned<String>, _)| Some((name.get_ref().clone(), binder.value(value)?));
        let fields = toml.fields.iter().filter_map(field).collect();
        let received_at = toml.received_at.as_ref().and_then(|written| binder.date(written));
        let do_not_email = toml.permissions.do_not_email.as_ref().and_then(|written| binder.yes_no(written));
        let do_not_call = toml.permissions.do_not_call.as_ref().and_then(|written| binder.yes_no(written));
        binder.finish(map, |_, columns| {
            let (form_name, form) = form?;
            Some(Self {
                form_name: form_name.clone(),
                form: form.clone(),
                list: list?,
                columns,
                id,
                fields,
                received_at,
                do_not_email,
                do_not_call,
            })
        })
    }

    /// The form whose fields, intent and program apply.
    pub(crate) fn form(&self) -> (&FormName, &Form) {
        (&self.form_name, &self.form)
    }

    /// What reports call the list.
    pub(crate) fn list(&self) -> &FormName {
        &self.list
    }

    /// Turns one row into what a form post would have said.
    pub(crate) fn map(&self, row: &Row) -> Result<MappedRow, RefusedRow> {
        self.map_cells(row).map_err(|reason| RefusedRow { line: row.line(), reason })
    }

    fn map_cells(&self, row: &Row) -> Result<MappedRow, Refusal> {
        let cells = self.columns.cells(row);
        let mut pairs = Vec::with_capacity(self.fields.len());
        for (name, from) in &self.fields {
            let value = cells.value(name, from)?;
            if !value.is_empty() {
                pairs.push((name.clone(), value));
            }
        }
        let id = self.id.as_ref().map_or(Ok(String::new()), |from| cells.value("id", from))?;
        let permission =
            |asked: &Option<YesNo>| asked.as_ref().map_or(Ok(Permission::Allowed), |asked| asked.read(&cells));
        Ok(MappedRow {
            line: row.line(),
            identity: self.identity(&id, row),
            pairs,
            received_at: self.received_at.as_ref().map_or(Ok(None), |received_at| received_at.read(&cells))?,
            mail: permission(&self.do_not_email)?,
            calls: permission(&self.do_not_call)?,
        })
    }

    /// By its id; a row without one is known by all that stands in it.
    fn identity(&self, id: &str, row: &Row) -> String {
        if id.is_empty() {
            // The unit separator keeps "ab" + "c" and "a" + "bc" apart.
            row.cells().fold(format!("{}/row/", self.list), |text, cell| text + cell.trim() + "\u{1f}")
        } else {
            format!("{}/id/{id}", self.list)
        }
    }
}
/// A column that says whether the lead asked not to be reached on a channel.
#[derive(Debug)]
struct YesNo {
    column: usize,
    name: String,
    yes: BTreeSet<String>,
    no: BTreeSet<String>,
}

impl YesNo {
    fn read(&self, cells: &Cells<'_>) -> Result<Permission, Refusal> {
        let word = cells.cell(self.column).to_lowercase();
        if self.yes.contains(&word) {
            Ok(Permission::Refused)
        } else if self.no.contains(&word) || word.is_empty() {
            Ok(Permission::Allowed)
        } else {
            Err(Refusal::NeitherYesNorNo { column: self.name.clone() })
        }
    }
}
impl Binder<'_> {
    fn form<'t, 'f>(
        &mut self,
        name: &Spanned<String>,
        fields: impl Iterator<Item = &'t Spanned<String>>,
        forms: &'f BTreeMap<FormName, Form>,
    ) -> Option<(&'f FormName, &'f Form)> {
        let Some((form_name, form)) = forms.iter().find(|(known, _)| known.as_str() == name.get_ref()) else {
            let help = remedy("form", name.get_ref(), forms.keys().map(FormName::as_str));
            self.problem(name, "the catalog has no form of this name", help);
            return None;
        };
        let known = form.fields.iter().map(FieldName::as_str).chain(PAGE_FIELDS);
        let mut reachable = false;
        for field in fields {
            reachable |= matches!(field.get_ref().as_str(), "email" | "phone");
            if !known.clone().any(|known| known == field.get_ref()) {
                let help = remedy("field", field.get_ref(), known.clone());
                self.problem(field, format!("the form `{form_name}` has no field of this name"), help);
            }
        }
        if !reachable {
            let help = "every lead needs one of them: say under `[fields]` which column holds it";
            self.problem(name, "neither `email` nor `phone` is filled", help);
        }
        Some((form_name, form))
    }

    fn yes_no(&mut self, written: &Spanned<YesNoToml>) -> Option<YesNo> {
        let YesNoToml { column: name, yes, no } = written.get_ref();
        if let Some(word) = yes.intersection(no).next() {
            self.problem(written, format!("`{word}` cannot mean both yes and no"), "leave it in one of the two");
        }
        let column = self.column(written, name)?;
        Some(YesNo { column, name: name.clone(), yes: yes.clone(), no: no.clone() })
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme};
    use perennial_core::catalog::{CaptchaKind, CaptchaPolicy, FormStatus, StampPolicy};
    use perennial_core::ids::ProgramName;
    use perennial_core::submission::Intent;

    use super::super::reader::{Next, RowReader};
    use super::*;

    const X_EDUCATION: &str = include_str!("../../../../docs/examples/x-education.toml");
    const SALESFORCE: &str = include_str!("../../../../docs/examples/salesforce-leads.toml");
    const HUBSPOT: &str = include_str!("../../../../docs/examples/hubspot-contacts.toml");

    fn forms() -> BTreeMap<FormName, Form> {
        let fields = ["first_name", "last_name", "company", "message", "job_title", "industry", "country", "city"];
        let form = Form {
            intent: Intent::HandRaise,
            program: ProgramName::parse("welcome").unwrap(),
            fields: fields.map(|name| FieldName::parse(name).unwrap()).to_vec(),
            honeypot: None,
            stamp: StampPolicy::Optional,
            captcha: CaptchaKind::Off,
            captcha_failed: CaptchaPolicy::Quarantine,
            origins: vec![],
            consent_text: None,
            thanks_urls: vec![],
            status: FormStatus::Open,
        };
        BTreeMap::from(["contact", "list"].map(|name| (FormName::parse(name).unwrap(), form.clone())))
    }

    fn rendered(error: &MapError) -> String {
        let mut text = String::new();
        GraphicalReportHandler::new_themed(GraphicalTheme::none())
            .with_width(120)
            .render_report(&mut text, error)
            .unwrap();
        crate::import::printed(&text)
    }

    /// A line per row, as the map reads it; or what is wrong with the map.
    fn import(map: &str, list: &[u8]) -> String {
        let map = match MapFile::<MapToml>::parse("map.toml", map.to_owned()) {
            Ok(map) => map,
            Err(error) => return rendered(&error),
        };
        let mut reader = RowReader::open(list, map.csv_format()).unwrap();
        let mapping = match Mapping::bind(map, reader.header(), &forms()) {
            Ok(mapping) => mapping,
            Err(error) => return rendered(&error),
        };
        let mut row = Row::default();
        let mut text = String::new();
        loop {
            let outcome = match reader.read(&mut row).unwrap() {
                Next::Row => mapping.map(&row),
                Next::Refused(refused) => Err(refused),
                Next::End => return text,
            };
            match outcome {
                Ok(row) => show(&mut text, &row),
                Err(refused) => writeln!(text, "{} refused: {}", refused.line, refused.reason).unwrap(),
            }
        }
    }

    fn show(text: &mut String, row: &MappedRow) {
        write!(text, "{}", row.line).unwrap();
        for (name, value) in &row.pairs {
            write!(text, " {name}={value:?}").unwrap();
        }
        if let Some(received_at) = row.received_at {
            write!(text, " at {received_at}").unwrap();
        }
        for (what, permission) in [("mail", row.mail), ("calls", row.calls)] {
            if permission == Permission::Refused {
                write!(text, " no {what}").unwrap();
            }
        }
        writeln!(text, " ({})", row.identity.replace('\u{1f}', "|")).unwrap();
    }

    #[test]
    fn the_map_for_x_education_gives_every_row_an_address_and_respects_its_wishes() {
        let list = include_bytes!("../../../../tests/fixtures/import/x-education.csv");
        insta::assert_snapshot!(import(X_EDUCATION, list), @r#"
        2 country="India" email="00000000-0000-4000-8000-000000000001@x-education.example" job_title="Unemployed" phone="+15550100001" utm_medium="api" utm_source="google" (x-education/id/00000000-0000-4000-8000-000000000001)
        3 city="Mumbai" email="00000000-0000-4000-8000-000000000002@x-education.example" industry="Finance Management" job_title="Working Professional" phone="+15550100002" utm_medium="landing page submission" utm_source="google" no mail (x-education/id/00000000-0000-4000-8000-000000000002)
        4 email="00000000-0000-4000-8000-000000000003@x-education.example" utm_medium="lead add form" utm_source="welearn" no calls (x-education/id/00000000-0000-4000-8000-000000000003)
        "#);
    }

    #[test]
    fn the_map_for_salesforce_reads_a_lead_report_with_its_footer() {
        let list = include_bytes!("../../../../tests/fixtures/import/salesforce-leads.csv");
        insta::assert_snapshot!(import(SALESFORCE, list), @r#"
        2 city="Köln" company="Brückner & Söhne" country="Germany" email="zoe.mueller@bruckner.example" first_name="Zoë" industry="Manufacturing" job_title="Head of Operations" last_name="Müller" phone="+49 30 5550100" utm_medium="crm" utm_source="web" at 2024-03-09T07:30:00Z (salesforce-leads/id/00Q000000000001)
        3 city="Lagos" company="Okafor Freight, Ltd" country="Nigeria" email="ada@okafor-freight.example" first_name="Ada" industry="Transportation" last_name="Okafor" phone="+1 202 555 0134" utm_medium="crm" utm_source="web" at 2024-11-03T05:30:00Z no mail (salesforce-leads/id/00Q000000000002)
        4 email="bob@stone.example" first_name="Bob \"Bobby\"" job_title="CTO" last_name="Stone" utm_medium="crm" utm_source="trade show" at 2024-07-04T04:00:00Z no calls (salesforce-leads/id/00Q000000000003)
        5 city="Lima" company="Reyes\r\nTextiles" country="Peru" email="carla@reyes-textiles.example" first_name="Carla" job_title="Buyer" last_name="Reyes" utm_medium="crm" (salesforce-leads/id/00Q000000000004)
        7 refused: the column `Create Date` holds no date in the format of the map
        8 refused: the column `Email Opt Out` says neither yes nor no in the words of the map
        10 refused: cells in the row: 1; columns in the header: 16
        11 refused: cells in the row: 1; columns in the header: 16
        12 refused: cells in the row: 1; columns in the header: 16
        "#);
    }

    #[test]
    fn the_map_for_hubspot_reads_exported_contacts() {
        let list = include_bytes!("../../../../tests/fixtures/import/hubspot-contacts.csv");
        insta::assert_snapshot!(import(HUBSPOT, list), @r#"
        2 city="Madrid" company="Perez Solar" country="Spain" email="ines@perez-solar.example" first_name="Ines" industry="RENEWABLES" job_title="Founder" last_name="Pérez" phone="+34 91 555 0102" utm_campaign="Unknown keywords (SSL)" utm_medium="google" utm_source="organic" at 2024-03-30T08:15:00Z (hubspot-contacts/id/101)
        3 city="Tōkyō" company="Kobayashi" country="Japan" email="ken@kobayashi.example" first_name="小林" last_name="Ken" phone="+81 3 5550 0103" utm_campaign="12-fair.csv" utm_medium="import" utm_source="offline" at 2023-11-02T16:00:00Z no mail (hubspot-contacts/id/102)
        4 city="Oslo" company="Holm, Holm & Partner" country="Norway" email="lars@holm.example" first_name="Lars" industry="LEGAL" job_title="Partner" last_name="Holm" utm_medium="holm.example/contact" utm_source="direct" at 2021-12-31T23:00:00Z (hubspot-contacts/id/103)
        "#);
    }

    #[test]
    fn an_awkward_list_is_read_row_by_row() {
        let list = include_bytes!("../../../../tests/fixtures/import/awkward.csv");
        let map = "form = 'contact'\nlist = 'fair'\n[fields]\nemail = 'E-mail'\nfirst_name = 'Name'";
        insta::assert_snapshot!(import(map, list), @r#"
        2 email="ann@fair.example" first_name="Ann" (fair/row/Ann|ann@fair.example|two
        lines||)
        4 email="ben@fair.example" first_name="Ben" (fair/row/Ben|ben@fair.example|=HYPERLINK("http://evil.example")|x|)
        6 refused: cells in the row: 2; columns in the header: 4
        7 refused: a quote in the row is not closed, or a quote inside a quoted cell is not doubled
        8 refused: a quote in the row is not closed, or a quote inside a quoted cell is not doubled
        9 refused: cells in the row: 5; columns in the header: 4
        10 email="gus@fair.example" first_name="Gus" (fair/row/Gus|gus@fair.example|last row, no line break||)
        "#);
        let duplicate = format!("{map}\nmessage = 'Note'");
        insta::assert_snapshot!(import(&duplicate, list), @r"
          x the map cannot be used

          x the list has two columns `Note`: number 3 and number 4
           ,-[map.toml:6:11]
         5 | first_name = 'Name'
         6 | message = 'Note'
           :           ^^^^^^
           `----
          help: rename one of them in the first line of the file
        ");
    }

    /// A line per problem: where, what, and the remedy.
    fn listed(error: &MapError, map: &str) -> String {
        let mut text = String::new();
        for problem in error.related().into_iter().flatten() {
            let offset = problem.labels().and_then(|mut labels| labels.next()).map_or(0, |label| label.offset());
            let line = map[..offset].matches('\n').count() + 1;
            let help = problem.help().map(|help| format!("; {help}")).unwrap_or_default();
            writeln!(text, "line {line}: {problem}{help}").unwrap();
        }
        text.extend(error.help().map(|help| help.to_string()));
        text
    }

    #[test]
    fn everything_that_does_not_fit_is_reported_at_once() {
        let map = r#"
form = "contact"
list = "Spring Fair"
id = "Id"

[fields]
email = "E-Mail"
firstname = "Name"
company = { expr = "row['Compnay'] ~ row['Nmae'] | uper" }
city = { expr = "row['Nmae']" }

[permissions]
do_not_call = { column = "Calls", yes = ["No"], no = ["no"] }

[received_at]
column = "Since"
formats = ["%d.%m.%Q!", "%J"]
zone = "Europe/Berln"

[clean]
fold_case = ["Sauce"]

[values."Source"]
"a" = "b"
"#;
        let file = MapFile::<MapToml>::parse("map.toml", map.to_owned()).unwrap();
        let reader = RowReader::open(&b"ID,Email,Name,Company,Calls,Since,Source\n"[..], file.csv_format()).unwrap();
        let error = Mapping::bind(file, reader.header(), &forms()).unwrap_err();
        insta::assert_snapshot!(listed(&error, map), @r#"
        line 3: this is not a name for a list; 1 to 40 lower-case letters, digits or '-', starting with a letter, as in `list = "spring-fair"`
        line 4: the list has no column `Id`; did you mean `ID`?
        line 7: the list has no column `E-Mail`; did you mean `Email`?
        line 8: the form `contact` has no field of this name; did you mean `first_name`?
        line 9: filter uper is unknown; an expression is minijinja over the cells of the row, as in "row['First'] ~ ' ' ~ row['Last']"
        line 10: the list has no column `Nmae`; did you mean `Name`?
        line 13: `no` cannot mean both yes and no; leave it in one of the two
        line 17: this is not a date format: strftime formatting failed: found unrecognized specifier directive `J`; strptime directives, as in "%d.%m.%Y %H:%M"
        line 18: there is no time zone of this name; a name of the IANA list, as in `zone = "America/New_York"`
        line 21: the list has no column `Sauce`
        the columns are `ID`, `Email`, `Name`, `Company`, `Calls`, `Since`, `Source`
        "#);
    }

    #[test]
    fn a_map_that_cannot_be_parsed_names_the_line_and_the_key() {
        let problem = |map: &str| import(map, b"");
        insta::assert_snapshot!(problem("form = contact"), @r"
          x the map cannot be used

          x string values must be quoted, expected literal string
           ,-[map.toml:1:8]
         1 | form = contact
           :        ^^^^^^^
           `----
          help: docs/examples has complete maps to start from
        ");
        insta::assert_snapshot!(problem("form = 'contact'\nlist = 'x'\n[fields]\nemail = { column = 'E-mail' }"), @r"
          x the map cannot be used

          x unknown field `column`, expected `expr` or `value`
           ,-[map.toml:4:11]
         3 | [fields]
         4 | email = { column = 'E-mail' }
           :           ^^^^^^
           `----
          help: docs/examples has complete maps to start from
        ");
        insta::assert_snapshot!(problem("form = 'contact'\nlist = 'x'\nsource = 'x'\n[fields]\nemail = 'x'"), @r"
          x the map cannot be used

          x unknown field `source`, expected one of `form`, `list`, `id`, `fields`, `permissions`, `received_at`, `clean`,
          | `values`, `csv`
           ,-[map.toml:3:1]
         2 | list = 'x'
         3 | source = 'x'
           : ^^^^^^
         4 | [fields]
           `----
          help: docs/examples has complete maps to start from
        ");
        insta::assert_snapshot!(problem("form = 'contact'\nlist = 'x'\n[fields]\nemail = { expr = 'row.a', value = 'b' }"), @r"
          x the map cannot be used

          x a value has either `expr` or `value`
           ,-[map.toml:4:9]
         3 | [fields]
         4 | email = { expr = 'row.a', value = 'b' }
           :         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
           `----
          help: docs/examples has complete maps to start from
        ");
        insta::assert_snapshot!(
            problem("form = 'contact'\nlist = 'x'\n[fields]\nemail = 'x'\n[csv]\ndelimiter = ';;'\nencoding = 'utf-9'"),
            @r#"
          x the map cannot be used

          x this is not a delimiter
           ,-[map.toml:6:13]
         5 | [csv]
         6 | delimiter = ';;'
           :             ^^^^
         7 | encoding = 'utf-9'
           `----
          help: one ASCII character, as in `delimiter = ";"` or `delimiter = "\t"`; without it, it is found in the header

          x no encoding has this name
           ,-[map.toml:7:12]
         6 | delimiter = ';;'
         7 | encoding = 'utf-9'
           :            ^^^^^^^
           `----
          help: a name of the WHATWG list, as in `encoding = "windows-1252"` or `"utf-16le"`; without it, it is found out
        "#
        );
    }

    #[test]
    fn a_form_that_the_catalog_lacks_and_a_map_without_address_or_phone_are_refused() {
        insta::assert_snapshot!(import("form = 'demo'\nlist = 'x'\n[fields]\nemail = 'a'", b"a\n"), @r"
          x the map cannot be used

          x the catalog has no form of this name
           ,-[map.toml:1:8]
         1 | form = 'demo'
           :        ^^^^^^
         2 | list = 'x'
           `----
          help: the forms are `contact`, `list`
        ");
        insta::assert_snapshot!(import("form = 'contact'\nlist = 'x'\n[fields]\ncity = 'a'", b"a\n"), @r"
          x the map cannot be used

          x neither `email` nor `phone` is filled
           ,-[map.toml:1:8]
         1 | form = 'contact'
           :        ^^^^^^^^^
         2 | list = 'x'
           `----
          help: every lead needs one of them: say under `[fields]` which column holds it
        ");
    }

    #[test]
    fn cells_are_trimmed_emptied_folded_and_replaced_in_that_order() {
        let map = r#"
form = "contact"
list = "x"
[fields]
email = "a"
utm_source = "s"
utm_medium = { expr = "row['s']" }
utm_campaign = { value = " spring " }
[clean]
unanswered = ["select", "NULL"]
fold_case = ["s"]
[values.s]
"Google Ads" = "google"
"#;
        let list = "a,s\nx@x.example, GOOGLE ADS \nx@x.example,Select\nx@x.example, null\nNULL,Bing\n";
        insta::assert_snapshot!(import(map, list.as_bytes()), @r#"
        2 email="x@x.example" utm_campaign="spring" utm_medium="google" utm_source="google" (x/row/x@x.example|GOOGLE ADS|)
        3 email="x@x.example" utm_campaign="spring" (x/row/x@x.example|Select|)
        4 email="x@x.example" utm_campaign="spring" (x/row/x@x.example|null|)
        5 utm_campaign="spring" utm_medium="bing" utm_source="bing" (x/row/NULL|Bing|)
        "#);
    }

    #[test]
    fn dates_are_read_in_the_formats_and_the_zone_of_the_map() {
        let map = |rest: &str| {
            format!("form = 'contact'\nlist = 'x'\n[fields]\nemail = 'a'\n[received_at]\ncolumn = 'd'\n{rest}")
        };
        let list = |dates: &[&str]| {
            dates.iter().fold("a,d\n".to_owned(), |list, date| list + "x@x.example,\"" + date + "\"\n")
        };
        let iso =
            ["2024-03-10T02:30:00Z", "2024-03-10 02:30", "2024-03-10T02:30:00-08:00", "2024-03-10", "", "10/03/2024"];
        insta::assert_snapshot!(import(&map("zone = 'America/New_York'"), list(&iso).as_bytes()), @r#"
        2 email="x@x.example" at 2024-03-10T02:30:00Z (x/row/x@x.example|2024-03-10T02:30:00Z|)
        3 email="x@x.example" at 2024-03-10T07:30:00Z (x/row/x@x.example|2024-03-10 02:30|)
        4 email="x@x.example" at 2024-03-10T10:30:00Z (x/row/x@x.example|2024-03-10T02:30:00-08:00|)
        5 email="x@x.example" at 2024-03-10T05:00:00Z (x/row/x@x.example|2024-03-10|)
        6 email="x@x.example" (x/row/x@x.example||)
        7 refused: the column `d` holds no date in the format of the map
        "#);
        let other =
            ["10.03.2024 14:05", "10.03.2024", "Mar 10, 2024 2:05 PM", "1710079500", "31.02.2024", "2024-03-10"];
        let formats = "formats = ['%d.%m.%Y %H:%M', '%d.%m.%Y', '%b %d, %Y %I:%M %p', '%s']";
        insta::assert_snapshot!(import(&map(formats), list(&other).as_bytes()), @r#"
        2 email="x@x.example" at 2024-03-10T14:05:00Z (x/row/x@x.example|10.03.2024 14:05|)
        3 email="x@x.example" at 2024-03-10T00:00:00Z (x/row/x@x.example|10.03.2024|)
        4 email="x@x.example" at 2024-03-10T14:05:00Z (x/row/x@x.example|Mar 10, 2024 2:05 PM|)
        5 email="x@x.example" at 2024-03-10T14:05:00Z (x/row/x@x.example|1710079500|)
        6 refused: the column `d` holds no date in the format of the map
        7 refused: the column `d` holds no date in the format of the map
        "#);
    }

    #[test]
    fn only_words_that_the_map_knows_say_yes_or_no() {
        let map = |column: &str| {
            format!("form = 'contact'\nlist = 'x'\n[fields]\nemail = 'a'\n[permissions]\ndo_not_email = {column}")
        };
        let list = b"a,p\nx@x.example,TRUE\nx@x.example,n\nx@x.example,\nx@x.example,opted in\n";
        insta::assert_snapshot!(import(&map("'p'"), list), @r#"
        2 email="x@x.example" no mail (x/row/x@x.example|TRUE|)
        3 email="x@x.example" (x/row/x@x.example|n|)
        4 email="x@x.example" (x/row/x@x.example||)
        5 refused: the column `p` says neither yes nor no in the words of the map
        "#);
        // An opt-in column is the same question the other way round.
        insta::assert_snapshot!(import(&map("{ column = 'p', yes = ['n', ''], no = ['opted in', 'true'] }"), list), @r#"
        2 email="x@x.example" (x/row/x@x.example|TRUE|)
        3 email="x@x.example" no mail (x/row/x@x.example|n|)
        4 email="x@x.example" no mail (x/row/x@x.example||)
        5 email="x@x.example" (x/row/x@x.example|opted in|)
        "#);
    }

    #[test]
    fn a_row_is_known_by_its_id_else_by_all_its_cells() {
        let map = "form = 'contact'\nlist = 'x'\nid = 'i'\n[fields]\nemail = 'a'";
        insta::assert_snapshot!(import(map, b"i,a,b\n7,x@x.example,1\n,x@x.example,1\n,x@x.example,2\n"), @r#"
        2 email="x@x.example" (x/id/7)
        3 email="x@x.example" (x/row/|x@x.example|1|)
        4 email="x@x.example" (x/row/|x@x.example|2|)
        "#);
    }

    #[test]
    fn a_row_that_an_expression_cannot_take_is_refused_without_its_values() {
        let map = "form = 'contact'\nlist = 'x'\n[fields]\nemail = 'a'\nphone = { expr = \"row['n'] | int\" }";
        insta::assert_snapshot!(import(map, b"a,n\nx@x.example,1\nx@x.example,secret\n"), @r#"
        2 email="x@x.example" phone="1" (x/row/x@x.example|1|)
        3 refused: the expression of `phone` failed: invalid operation
        "#);
    }

    #[test]
    fn personal_data_is_not_in_debug_output() {
        let map =
            MapFile::<MapToml>::parse("map.toml", "form = 'contact'\nlist = 'x'\n[fields]\nemail = 'a'".to_owned())
                .unwrap();
        let mut reader = RowReader::open(&b"a\ncanary-7f3@x.example\n"[..], map.csv_format()).unwrap();
        let mapping = Mapping::bind(map, reader.header(), &forms()).unwrap();
        let mut row = Row::default();
        reader.read(&mut row).unwrap();
        let shown = format!("{row:?} {:?}", mapping.map(&row).unwrap());
        assert_eq!(shown, "Row { line: 2, cells: 1, .. } MappedRow { line: 2, .. }");
    }
}

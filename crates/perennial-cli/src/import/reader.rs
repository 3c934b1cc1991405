//! Reads a CSV file row by row, in memory that does not grow with the file.
//!
//! **Invariant:** at most [`WINDOW_BYTES`] of the file are held at any moment, whatever stands in it.
//!
//! Why not `csv::Reader`: it grows a record for as long as its quote stays open, so one stray quote
//! reads the rest of the file into memory; and it takes text after a closing quote as part of the
//! cell, so the same stray quote silently swallows every row up to the next quoted one. Here such a
//! row is refused, and reading goes on at the line after the one it started on. On well-formed files
//! both agree (a property test holds that).

use std::fmt;
use std::io::{self, Read};

use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};
use encoding_rs_io::{DecodeReaderBytes, DecodeReaderBytesBuilder};
use miette::Diagnostic;
use thiserror::Error;

use super::{Refusal, RefusedRow};

/// The longest row, in bytes of UTF-8, quotes and line breaks included. CRMs export cells of up to 128 KiB.
pub(crate) const ROW_BYTES_MAX: usize = 256 * 1024;

/// How much is read at once, in bytes of UTF-8.
const CHUNK_BYTES: u64 = 64 * 1024;

/// What is held of the file: the longest row that is still looked at, and one chunk.
const WINDOW_BYTES: usize = ROW_BYTES_MAX + 64 * 1024;

/// The delimiters that are tried where the map names none, in this order.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// How the bytes of the file are to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum TextEncoding {
    /// By the byte order mark; without one as UTF-8, and a cell that is not UTF-8 as Windows-1252.
    #[default]
    Detect,
    /// As named. A byte order mark in the file goes before it.
    Named(&'static Encoding),
}

/// What becomes of a row with fewer cells than the header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ShortRows {
    /// It is refused: the usual cause is a line break in a cell that was not quoted.
    #[default]
    Refuse,
    /// Its missing cells count as empty: some programs leave out empty cells at the end of a row.
    Fill,
}

/// How the file is written. The default finds out.
#[derive(Debug, Clone, Default)]
pub(crate) struct CsvFormat {
    /// What stands between two cells; found in the header where `None`.
    pub(crate) delimiter: Option<u8>,
    /// How the bytes are to be read.
    pub(crate) encoding: TextEncoding,
    /// What becomes of short rows.
    pub(crate) short_rows: ShortRows,
}

/// Why no row of a file can be read.
#[derive(Debug, Error, Diagnostic)]
pub enum OpenError {
    /// The file cannot be read.
    #[error("cannot read the file")]
    Read(#[source] io::Error),
    /// There is no header.
    #[error("the file is empty")]
    #[diagnostic(help("the first line of a list names its columns"))]
    Empty,
    /// A zip archive: what spreadsheets save by default.
    #[error("the file is a spreadsheet, not a CSV file")]
    #[diagnostic(help("open it and save it as \"CSV UTF-8\""))]
    Spreadsheet,
    /// NUL bytes, and no byte order mark.
    #[error("the file looks like UTF-16 without a byte order mark")]
    #[diagnostic(help("say `encoding = \"utf-16le\"` (or `\"utf-16be\"`) under `[csv]` in the map"))]
    Utf16,
    /// The header itself is broken.
    #[error("the header cannot be read: {0}")]
    #[diagnostic(help(
        "the first line of a list names its columns; `[csv]` in the map can name the delimiter and the encoding"
    ))]
    Header(Refusal),
}

/// Where a column stands in the header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Position {
    /// At this index.
    At(usize),
    /// Nowhere.
    Missing,
    /// At both of these indexes, so that nobody can say which is meant.
    Twice(usize, usize),
}

/// The names of the columns, trimmed, in the order of the file.
#[derive(Debug, Clone)]
pub(crate) struct Header {
    names: Vec<String>,
}

impl Header {
    /// Where the column of that name stands.
    pub(crate) fn position(&self, name: &str) -> Position {
        let mut indexes = self.names.iter().enumerate().filter(|(_, column)| *column == name).map(|(index, _)| index);
        match (indexes.next(), indexes.next()) {
            (Some(first), Some(second)) => Position::Twice(first, second),
            (Some(first), None) => Position::At(first),
            (None, _) => Position::Missing,
        }
    }

    /// The names, in the order of the file.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> + Clone {
        self.names.iter().map(String::as_str)
    }
}

/// One row: its cells as text, and where it starts. Reused from row to row.
#[derive(Default)]
pub(crate) struct Row {
    line: u64,
    text: String,
    ends: Vec<usize>,
}

impl Row {
    /// The line of the file on which the row starts, counted from 1.
    pub(crate) fn line(&self) -> u64 {
        self.line
    }

    /// The cell at that index, as it stands in the file; empty where the row is too short to have one.
    pub(crate) fn cell(&self, index: usize) -> &str {
        let end = self.ends.get(index).copied().unwrap_or(0);
        let start = index.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0);
        self.text.get(start..end).unwrap_or("")
    }

    /// Every cell, in order.
    pub(crate) fn cells(&self) -> impl Iterator<Item = &str> {
        (0..self.ends.len()).map(|index| self.cell(index))
    }

    /// How many cells the row has up to the last that is not empty.
    fn cells_used(&self) -> usize {
        // The cells of a row that is empty from some cell on all end where that one starts.
        self.ends.partition_point(|end| *end < self.text.len()) + usize::from(!self.text.is_empty())
    }
}

impl fmt::Debug for Row {
    /// Cells are personal data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Row").field("line", &self.line).field("cells", &self.ends.len()).finish_non_exhaustive()
    }
}

/// What reading on gave.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// The row holds the next row of the file.
    Row,
    /// The next row of the file cannot be used; the ones after it can.
    Refused(RefusedRow),
    /// The file is read.
    End,
}

/// Whether bytes may follow the ones that have been read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tail {
    /// More of the file is to come.
    MoreToCome,
    /// These are the last.
    EndOfFile,
}

/// A CSV file, read from front to back.
pub(crate) struct RowReader<R> {
    input: DecodeReaderBytes<R, Vec<u8>>,
    /// Bytes read; those before `start` are done with.
    window: Vec<u8>,
    start: usize,
    tail: Tail,
    /// The line that `start` is on.
    line: u64,
    delimiter: u8,
    format: CsvFormat,
    header: Header,
    scanned: Cells,
    windows_1252_rows: u64,
}

impl<R: Read> RowReader<R> {
    /// Starts reading: finds out the encoding and the delimiter, and reads the header.
    pub(crate) fn open(source: R, format: CsvFormat) -> Result<Self, OpenError> {
        let transcode_from = match format.encoding {
            // UTF-8 is checked row by row, so that a broken row is refused and not repaired in silence.
            TextEncoding::Named(encoding) if encoding != UTF_8 => Some(encoding),
            TextEncoding::Named(_) | TextEncoding::Detect => None,
        };
        let input = DecodeReaderBytesBuilder::new()
            .encoding(transcode_from)
            .bom_override(true)
            .utf8_passthru(true)
            .strip_bom(true)
            .build(source);
        let mut reader = Self {
            input,
            window: Vec::with_capacity(WINDOW_BYTES),
            start: 0,
            tail: Tail::MoreToCome,
            line: 1,
            delimiter: b',',
            format,
            header: Header { names: Vec::new() },
            scanned: Cells::default(),
            windows_1252_rows: 0,
        };
        reader.fill().map_err(OpenError::Read)?;
        reader.check_kind()?;
        reader.delimiter = reader.format.delimiter.unwrap_or_else(|| reader.likely_delimiter());
        reader.read_header()?;
        Ok(reader)
    }

    /// The names of the columns.
    pub(crate) fn header(&self) -> &Header {
        &self.header
    }

    /// How many rows so far had a cell that is not UTF-8 and was read as Windows-1252.
    pub(crate) fn windows_1252_rows(&self) -> u64 {
        self.windows_1252_rows
    }

    /// Reads the next row into `row`.
    ///
    /// Rows without any text are passed over: spreadsheets write them below a table.
    ///
    /// # Errors
    /// Only what the file system says; a row that cannot be used is [`Next::Refused`].
    pub(crate) fn read(&mut self, row: &mut Row) -> io::Result<Next> {
        loop {
            let next = self.read_record(row)?;
            if next != Next::Row {
                return Ok(next);
            }
            let (used, found, expected) = (row.cells_used(), row.ends.len(), self.header.names.len());
            let long_enough = found >= expected || self.format.short_rows == ShortRows::Fill;
            if used > 0 && used <= expected && long_enough {
                return Ok(Next::Row);
            }
            if used > 0 {
                return Ok(refused(row.line, Refusal::Ragged { found, expected }));
            }
        }
    }

    /// Tells the two kinds of file apart that people take for CSV and that would only give riddles.
    fn check_kind(&self) -> Result<(), OpenError> {
        if self.pending().starts_with(b"PK\x03\x04") {
            return Err(OpenError::Spreadsheet);
        }
        let first_line = self.pending().split(|byte| *byte == b'\n').next().unwrap_or_default();
        if first_line.contains(&0) { Err(OpenError::Utf16) } else { Ok(()) }
    }

    /// The delimiter that gives the header the most columns.
    fn likely_delimiter(&self) -> u8 {
        let columns = |delimiter: &u8| {
            let mut cells = Cells::default();
            match scan(self.pending(), *delimiter, self.tail, &mut cells) {
                Scan::Record { .. } => cells.ends.len(),
                Scan::Incomplete | Scan::StrayQuote => 0,
            }
        };
        // `max_by_key` takes the last of equals, so the first choice stands last.
        DELIMITERS.into_iter().rev().max_by_key(columns).unwrap_or(b',')
    }

    fn read_header(&mut self) -> Result<(), OpenError> {
        let mut row = Row::default();
        while row.cells_used() == 0 {
            match self.read_record(&mut row).map_err(OpenError::Read)? {
                Next::Row => {}
                Next::Refused(refused) => return Err(OpenError::Header(refused.reason)),
                Next::End => return Err(OpenError::Empty),
            }
        }
        self.header.names = row.cells().map(|name| name.trim().to_owned()).collect();
        Ok(())
    }

    /// Reads one record, whatever its number of cells.
    fn read_record(&mut self, row: &mut Row) -> io::Result<Next> {
        loop {
            let line = self.line;
            // Not `pending()`: that would borrow the cells too.
            let bytes = self.window.get(self.start..).unwrap_or_default();
            match scan(bytes, self.delimiter, self.tail, &mut self.scanned) {
                Scan::Record { bytes: 0 } => return Ok(Next::End),
                Scan::Record { bytes } => {
                    self.consume(bytes);
                    row.line = line;
                    return Ok(if bytes > ROW_BYTES_MAX { too_long(line) } else { self.decode(row) });
                }
                Scan::Incomplete if self.pending().len() > ROW_BYTES_MAX => {
                    self.skip_line()?;
                    return Ok(too_long(line));
                }
                Scan::Incomplete => self.fill()?,
                Scan::StrayQuote => {
                    self.skip_line()?;
                    return Ok(refused(line, Refusal::StrayQuote));
                }
            }
        }
    }

    /// Turns the scanned cells into text.
    fn decode(&mut self, row: &mut Row) -> Next {
        row.text.clear();
        row.ends.clear();
        let mut foreign = false;
        for cell in self.scanned.iter() {
            match std::str::from_utf8(cell) {
                Ok(text) => row.text.push_str(text),
                Err(_) if self.format.encoding == TextEncoding::Detect => {
                    foreign = true;
                    row.text.push_str(&WINDOWS_1252.decode_without_bom_handling(cell).0);
                }
                Err(_) => return refused(row.line, Refusal::NotUtf8),
            }
            row.ends.push(row.text.len());
        }
        self.windows_1252_rows += u64::from(foreign);
        Next::Row
    }

    /// What has been read and is not done with.
    fn pending(&self) -> &[u8] {
        self.window.get(self.start..).unwrap_or_default()
    }

    /// Reads one chunk more. Called only while at most [`ROW_BYTES_MAX`] are pending.
    fn fill(&mut self) -> io::Result<()> {
        self.window.drain(..self.start);
        self.start = 0;
        let read = (&mut self.input).take(CHUNK_BYTES).read_to_end(&mut self.window)?;
        if u64::try_from(read).is_ok_and(|read| read < CHUNK_BYTES) {
            self.tail = Tail::EndOfFile;
        }
        Ok(())
    }

    /// Passes over the rest of the line, however long it is.
    fn skip_line(&mut self) -> io::Result<()> {
        loop {
            if let Some(bytes) = line_bytes(self.pending(), self.tail) {
                self.consume(bytes);
                return Ok(());
            }
            // A `\r` at the very end stays, in case its `\n` comes with the next chunk.
            self.start = self.window.len() - usize::from(self.pending().ends_with(b"\r"));
            self.fill()?;
        }
    }

    /// Is done with that many bytes, and counts the lines in them.
    fn consume(&mut self, bytes: usize) {
        let done = self.pending().get(..bytes).unwrap_or_default();
        self.line += count_lines(done);
        self.start += bytes;
    }
}

fn refused(line: u64, reason: Refusal) -> Next {
    Next::Refused(RefusedRow { line, reason })
}

fn too_long(line: u64) -> Next {
    refused(line, Refusal::TooLong { limit_bytes: ROW_BYTES_MAX })
}

/// How many bytes the first line has, its end included. `None`: it ends beyond what is there.
fn line_bytes(bytes: &[u8], tail: Tail) -> Option<usize> {
    let at = bytes.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
    match (at, tail) {
        (Some(at), _) => line_break(bytes.get(at..)?, tail).map(|length| at + length),
        (None, Tail::EndOfFile) => Some(bytes.len()),
        (None, Tail::MoreToCome) => None,
    }
}

/// How many bytes the line break has that `bytes` start with: `\n`, `\r\n`, or a lone `\r` as old
/// Macs wrote it. 0 if they start with none; `None` if the next byte decides and is not there.
fn line_break(bytes: &[u8], tail: Tail) -> Option<usize> {
    match (bytes, tail) {
        ([b'\r', b'\n', ..], _) => Some(2),
        ([] | [b'\r'], Tail::MoreToCome) => None,
        ([b'\r' | b'\n', ..], _) => Some(1),
        _ => Some(0),
    }
}

/// How many lines end in `bytes`, by the same line breaks.
fn count_lines(bytes: &[u8]) -> u64 {
    let mut lines = 0;
    let mut before = 0;
    for byte in bytes.iter().copied() {
        lines += u64::from(byte == b'\r' || (byte == b'\n' && before != b'\r'));
        before = byte;
    }
    lines
}

/// The cells of one record, unquoted, as bytes.
#[derive(Default)]
struct Cells {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Cells {
    fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(self.ends.iter().copied()).map(|(start, end)| self.bytes.get(start..end).unwrap_or_default())
    }
}

/// What a look at the pending bytes found.
enum Scan {
    /// A record of that many bytes, its line break included; 0 at the end of the file.
    Record { bytes: usize },
    /// The record ends beyond the bytes that are there.
    Incomplete,
    /// Text after a closing quote, or no closing quote before the end of the file.
    StrayQuote,
}

/// Finds the record that `bytes` start with, and its cells (RFC 4180; spaces may follow a closing quote).
fn scan(bytes: &[u8], delimiter: u8, tail: Tail, cells: &mut Cells) -> Scan {
    cells.bytes.clear();
    cells.ends.clear();
    let mut rest = bytes;
    loop {
        let after_cell = match rest.split_first() {
            Some((b'"', quoted)) => scan_quoted(quoted, tail, cells),
            Some(_) | None => scan_plain(rest, delimiter, tail, cells),
        };
        let after = match after_cell {
            Ok(after) => after,
            Err(scan) => return scan,
        };
        cells.ends.push(cells.bytes.len());
        if let Some((_, next)) = after.split_first().filter(|(byte, _)| **byte == delimiter) {
            rest = next;
            continue;
        }
        return match line_break(after, tail) {
            None => Scan::Incomplete,
            Some(0) if !after.is_empty() => Scan::StrayQuote,
            Some(length) => Scan::Record { bytes: bytes.len() - after.len() + length },
        };
    }
}

/// Takes a cell without quotes; gives what stands behind it.
fn scan_plain<'b>(bytes: &'b [u8], delimiter: u8, tail: Tail, cells: &mut Cells) -> Result<&'b [u8], Scan> {
    let end = bytes.iter().position(|byte| *byte == delimiter || matches!(byte, b'\n' | b'\r'));
    let (cell, after) = match (end, tail) {
        (Some(end), _) => bytes.split_at_checked(end).unwrap_or_default(),
        (None, Tail::EndOfFile) => (bytes, &[][..]),
        (None, Tail::MoreToCome) => return Err(Scan::Incomplete),
    };
    cells.bytes.extend_from_slice(cell);
    Ok(after)
}

/// Takes a cell whose opening quote has been read; gives what stands behind it.
fn scan_quoted<'b>(bytes: &'b [u8], tail: Tail, cells: &mut Cells) -> Result<&'b [u8], Scan> {
    let unfinished = match tail {
        Tail::MoreToCome => Scan::Incomplete,
        Tail::EndOfFile => Scan::StrayQuote,
    };
    let mut rest = bytes;
    loop {
        let Some(quote) = rest.iter().position(|byte| *byte == b'"') else {
            return Err(unfinished);
        };
        let (text, from_quote) = rest.split_at_checked(quote).unwrap_or_default();
        cells.bytes.extend_from_slice(text);
        match from_quote {
            [b'"', b'"', after @ ..] => {
                cells.bytes.push(b'"');
                rest = after;
            }
            [b'"'] if tail == Tail::MoreToCome => return Err(unfinished),
            [_, after @ ..] => {
                let spaces = after.iter().take_while(|byte| **byte == b' ').count();
                return Ok(after.get(spaces..).unwrap_or_default());
            }
            [] => return Err(unfinished),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// One line per row: its number and its cells, or its number and why it was refused.
    fn read_all(bytes: &[u8], format: CsvFormat) -> String {
        let mut reader = RowReader::open(bytes, format).unwrap();
        let mut lines = vec![format!("header {:?}", reader.header().names().collect::<Vec<_>>())];
        let mut row = Row::default();
        loop {
            match reader.read(&mut row).unwrap() {
                Next::Row => lines.push(format!("{} {:?}", row.line(), row.cells().collect::<Vec<_>>())),
                Next::Refused(refused) => lines.push(format!("{} refused: {}", refused.line, refused.reason)),
                Next::End => return lines.join("\n"),
            }
        }
    }

    fn read_text(text: &str) -> String {
        read_all(text.as_bytes(), CsvFormat::default())
    }

    fn utf16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
        std::iter::once('\u{feff}').chain(text.chars()).collect::<String>().encode_utf16().flat_map(bytes).collect()
    }

    #[test]
    fn the_encoding_is_found_by_its_byte_order_mark() {
        let text = "name,city\nZoë,Köln\n小林,東京\n";
        let plain = read_text(text);
        insta::assert_snapshot!(plain, @r#"
        header ["name", "city"]
        2 ["Zoë", "Köln"]
        3 ["小林", "東京"]
        "#);
        let bom = [b"\xEF\xBB\xBF", text.as_bytes()].concat();
        for bytes in [bom, utf16(text, u16::to_le_bytes), utf16(text, u16::to_be_bytes)] {
            assert_eq!(read_all(&bytes, CsvFormat::default()), plain);
        }
    }

    #[test]
    fn a_cell_that_is_not_utf_8_is_read_as_windows_1252_and_its_row_counted() {
        let bytes = b"name,city\nZo\xEB,K\xF6ln\nZo\xC3\xAB,\x80 5\n\xC3\xA9,caf\xC3\xA9\n";
        insta::assert_snapshot!(read_all(bytes, CsvFormat::default()), @r#"
        header ["name", "city"]
        2 ["Zoë", "Köln"]
        3 ["Zoë", "€ 5"]
        4 ["é", "café"]
        "#);
        let mut reader = RowReader::open(&bytes[..], CsvFormat::default()).unwrap();
        let mut row = Row::default();
        while reader.read(&mut row).unwrap() != Next::End {}
        assert_eq!(reader.windows_1252_rows(), 2);
    }

    #[test]
    fn a_named_encoding_is_taken_at_its_word() {
        let named = |label: &[u8]| CsvFormat {
            encoding: TextEncoding::Named(Encoding::for_label(label).unwrap()),
            ..CsvFormat::default()
        };
        insta::assert_snapshot!(read_all(b"name,city\nZo\xEB,Berlin\nAda,Oslo\n", named(b"utf-8")), @r#"
        header ["name", "city"]
        2 refused: the row is not UTF-8, as the map says it is
        3 ["Ada", "Oslo"]
        "#);
        insta::assert_snapshot!(read_all(b"name\n\xDF\xE0\n", named(b"windows-1251")), @r#"
        header ["name"]
        2 ["Яа"]
        "#);
        let without_mark = utf16("name\nZoë\n", u16::to_le_bytes).split_off(2);
        insta::assert_snapshot!(read_all(&without_mark, named(b"utf-16le")), @r#"
        header ["name"]
        2 ["Zoë"]
        "#);
        // What the file says of itself goes before what the map says of it.
        insta::assert_snapshot!(read_all(&utf16("name\nZoë\n", u16::to_be_bytes), named(b"windows-1252")), @r#"
        header ["name"]
        2 ["Zoë"]
        "#);
    }

    #[test]
    fn a_row_is_named_by_the_line_it_starts_on() {
        insta::assert_snapshot!(read_text("a,b\r\n1,\"two\r\nlines\"\r\n\r\n2,\"x\ny\rz\"\r3,after lone returns"), @r#"
        header ["a", "b"]
        2 ["1", "two\r\nlines"]
        5 ["2", "x\ny\rz"]
        8 ["3", "after lone returns"]
        "#);
    }

    #[test]
    fn quotes_are_undone_and_everything_else_is_kept() {
        insta::assert_snapshot!(read_text("a,b,c\n\"say \"\"hi\"\"\",\"x, y\" ,5\" pipe\n\"\", spaced ,\"\"\"\"\n"), @r#"
        header ["a", "b", "c"]
        2 ["say \"hi\"", "x, y", "5\" pipe"]
        3 ["", " spaced ", "\""]
        "#);
    }

    #[test]
    fn a_stray_quote_costs_its_own_row_and_no_other() {
        // `csv` would make one row of lines 2 to 4.
        insta::assert_snapshot!(read_text("a,b\n\"Acme, Inc,1\nBolt,2\n\"Cole, Ltd\",3\nDay,\"open to the end\nEnd,5\n"), @r#"
        header ["a", "b"]
        2 refused: a quote in the row is not closed, or a quote inside a quoted cell is not doubled
        3 ["Bolt", "2"]
        4 ["Cole, Ltd", "3"]
        5 refused: a quote in the row is not closed, or a quote inside a quoted cell is not doubled
        6 ["End", "5"]
        "#);
    }

    #[test]
    fn rows_of_another_length_are_refused_unless_only_empty_cells_differ() {
        let text = "a,b,c\n1,2,3\n1,2\n1,2,3,4\n1,2,3,,\n,,\n\n1\n";
        insta::assert_snapshot!(read_text(text), @r#"
        header ["a", "b", "c"]
        2 ["1", "2", "3"]
        3 refused: cells in the row: 2; columns in the header: 3
        4 refused: cells in the row: 4; columns in the header: 3
        5 ["1", "2", "3", "", ""]
        8 refused: cells in the row: 1; columns in the header: 3
        "#);
        let fill = CsvFormat { short_rows: ShortRows::Fill, ..CsvFormat::default() };
        insta::assert_snapshot!(read_all(text.as_bytes(), fill), @r#"
        header ["a", "b", "c"]
        2 ["1", "2", "3"]
        3 ["1", "2"]
        4 refused: cells in the row: 4; columns in the header: 3
        5 ["1", "2", "3", "", ""]
        8 ["1"]
        "#);
    }

    #[test]
    fn the_delimiter_is_found_in_the_header_unless_it_is_named() {
        for (text, columns) in [
            ("a,b;c\n", 2),
            ("a;b,c;d\n", 3),
            ("\"a\tx\"\tb\n", 2),
            ("\"a;b;c;d\",b\n", 2),
            ("a|b|c\n", 3),
            ("only one\n", 1),
        ] {
            let reader = RowReader::open(text.as_bytes(), CsvFormat::default()).unwrap();
            assert_eq!(reader.header().names().count(), columns, "{text}");
        }
        let named = CsvFormat { delimiter: Some(b';'), ..CsvFormat::default() };
        let reader = RowReader::open(&b"a,b,c;d\n"[..], named).unwrap();
        assert_eq!(reader.header().names().collect::<Vec<_>>(), ["a,b,c", "d"]);
    }

    #[test]
    fn columns_are_found_by_their_trimmed_name() {
        let header =
            RowReader::open(&b"\n Email ,Note,Phone,Note\n"[..], CsvFormat::default()).unwrap().header().clone();
        assert_eq!(header.position("Email"), Position::At(0));
        assert_eq!(header.position("Note"), Position::Twice(1, 3));
        assert_eq!(header.position("email"), Position::Missing);
    }

    #[test]
    fn files_that_are_no_csv_say_what_they_are() {
        let open = |bytes: &[u8]| RowReader::open(bytes, CsvFormat::default()).err().unwrap().to_string();
        assert_eq!(open(b""), "the file is empty");
        assert_eq!(open(b"\xEF\xBB\xBF\r\n,,\r\n"), "the file is empty");
        assert_eq!(open(b"PK\x03\x04\x14\x00"), "the file is a spreadsheet, not a CSV file");
        assert_eq!(open(b"a\0,\0b\0\n\0"), "the file looks like UTF-16 without a byte order mark");
        assert_eq!(
            open(b"\"a,b\n1,2\n"),
            "the header cannot be read: a quote in the row is not closed, or a quote inside a quoted cell is not doubled"
        );
    }

    #[test]
    fn a_row_over_the_limit_is_refused_and_the_rest_goes_on() {
        let long = "x".repeat(ROW_BYTES_MAX);
        for broken in [format!("1,{long}"), format!("1,\"{long}\"")] {
            insta::allow_duplicates! {
                insta::assert_snapshot!(read_text(&format!("a,b\n0,before\r\n{broken}\r\n2,after\n")), @r#"
                header ["a", "b"]
                2 ["0", "before"]
                3 refused: the row is longer than 256 KiB; most likely a quote in it is never closed
                4 ["2", "after"]
                "#);
            }
        }
        let fits = "x".repeat(ROW_BYTES_MAX - "1,\n".len());
        let list = format!("a,b\n1,{fits}\n");
        let mut reader = RowReader::open(list.as_bytes(), CsvFormat::default()).unwrap();
        assert_eq!(reader.read(&mut Row::default()).unwrap(), Next::Row);
    }

    /// A file that is made while it is read.
    struct Generated<F> {
        lines: F,
        line: Vec<u8>,
        read: usize,
    }

    impl<F: Iterator<Item = Vec<u8>>> Read for Generated<F> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            if self.read == self.line.len() {
                self.line = self.lines.next().unwrap_or_default();
                self.read = 0;
            }
            let bytes = (&self.line[self.read..]).read(buffer)?;
            self.read += bytes;
            Ok(bytes)
        }
    }

    fn generated(lines: impl Iterator<Item = Vec<u8>>) -> impl Read {
        // Many lines at once, as a file system gives them.
        let mut lines = lines.peekable();
        let blocks = std::iter::from_fn(move || {
            lines.peek()?;
            Some(lines.by_ref().take(500).flatten().collect())
        });
        Generated { lines: blocks, line: Vec::new(), read: 0 }
    }

    #[test]
    fn a_million_rows_are_read_in_one_window() {
        let rows = (1..=1_000_000).map(|row| format!("{row},p{row}@x.example\n").into_bytes());
        let mut reader =
            RowReader::open(generated(std::iter::once(b"id,email\n".to_vec()).chain(rows)), CsvFormat::default())
                .unwrap();
        let mut row = Row::default();
        let mut count = 0_u64;
        while reader.read(&mut row).unwrap() != Next::End {
            count += 1;
        }
        assert_eq!((count, row.line(), row.cell(1)), (1_000_000, 1_000_001, "p1000000@x.example"));
        assert_eq!(reader.window.capacity(), WINDOW_BYTES);
        assert!(row.text.capacity() + reader.scanned.bytes.capacity() < 1024);
    }

    #[test]
    fn a_quote_that_is_never_closed_does_not_eat_memory() {
        // 8 MiB behind an open quote in the first row, and a line of 4 MiB without an end.
        let rows = (0..100_000).map(|row| format!("{row},{}\n", "y".repeat(80)).into_bytes());
        let endless = std::iter::repeat_n(vec![b'z'; 64 * 1024], 64);
        let lines = [b"id,name\n".to_vec(), b"a,\"open\n".to_vec()].into_iter().chain(rows).chain(endless);
        let mut reader = RowReader::open(generated(lines), CsvFormat::default()).unwrap();
        let mut row = Row::default();
        let (mut rows, mut refused) = (0, Vec::new());
        loop {
            match reader.read(&mut row).unwrap() {
                Next::Row => rows += 1,
                Next::Refused(row) => refused.push(row.line),
                Next::End => break,
            }
        }
        assert_eq!((rows, refused), (100_000, vec![2, 100_003]));
        assert_eq!(reader.window.capacity(), WINDOW_BYTES);
    }

    proptest! {
        #[test]
        fn well_formed_files_read_as_the_csv_crate_reads_them(
            rows in proptest::collection::vec(proptest::collection::vec("[a-c,;\"\r\n é]{0,6}", 3), 1..20),
        ) {
            let mut writer = csv::WriterBuilder::new().quote_style(csv::QuoteStyle::Always).from_writer(Vec::new());
            writer.write_record(["one", "two", "three"]).unwrap();
            for row in &rows {
                writer.write_record(row).unwrap();
            }
            let bytes = writer.into_inner().unwrap();
            let mut expected: Vec<Vec<String>> = csv::Reader::from_reader(&bytes[..])
                .records()
                .map(|record| record.unwrap().iter().map(str::to_owned).collect())
                .collect();
            expected.retain(|row| row.iter().any(|cell| !cell.is_empty()));

            let mut reader = RowReader::open(&bytes[..], CsvFormat::default()).unwrap();
            let mut row = Row::default();
            let mut read = Vec::new();
            while reader.read(&mut row).unwrap() == Next::Row {
                read.push(row.cells().map(str::to_owned).collect::<Vec<_>>());
            }
            prop_assert_eq!(read, expected);
        }

        #[test]
        fn any_bytes_at_all_are_read_to_the_end(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            if let Ok(mut reader) = RowReader::open(&bytes[..], CsvFormat::default()) {
                let mut row = Row::default();
                let mut line = 0;
                loop {
                    let at = match reader.read(&mut row).unwrap() {
                        Next::Row => row.line(),
                        Next::Refused(refused) => refused.line,
                        Next::End => break,
                    };
                    prop_assert!(at > line, "a line is named twice");
                    line = at;
                }
            }
        }
    }
}

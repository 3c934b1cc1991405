//! Pages for people: one layout, for a phone first, light and dark, without script or anything from elsewhere.
//!
//! **Invariant:** every text that comes from a catalog, a person or a phrase is escaped here or by [`escape`].

use std::fmt::Write as _;

use aws_lambda_events::apigw::ApiGatewayV2httpResponse;

use super::{answer, escape};

/// What every page looks like. Contrast is at least 4.5 to 1 for text and 3 to 1 for edges, in both schemes.
const STYLE: &str = "\
:root{color-scheme:light dark;--ground:#f6f5f1;--card:#fff;--text:#1b1f1d;--soft:#59615d;--line:#e2e4df;--edge:#7d8782;\
--accent:#1d6b4f;--on-accent:#fff;--wash:#edf5f1;--bad:#a3231b;--bad-wash:#fdf1ef}\
@media(prefers-color-scheme:dark){:root{--ground:#121513;--card:#1b1f1d;--text:#e9ece9;--soft:#a7afaa;--line:#2e3431;\
--edge:#7f8a84;--accent:#7fcdab;--on-accent:#0b1f16;--wash:#1f3029;--bad:#ffa39a;--bad-wash:#34201d}}\
*{box-sizing:border-box}\
html{-webkit-text-size-adjust:100%}\
body{margin:0;background:var(--ground);color:var(--text);font:1.0625rem/1.55 system-ui,-apple-system,'Segoe UI',Roboto,\
sans-serif;overflow-wrap:break-word}\
main{max-width:36rem;margin:0 auto;padding:1.75rem 1.25rem 3rem}\
.from{margin:0 0 .75rem;color:var(--soft);font-size:.9375rem}\
h1{margin:0 0 .75rem;font-size:1.625rem;line-height:1.2;letter-spacing:-.01em;text-wrap:balance}\
h2{margin:0 0 .5rem;font-size:1.125rem;line-height:1.3}\
p{margin:0 0 1rem}\
a{color:var(--accent);text-underline-offset:.15em}\
form{margin:1.5rem 0 0}\
fieldset{margin:0 0 1.75rem;padding:0;border:0;min-width:0}\
legend,.field>label{display:block;width:100%;margin:0 0 .625rem;padding:0;font-weight:600}\
.field{margin:0 0 1.75rem}\
.hint,.error{margin:-.25rem 0 .625rem;font-size:.9375rem}\
.hint{color:var(--soft)}\
.error{color:var(--bad);font-weight:600}\
.choice{display:flex;gap:.75rem;align-items:center;min-height:3rem;margin:0 0 .5rem;padding:.6rem .9rem;\
border:1px solid var(--edge);border-radius:.6rem;background:var(--card);cursor:pointer}\
.choice:hover{border-color:var(--accent)}\
.choice:has(:checked){border-color:var(--accent);background:var(--wash);box-shadow:inset 0 0 0 1px var(--accent)}\
.choice input{flex:none;width:1.25rem;height:1.25rem;margin:0;accent-color:var(--accent)}\
.choice small{display:block;color:var(--soft);font-size:.875rem}\
input[type=text],input[type=tel],input[type=date],input[type=datetime-local],select,textarea{display:block;width:100%;min-height:3rem;\
padding:.6rem .9rem;border:1px solid var(--edge);border-radius:.6rem;background:var(--card);color:inherit;font:inherit}\
textarea{min-height:8rem}\
button,.button{display:block;width:100%;min-height:3rem;padding:.7rem 1.4rem;border:1px solid var(--accent);\
border-radius:.6rem;background:var(--accent);color:var(--on-accent);font:inherit;font-weight:600;text-align:center;\
text-decoration:none;cursor:pointer}\
.quiet{background:none;color:var(--accent)}\
:focus-visible{outline:3px solid var(--accent);outline-offset:2px}\
.apart{margin:2.5rem 0 0;padding:1.75rem 0 0;border-top:1px solid var(--line)}\
.apart form{margin-top:1rem}\
.errors{margin:1.25rem 0 0;padding:1rem 1.1rem;border-left:.25rem solid var(--bad);border-radius:.3rem;\
background:var(--bad-wash)}\
.errors ul{margin:0;padding-left:1.1rem}\
.errors a{color:var(--bad)}\
.note{padding:.9rem 1.1rem;border-radius:.6rem;background:var(--wash)}\
@media(min-width:34rem){main{padding-top:12vh}h1{font-size:1.875rem}button,.button{display:inline-block;width:auto}}";

/// What a page is made of. Texts are not escaped yet; `body` is HTML and is.
#[derive(Debug, Clone, Copy)]
pub struct Page<'a> {
    /// The HTTP status.
    pub status: u16,
    /// The language of its texts (BCP 47).
    pub language: &'a str,
    /// What it is about.
    pub title: &'a str,
    /// Who speaks, shown above the title.
    pub from: Option<&'a str>,
    /// What stands below the title: HTML.
    pub body: &'a str,
    /// What it looks like besides what every page does.
    pub style: &'a str,
}

impl Page<'_> {
    /// The answer that shows it.
    pub fn answer(&self) -> ApiGatewayV2httpResponse {
        let mut html = String::with_capacity(STYLE.len() + self.body.len() + 1024);
        let (language, title) = (escape(self.language), escape(self.title));
        let from = self.from.map(|name| format!("<p class=\"from\">{}</p>", escape(name))).unwrap_or_default();
        let written = write!(
            html,
            "<!doctype html>\n<html lang=\"{language}\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"robots\" content=\"noindex\">\n<meta name=\"color-scheme\" content=\"light dark\">\n\
             <title>{title}</title>\n<style>{STYLE}{}</style>\n</head>\n<body>\n<main>\n{from}<h1>{title}</h1>\n{}\n</main>\n\
             </body>\n</html>\n",
            self.style, self.body
        );
        debug_assert!(written.is_ok(), "a string takes whatever is written to it");
        answer(self.status, "text/html; charset=utf-8", html)
    }
}

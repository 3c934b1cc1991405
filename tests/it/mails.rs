//! Mails as they leave: written by the real mailer, taken by the loopback mail service, read from the mailbox.

use std::collections::BTreeMap;
use std::sync::Arc;

use mail_parser::MessageParser;
use perennial_aws::clients::Clients;
use perennial_aws::ses::SesMailer;
use perennial_core::catalog::Catalog;
use perennial_core::consent::Tracking;
use perennial_core::loader::{SourceFile, parse};
use perennial_core::testing;
use perennial_core::token::Purpose;
use perennial_local::clock::{Clock, Pace};
use perennial_local::letters::{Letters, ReadFrom};
use perennial_local::ses::{MailService, router};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use crate::handlers::alerts::selling;
use crate::scenarios::world::{REPLY_DOMAIN, World, keyring, shipped};

const NOW: &str = "2026-03-02 10:00";

/// How many mails wait to be told of; nobody listens here.
const EVENTS_MAX: usize = 64;

/// The suite with the real mailer and the loopback mail service, and its mailbox.
async fn mailing(catalog: Catalog) -> (World, Letters) {
    mailing_in(World::of(catalog, NOW).await).await
}

async fn mailing_in(mut world: World) -> (World, Letters) {
    let letters = world.file().letters().unwrap();
    let clock = Clock::start(world.file().local_items().unwrap(), Pace::Real).unwrap();
    let (events, _) = mpsc::channel(EVENTS_MAX);
    let service = MailService { letters: letters.clone(), clock, events };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router(service)).await });
    let mailer = Arc::new(SesMailer::new(Clients::loopback(&url).ses(), None));
    world.change_notifier(mailer.clone());
    world.change_mailer(mailer);
    (world, letters)
}

/// A mail, whole.
struct Mail(String);

impl Mail {
    fn all(letters: &Letters) -> Vec<Self> {
        let page = letters.page(ReadFrom::Oldest, 100).unwrap();
        page.into_iter().map(|kept| Self(String::from_utf8(kept.letter.mime).unwrap())).collect()
    }

    /// With what is different each time, or means nothing to a reader, taken out.
    fn redacted(&self) -> String {
        // Long lines as their writer wrote them: a soft line break falls where it likes.
        let text = self.0.replace("\r\n", "\n").replace("=\n", "");
        let boundary = text.split("boundary=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
        without_tokens(&text.replace(boundary, "[boundary]"))
    }

    /// The headers, unfolded, in order.
    fn headers(&self) -> Vec<(String, String)> {
        let head = self.0.split("\r\n\r\n").next().unwrap().replace("\r\n ", " ").replace("\r\n\t", " ");
        let lines = head.split("\r\n").map(|line| line.split_once(':').unwrap());
        lines.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect()
    }

    fn header(&self, name: &str) -> String {
        let mut values = self.headers().into_iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
        let (_, value) = values.next().unwrap_or_else(|| panic!("no {name}"));
        assert!(values.next().is_none(), "{name} stands twice");
        value
    }

    fn text(&self) -> String {
        let message = MessageParser::default().parse(self.0.as_bytes()).unwrap();
        message.body_text(0).unwrap().replace("\r\n", "\n")
    }

    fn html(&self) -> String {
        let message = MessageParser::default().parse(self.0.as_bytes()).unwrap();
        message.body_html(0).unwrap().replace("\r\n", "\n")
    }

    /// Name and address of a header, as a mail program shows them, and the decoded subject.
    fn shown(&self) -> String {
        let message = MessageParser::default().parse(self.0.as_bytes()).unwrap();
        let from = message.from().unwrap().first().unwrap();
        let to = message.to().unwrap().first().unwrap();
        let name = from.name().unwrap_or_default();
        format!("{name} <{}> to {}: {}", from.address().unwrap(), to.address().unwrap(), message.subject().unwrap())
    }
}

fn without_tokens(text: &str) -> String {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let mut pieces = text.split("v1.k1.");
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.fold(first, |text, piece| text + "[token]" + piece.trim_start_matches(is_part))
}

/// All that every mail must have (TRUST.md §4).
fn assert_lawful(mail: &Mail, catalog: &Catalog) {
    let mut times: BTreeMap<String, u32> = BTreeMap::new();
    for (name, value) in mail.headers() {
        assert!(value.is_ascii() && value.len() <= 995, "{name}");
        *times.entry(name.to_ascii_lowercase()).or_default() += 1;
    }
    assert!(times.values().all(|times| *times == 1), "{times:?}");

    // RFC 8058: an https link, the one-click header, and nothing to log in to.
    let link = mail.header("List-Unsubscribe");
    let url = link.split('>').next().unwrap().trim_start_matches('<');
    let token = url.strip_prefix("https://perennial.example/v1/unsubscribe/").unwrap();
    let payload = keyring().verify(Purpose::Unsubscribe, token).unwrap();
    assert!(link.contains(", <mailto:unsubscribe@perennial.example?subject="), "{link}");
    assert_eq!(mail.header("List-Unsubscribe-Post"), "List-Unsubscribe=One-Click");
    assert_eq!(mail.header("Auto-Submitted"), "auto-generated");
    let reference = mail.header("References");
    let token = reference.trim_start_matches('<').split('@').next().unwrap();
    assert_eq!(keyring().verify(Purpose::Reply, token), Ok(payload));

    for body in [mail.text(), mail.html()] {
        assert!(body.contains(url), "no visible link: {body}");
        for line in catalog.organisation.postal_address.lines() {
            assert!(body.contains(line), "no postal address: {body}");
        }
        assert!(body.contains(&catalog.organisation.reason), "no reason: {body}");
    }
}

async fn first_mail(catalog: Catalog, fields: Value) -> Mail {
    let (world, letters) = mailing(catalog).await;
    world.post(fields).await;
    let mail = Mail::all(&letters).pop().unwrap();
    assert_lawful(&mail, world.catalog());
    mail
}

#[tokio::test]
async fn a_mail_is_in_the_language_of_its_reader_down_to_its_footer() {
    let words = "\n[languages.de]\nreason = \"Sie haben uns geschrieben.\"\nunsubscribe_label = \"Abbestellen\"\n";
    let mut files = testing::files();
    files.iter_mut().filter(|file| file.path == "catalog.toml").for_each(|file| file.text.push_str(words));
    let text = "+++\nsubject = \"Ihre Nachricht\"\nfrom = \"rep\"\n+++\nGuten Tag.\n".to_owned();
    files.push(SourceFile { path: "welcome/touches/response.de.md".to_owned(), text });
    let catalog = parse(&files).0.unwrap();
    for (language, subject, html, label) in [
        ("de-AT", "Ihre Nachricht", "<html lang=\"de\">", "Abbestellen:"),
        ("fr", "Your message to Example Ltd", "<html>", "Unsubscribe:"),
    ] {
        let (world, letters) = mailing(catalog.clone()).await;
        world.post(json!({ "email": "ada@example.com", "language": language })).await;
        let mail = Mail::all(&letters).pop().unwrap();
        assert_eq!(mail.header("Subject"), subject);
        assert!(mail.html().contains(html) && mail.text().contains(label), "{}", mail.text());
    }
}

#[tokio::test]
async fn the_first_mail_of_the_shipped_welcome_as_it_leaves() {
    let ada = json!({ "email": "Ada@example.com", "first_name": "Ada", "company": "Analytical Engines" });
    let mail = first_mail(shipped(), ada).await;
    insta::assert_snapshot!(mail.redacted(), @r#"
    From: "Robin Vale" <robin.vale@perennial.example>
    To: <Ada@example.com>
    Reply-To: "Robin Vale" <robin.vale@perennial.example>
    Subject: You got in touch with Example Ltd
    Date: Mon, 2 Mar 2026 09:00:00 +0000
    Message-ID: <biemfhtrar7jgzcgd3hax6dwqe.1_welcome_response_0.1@perennial.example>
    List-Unsubscribe: <https://perennial.example/v1/unsubscribe/[token]>,
     <mailto:unsubscribe@perennial.example?subject=[token]>
    List-Unsubscribe-Post: List-Unsubscribe=One-Click
    Auto-Submitted: auto-generated
    References: <[token]@perennial.example>
    MIME-Version: 1.0
    Content-Type: multipart/alternative;
     boundary="[boundary]"

    --[boundary]
    Content-Type: text/plain; charset="utf-8"
    Content-Transfer-Encoding: quoted-printable

    Hi Ada,

    Thank you for getting in touch. If it was the guide you came for, here it
    is: Seven questions before you plan a route
    <https://perennial.example/v1/click/[token]>.

    If it leaves a question open, or you would rather talk about it, just reply:
    it comes straight to me.

    Robin Vale
    Example Ltd

    --=20
    You get this mail because you got in touch with us.
    Example Ltd, 1 Example Street, 12345 Exampletown, Germany
    Choose what you get:
    https://perennial.example/v1/preferences/[token]
    Unsubscribe:
    https://perennial.example/v1/unsubscribe/[token]

    --[boundary]
    Content-Type: text/html; charset="utf-8"
    Content-Transfer-Encoding: quoted-printable

    <!doctype html>
    <html>
    <head>
    <meta charset=3D"utf-8">
    <meta name=3D"viewport" content=3D"width=3Ddevice-width, initial-scale=3D1">
    <meta name=3D"color-scheme" content=3D"light dark">
    <title>You got in touch with Example Ltd</title>
    </head>
    <body style=3D"margin:0;padding:16px">
    <div style=3D"max-width:600px;font:16px/1.5 -apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif">
    <p style=3D"margin:0 0 1em">Hi Ada,</p>
    <p style=3D"margin:0 0 1em">Thank you for getting in touch. If it was the guide you came for, here it is: <a href=3D"https://perennial.example/v1/click/[token]">Seven questions before you plan a route</a>.</p>
    <p style=3D"margin:0 0 1em">If it leaves a question open, or you would rather talk about it, just reply: it comes straight to me.</p>
    <p style=3D"margin:0 0 1em">Robin Vale<br>
    Example Ltd</p>
    <p style=3D"margin:2em 0 0;font-size:13px;color:#767676">You get this mail because you got in touch with us.<br>
    Example Ltd, 1 Example Street, 12345 Exampletown, Germany<br>
    <a href=3D"https://perennial.example/v1/preferences/[token]" style=3D"color:#767676">Choose what you get</a> &middot; <a href=3D"https://perennial.example/v1/unsubscribe/[token]" style=3D"color:#767676">Unsubscribe</a></p>
    <a href=3D"https://perennial.example/v1/click/[token]" style=3D"display:none" tabindex=3D"-1" aria-hidden=3D"true"></a>
    </div>
    </body>
    </html>

    --[boundary]--
    "#);
}

#[tokio::test]
async fn an_alert_leaves_as_a_mail_of_ours_to_one_of_ours_and_of_nobody_elses() {
    let (world, letters) = mailing(selling()).await;
    let ada = json!({ "email": "ada@example.com", "phone": "+49 30 7654 3210", "first_name": "J\u{f6}rg", "company": "M\u{fc}ller & S\u{f6}hne" });
    let lead = world.post(ada).await;
    let kept = letters.page(ReadFrom::Newest, 1).unwrap().pop().unwrap().letter;
    assert_eq!((kept.lead, kept.touch, kept.attempt), (None, None, None), "nothing of it finds back to a touch");
    let mail = Mail::all(&letters).pop().unwrap();
    insta::assert_snapshot!(mail.shown(), @"Example Ltd <team@perennial.example> to kim@perennial.example: Jörg (Müller & Söhne) asks for a call: 5 minutes left");
    assert!(mail.header("Message-ID").contains(lead.as_str()), "whoever erases the lead finds it");
    let names: Vec<String> = mail.headers().into_iter().map(|(name, _)| name).collect();
    insta::assert_snapshot!(names.join(", "), @"From, To, Subject, Date, Message-ID, Auto-Submitted, X-Auto-Response-Suppress, X-Perennial-Forwarded, MIME-Version, Content-Type");
    for body in [mail.text(), mail.html()] {
        assert!(body.contains("https://perennial.example/v1/desk/v1.k1.") && body.contains("+493076543210"), "{body}");
        assert!(!body.contains("/v1/unsubscribe/"));
    }
}

#[tokio::test]
async fn every_mail_of_the_shipped_programs_is_lawful_and_says_what_it_says() {
    // With links as their authors wrote them.
    let mut catalog = shipped();
    catalog.elsewhere.tracking = Tracking::Off;
    let (world, letters) = mailing(catalog).await;
    let fields = json!({ "email": "ada@example.com", "first_name": "Ada", "company": "Analytical Engines" });
    let ada = world.post(fields).await;
    world.live_until("2027-04-01 00:00").await;
    let mails = Mail::all(&letters);
    for mail in &mails {
        assert_lawful(mail, world.catalog());
        assert!(!mail.text().contains("{{") && !mail.html().contains("{{"));
    }
    let sent = world.names(&ada).await.iter().filter(|name| **name == "touch.sent").count();
    assert_eq!(mails.len(), sent);
    let shown: Vec<_> = mails.iter().map(|mail| format!("{}\n\n{}", mail.shown(), letter(&mail.text()))).collect();
    insta::assert_snapshot!(without_tokens(&shown.join("\n\n---\n\n")), @r#"
    Robin Vale <robin.vale@perennial.example> to ada@example.com: You got in touch with Example Ltd

    Hi Ada,

    Thank you for getting in touch. If it was the guide you came for, here it
    is: Seven questions before you plan a route
    <https://www.perennial.example/guide>.

    If it leaves a question open, or you would rather talk about it, just reply:
    it comes straight to me.

    Robin Vale
    Example Ltd

    ---

    Robin Vale <robin.vale@perennial.example> to ada@example.com: Where I would start

    Hi Ada,

    If the guide is too long for today: we also have the whole matter on one
    page <https://www.perennial.example/one-page>. It takes about as long as a
    coffee.

    One question, so that I don't waste your time: what made you look into it
    now?

    Robin Vale

    ---

    Robin Vale <robin.vale@perennial.example> to ada@example.com: How someone else did it

    Hi Ada,

    Here is how someone else went about planning field service visits: How a
    team of twelve stopped driving in circles
    <https://www.perennial.example/stories/twelve>.

    So that I send you what fits, and spare you the rest:

    - What is your part in it: do you run the company or a team, do the work
      yourself, or buy for others?
    - Roughly how many people work at your company?

    Just reply, a word each is plenty. If ticking is less trouble, tick it here
    <https://perennial.example/v1/profile/[token]>.

    Robin Vale

    ---

    Robin Vale <robin.vale@perennial.example> to ada@example.com: Is this on your list this quarter?

    Hi Ada,

    A straight question: is planning field service visits something you want to
    work on this quarter, later in the year, or were you just looking around?

    All three are good answers. One word is enough, and I'll go by it.

    Robin Vale

    ---

    Example Ltd <hello@perennial.example> to ada@example.com: The questions people ask us first

    Hi Ada,

    Before anyone decides anything, the same handful of questions comes up. We
    wrote our answers down: the questions people ask first
    <https://www.perennial.example/questions>.

    If you would rather ask in person, these are the next dates
    <https://www.perennial.example/dates>. Bring the awkward ones.

    Is there a question that the page leaves open? Reply with it, and you'll get
    an answer.

    Everyone at Example Ltd

    ---

    Robin Vale <robin.vale@perennial.example> to ada@example.com: I'll stop here for now

    Hi Ada,

    I have written a few times and don't want to become a nuisance, so this is
    the last mail of this round.

    If planning field service visits comes back to the top of your list, reply
    to this mail, even months from now, and we pick it up from there. Until then
    you'll hear from us about every two weeks, with something to read or a
    question, no more. If you would rather not, you can stop that here
    <https://perennial.example/v1/unsubscribe/[token]>.

    Was there something you hoped to get from us, and didn't?

    Robin Vale

    ---

    Robin Vale <robin.vale@perennial.example> to ada@example.com: What would you fix first?

    Hi Ada,

    Ask ten people what is wrong with planning field service visits, and most of
    them will say that the plan is out of date by nine in the morning. Everybody
    nods, and that is the end of it.

    Ask the same ten what they would fix by Friday, and you get ten different
    answers, most of them small, some of them free.

    What is yours?

    Robin Vale

    ---

    Robin Vale <robin.vale@perennial.example> to ada@example.com: They all started smaller

    Hi Ada,

    I don't believe there is one right way to go about planning field service
    visits. But in the stories people have told us
    <https://www.perennial.example/stories> one thing comes up again and again:
    they started smaller than they had planned, and were glad of it.

    Which of them is close to your own work I can't tell, because I know too
    little about it:

    - Which industry are you in?
    - What matters most: less time on the road, keeping promised times, planning
      in less time, or something else?

    Just reply, a word each will do. Or answer here
    <https://perennial.example/v1/profile/[token]>,
    if that is quicker.

    Robin Vale

    ---

    Robin Vale <robin.vale@perennial.example> to ada@example.com: Three things, in this order

    Hi Ada,

    If all we know about planning field service visits had to go on a postcard,
    it would say:

    1. Begin with what is free. For one week, note why each visit started late.
    2. Watch one number: the share of visits that start at the hour you
       promised.
    3. Avoid the usual mistake: buying a tool before agreeing who may change the
       plan.

    The order matters, as each makes the next one easier. None of it needs us.

    Where on the postcard are you?

    Robin Vale

    ---

    Robin Vale <robin.vale@perennial.example> to ada@example.com: A story with a wrong turn in it

    Hi Ada,

    Most success stories leave out the part that you could learn from. This one
    doesn't: What two hundred engineers agreed on, at the second attempt
    <https://www.perennial.example/stories/two-hundred>. If you only have a
    minute, read what went wrong, and how they noticed.

    What I should send you next depends on who has to be convinced. So, if you
    don't mind:

    - Roughly how many people work at your company?
    - When it comes to a decision: do you decide, decide with others, advise, or
      is it someone else?

    A word each is plenty, by reply or on this page
    <https://perennial.example/v1/profile/[token]>.

    Robin Vale

    ---

    Example Ltd <hello@perennial.example> to ada@example.com: Where others stand

    Hi Ada,

    If you could look at one number only, we would take the share of visits that
    start at the hour you promised. It is easy to count and hard to argue with.

    We have put together where others stand on it
    <https://www.perennial.example/figures>, the bad ones included. If you know
    your own number, you'll see in a minute how it compares. If you don't, that
    is worth knowing too, and it costs a week of counting.

    Everyone at Example Ltd

    ---

    Robin Vale <robin.vale@perennial.example> to ada@example.com: Before you say yes to anybody

    Hi Ada,

    Whoever you talk to about planning field service visits, us or somebody
    else: take this checklist <https://www.perennial.example/checklist> along.
    It is what we would ask if we were buying. Some of the questions are not
    comfortable for us either.

    This would tell me when to write, and when to leave you alone:

    - Is there a budget for it: set aside, being decided, or nothing planned?
    - When would you want it in place: this quarter, within six months, within a
      year, later, or are you just looking?

    Reply with a word each, or tick it here
    <https://perennial.example/v1/profile/[token]>.
    "Nothing yet" is a perfectly good answer. I won't argue with it.

    Robin Vale

    ---

    Robin Vale <robin.vale@perennial.example> to ada@example.com: Half an hour, with your own example

    Hi Ada,

    You have heard how we think about planning field service visits. If you
    would like to see what it looks like in Example Planner, reply with two
    times that suit you. I'll show you in half an hour, with an example of yours
    rather than one of ours.

    If you would rather listen from the back row first, these are the next dates
    <https://www.perennial.example/dates>.

    And if neither: fine. From now on you'll hear from us every six weeks or so,
    and no more often.

    Robin Vale

    ---

    Example Ltd <hello@perennial.example> to ada@example.com: What we have been writing about

    Hi Ada,

    Everything we have written about planning field service visits is on one
    page, newest first: have a look <https://www.perennial.example/articles>.

    What should we write about next? Reply with a line. We read every answer.

    Everyone at Example Ltd

    ---

    Robin Vale <robin.vale@perennial.example> to ada@example.com: A quick question

    Hi Ada,

    What is the one thing about planning field service visits that takes you
    more time than it should?

    I ask because your answers are what we work on next, and because now and
    then there is a simple one. No need to be long, or polite.

    Robin Vale

    ---

    Robin Vale <robin.vale@perennial.example> to ada@example.com: How others went about it

    Hi Ada,

    Rather than ask us what works, ask people who have done it: this is how some
    of them went about it <https://www.perennial.example/stories>.

    Does one of them sound like Analytical Engines? Tell me which, and I'll find
    out what we left out of the story.

    Robin Vale

    ---

    Example Ltd <hello@perennial.example> to ada@example.com: Shall we keep writing to you?

    Hi Ada,

    It has been a while since you got in touch, so we would rather ask: do you
    still want to hear from us?

    If you do, there is nothing to do. You'll get a short mail every couple of
    months, and you can reply to any of them.

    If you don't, tell us here
    <https://perennial.example/v1/unsubscribe/[token]>
    and we'll stop. No hard feelings.

    Everyone at Example Ltd
    "#);
}

/// A mail's text without its footer, which is the same in all of them.
fn letter(text: &str) -> String {
    text.split("\n-- \n").next().unwrap().trim().to_owned()
}

#[tokio::test]
async fn a_lead_without_a_name_is_greeted_all_the_same() {
    let mail = first_mail(testing::catalog(), json!({ "email": "ada@example.com" })).await;
    assert!(mail.text().starts_with("Hi there,"), "{}", mail.text());
}

#[tokio::test]
async fn an_address_with_umlauts_in_its_domain_goes_out_in_punycode() {
    let mail = first_mail(testing::catalog(), json!({ "email": "x@bücher.example" })).await;
    assert_eq!(mail.header("To"), "<x@xn--bcher-kva.example>");
}

#[tokio::test]
async fn names_beyond_ascii_are_encoded_in_headers_and_whole_in_the_body() {
    let (world, letters) = mailing(testing::catalog()).await;
    world.post(json!({ "email": "zoe@example.com", "first_name": "Zoë", "company": "Büro & Söhne 株式会社" })).await;
    world.live_until("2026-03-04 00:00").await;
    let mail = Mail::all(&letters).pop().unwrap();
    assert_lawful(&mail, world.catalog());
    assert_eq!(
        mail.shown(),
        "Robin Vale <robin@perennial.example> to zoe@example.com: A guide for Büro & Söhne 株式会社"
    );
    assert!(mail.text().contains("Hi Zoë,"));
}

/// H29 to H31: what people call themselves, and what the greeting then is, in text and in HTML.
const HOSTILE: [(&str, &str, &str); 10] = [
    ("{{env}}", "Hi {{env}},", "Hi {{env}},"),
    ("{% for %}", "Hi {% for %},", "Hi {% for %},"),
    ("{{ facts.guide_url }}", "Hi {{ facts.guide_url }},", "Hi {{ facts.guide_url }},"),
    ("${7*7}", "Hi ${7*7},", "Hi ${7*7},"),
    ("Bob\r\nBcc: x@y.example", "Hi Bob Bcc: x@y.example,", "Hi Bob Bcc: x@y.example,"),
    ("Bob%0d%0aBcc: x@y.example", "Hi Bob%0d%0aBcc: x@y.example,", "Hi Bob%0d%0aBcc: x@y.example,"),
    ("Bob\u{2028}Bcc: x@y.example", "Hi Bob Bcc: x@y.example,", "Hi Bob Bcc: x@y.example,"),
    ("<script>alert(1)</script>", "Hi <script>alert(1)</script>,", "Hi &lt;script&gt;alert(1)&lt;/script&gt;,"),
    ("\"><img onerror=x>", "Hi \"><img onerror=x>,", "Hi &quot;&gt;&lt;img onerror=x&gt;,"),
    ("[click](//evil.example)", "Hi [click](//evil.example),", "Hi [click](//evil.example),"),
];

#[tokio::test]
async fn h29_to_h31_a_hostile_name_is_a_name_in_every_part_of_the_mail() {
    for (name, text, html) in HOSTILE {
        let (world, letters) = mailing(testing::catalog()).await;
        // As name and as company, which stands in a subject.
        world.post(json!({ "email": "bob@example.com", "first_name": name, "company": name })).await;
        world.live_until("2026-03-04 00:00").await;
        let mails = Mail::all(&letters);
        assert_eq!(mails.len(), 2, "{name}");
        for mail in &mails {
            assert_lawful(mail, world.catalog());
            assert!(mail.text().starts_with(text), "{name}: {}", mail.text());
            assert!(mail.html().contains(html), "{name}: {}", mail.html());
            assert!(mail.headers().iter().all(|(header, _)| !header.eq_ignore_ascii_case("bcc")), "{name}");
        }
        let subject = mails[1].shown();
        let called = text.trim_start_matches("Hi ").trim_end_matches(',');
        assert!(subject.ends_with(&format!("A guide for {called}")), "{name}: {subject}");
    }
}

#[tokio::test]
async fn with_a_reply_domain_replies_go_to_the_rep_by_a_signed_address_of_it() {
    let world = World::with(testing::catalog(), NOW, |ports, _| ports.reply_domain = Some(REPLY_DOMAIN.to_owned()));
    let (world, letters) = mailing_in(world.await).await;
    let ada = world.post(json!({ "email": "ada@example.com" })).await;
    let mail = Mail::all(&letters).pop().unwrap();
    let reply_to = mail.header("Reply-To");
    let (local, _) = reply_to.rsplit_once('<').unwrap().1.rsplit_once('@').unwrap();
    assert_eq!(keyring().verify_reply_address(local).unwrap().lead, ada);
    insta::assert_snapshot!(reply_to.replace(local, "[58 characters]"), @r#""Robin Vale" <[58 characters]@reply.perennial.example>"#);
    assert_eq!((local.len(), mail.header("From").as_str()), (58, "\"Robin Vale\" <robin@perennial.example>"));
}

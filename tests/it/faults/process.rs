//! A real `perennial` and its file: killed, stopped, asked while it runs, and out of room.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Output, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::{interval, timeout};

use crate::binaries::binary;

/// How long anything here may take: much longer than it does on a busy machine, and than a worker that was killed holds
/// its lease.
const PATIENCE: Duration = Duration::from_mins(3);

/// How often the suite is looked at while something is waited for.
const LOOK_EVERY: Duration = Duration::from_millis(50);

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A directory with room for a store.
pub(crate) struct Place(TempDir);

impl Place {
    pub(crate) fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    fn store(&self) -> String {
        self.path("perennial.db")
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    /// `perennial up`, as a newcomer runs it.
    async fn up(&self, more: &[&str]) -> Up {
        self.run(&mut Command::new(binary("perennial")), &root().join("programs"), more).await
    }

    /// `perennial up` on programs of one's own.
    pub(crate) async fn up_on(&self, programs: &str) -> Up {
        self.run(&mut Command::new(binary("perennial")), Path::new(programs), &[]).await
    }

    /// The same, with more arguments.
    pub(crate) async fn up_with(&self, programs: &str, more: &[&str]) -> Up {
        self.run(&mut Command::new(binary("perennial")), Path::new(programs), more).await
    }

    /// `perennial up` on a disk that is full once a file has so many blocks of 512 bytes.
    async fn up_with_room(&self, blocks: u32) -> Up {
        // Ignored, the signal becomes an error of the write, as on a full disk.
        let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$@\"");
        let mut command = Command::new("sh");
        command.args(["-c", &script, "sh"]).arg(binary("perennial"));
        self.run(&mut command, &root().join("programs"), &[]).await
    }

    async fn run(&self, command: &mut Command, programs: &Path, more: &[&str]) -> Up {
        let mut child = command
            .args(["up", "--port", "0", "--store", &self.store(), "--programs"])
            .arg(programs)
            .args(more)
            .stdout(Stdio::piped())
            .stderr(File::create(self.path("stderr")).unwrap())
            .spawn()
            .unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let (greeting, out) = within(spawn_blocking(move || {
            let mut line = String::new();
            out.read_line(&mut line).unwrap();
            (line, out)
        }))
        .await
        .unwrap();
        let base = greeting.trim().strip_prefix("Perennial is up at http://");
        let address = base.unwrap_or_else(|| panic!("{greeting}{}", self.said())).to_owned();
        Up { child, address, out: Some(out) }
    }

    /// What the last `up` wrote on standard error.
    pub(crate) fn said(&self) -> String {
        fs::read_to_string(self.path("stderr")).unwrap()
    }

    /// A command on the store.
    pub(crate) async fn perennial(&self, arguments: &[&str]) -> Said {
        let mut command = Command::new(binary("perennial"));
        command.args(arguments).args(["--store", &self.store()]).current_dir(root());
        let output = within(spawn_blocking(move || command.output())).await.unwrap().unwrap();
        Said::from(output)
    }

    async fn audit(&self) -> Value {
        let said = self.perennial(&["audit", "--json"]).await;
        assert_eq!(said.status, Some(0), "{}{}", said.out, said.error);
        said.json()
    }

    pub(crate) async fn waterfall(&self) -> Value {
        let said = self.perennial(&["report", "waterfall", "--json"]).await;
        assert_eq!(said.status, Some(0), "{}{}", said.out, said.error);
        said.json()
    }
}

/// What a command said.
pub(crate) struct Said {
    pub(crate) status: Option<i32>,
    pub(crate) out: String,
    pub(crate) error: String,
}

impl Said {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap()
    }
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { status: output.status.code(), out: text(output.stdout), error: text(output.stderr) }
    }
}

/// A `perennial up` that runs. It is killed with the test.
pub(crate) struct Up {
    child: Child,
    address: String,
    out: Option<BufReader<ChildStdout>>,
}

impl Up {
    /// Ends it at once, in the middle of whatever it does.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Reads what it prints, up to a line that begins so.
    pub(crate) async fn prints(&mut self, begin: &'static str) -> String {
        let mut out = self.out.take().unwrap();
        let reading = within(spawn_blocking(move || {
            let mut line = String::new();
            while !line.starts_with(begin) {
                line.clear();
                assert!(out.read_line(&mut line).unwrap() > 0, "it ended without {begin}");
            }
            (line, out)
        }));
        let (line, out) = reading.await.unwrap();
        self.out = Some(out);
        line
    }

    /// Ctrl-C. How it ended, and the last line that it printed.
    pub(crate) async fn interrupt(mut self) -> (ExitStatus, String) {
        let kill = format!("kill -INT {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
        let mut out = self.out.take().unwrap();
        let rest = within(spawn_blocking(move || {
            let mut rest = String::new();
            out.read_to_string(&mut rest).unwrap();
            rest
        }));
        let last = rest.await.unwrap().lines().last().unwrap_or_default().to_owned();
        (self.child.wait().unwrap(), last)
    }

    async fn get(&self, path: &str) -> Reply {
        ask(&self.address, &format!("GET {path} HTTP/1.0\r\nhost: {}\r\n\r\n", self.address)).await.unwrap()
    }

    /// Posts the form. Nothing comes back if the suite goes away meanwhile.
    pub(crate) async fn post(&self, fields: &Value) -> Option<Reply> {
        post(&self.address, fields).await
    }

    /// The mails that were sent, oldest first.
    pub(crate) async fn letters(&self) -> Vec<Value> {
        // What people got; what sales is told is in the same mailbox, and is no touch.
        self.all_letters().await.into_iter().filter(|letter| letter["touch"].is_string()).collect()
    }

    /// Everything in the mailbox, oldest first.
    pub(crate) async fn all_letters(&self) -> Vec<Value> {
        serde_json::from_str(&self.get("/mailbox/messages.json").await.body).unwrap()
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        // It may have ended already.
        let _: std::io::Result<()> = self.child.kill();
        let _: std::io::Result<ExitStatus> = self.child.wait();
    }
}

pub(crate) struct Reply {
    pub(crate) status: u16,
    head: String,
    body: String,
}

async fn post(address: &str, fields: &Value) -> Option<Reply> {
    let body = fields.to_string();
    let length = body.len();
    let head = format!(
        "POST /v1/forms/contact HTTP/1.0\r\nhost: {address}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"
    );
    ask(address, &(head + &body)).await
}

async fn ask(address: &str, request: &str) -> Option<Reply> {
    let mut answer = String::new();
    let exchange = async {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(request.as_bytes()).await?;
        stream.read_to_string(&mut answer).await
    };
    within(exchange).await.ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some(Reply { status, head: head.to_ascii_lowercase(), body: body.to_owned() })
}

pub(crate) async fn within<T>(work: impl Future<Output = T>) -> T {
    timeout(PATIENCE, work).await.expect("it takes far too long")
}

/// Looks again and again until there is something to see.
pub(crate) async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let looking = async {
        let mut looks = interval(LOOK_EVERY);
        loop {
            looks.tick().await;
            if let Some(seen) = look().await {
                return seen;
            }
        }
    };
    timeout(PATIENCE, looking).await.unwrap_or_else(|_| panic!("{what} never came"))
}

pub(crate) fn person(number: u32) -> Value {
    json!({ "email": format!("person{number}@example.com"), "first_name": "Ada" })
}

/// Who got which touch, and how often.
fn touches(letters: &[Value]) -> BTreeMap<(String, String), u32> {
    let mut touches = BTreeMap::new();
    for letter in letters {
        let text = |name: &str| letter[name].as_str().unwrap().to_owned();
        *touches.entry((text("lead"), text("touch"))).or_default() += 1;
    }
    touches
}

#[tokio::test]
async fn f4_a_suite_that_is_killed_while_it_sends_goes_on_without_a_duplicate_or_an_orphan() {
    const ROUNDS: u32 = 3;
    const POSTS: u32 = 12;
    let place = Place::new();
    let mut accepted = 0;
    for round in 0..ROUNDS {
        let mut up = place.up(&[]).await;
        let before = up.letters().await.len();
        let mut posts = JoinSet::new();
        for number in 0..POSTS {
            let (address, person) = (up.address.clone(), person(round * POSTS + number));
            posts.spawn(async move { post(&address, &person).await });
        }
        eventually("a third mail", async || (up.letters().await.len() >= before + 3).then_some(())).await;
        up.kill();
        let replies = posts.join_all().await.into_iter().flatten();
        accepted += replies.filter(|reply| reply.status == 202).count();
    }

    // Leases end and doubts are given up within a few seconds.
    let up = place.up(&["--time-lapse", "6h/s"]).await;
    let received = place.waterfall().await["received"].as_u64().unwrap();
    assert!(received >= u64::try_from(accepted).unwrap(), "{received} of {accepted} are left");
    let told = eventually("what became of every mail", async || {
        let sent = touches(&up.letters().await);
        let audit = place.audit().await;
        let review = audit["review"].as_array().unwrap().iter();
        let review = review.map(|item| ["lead", "touch"].map(|name| item[name].as_str().unwrap().to_owned()));
        let review: Vec<(String, String)> = review.map(|[lead, touch]| (lead, touch)).collect();
        let told: BTreeSet<&String> = sent.keys().chain(&review).map(|(lead, _)| lead).collect();
        (u64::try_from(told.len()).unwrap() == received).then_some(())
    });
    told.await;
    let sent = touches(&up.letters().await);
    assert!(sent.values().all(|times| *times == 1), "{sent:?}");
    let (status, _) = up.interrupt().await;
    assert!(status.success());
    let audit = place.audit().await;
    assert_eq!((&audit["ok"], &audit["leads"]), (&json!(true), &json!(received)));
}

#[tokio::test]
async fn ctrl_c_is_clean_and_a_restart_loses_nothing() {
    let place = Place::new();
    let up = place.up(&[]).await;
    for number in 0..3 {
        assert_eq!(up.post(&person(number)).await.unwrap().status, 202);
    }
    let letters =
        eventually("three mails", async || Some(up.letters().await).filter(|letters| letters.len() == 3)).await;
    let (status, last) = up.interrupt().await;
    assert_eq!((status.code(), last), (Some(0), format!("Stopped. Everything is in {}.", place.store())));
    assert_eq!(place.said(), "");

    let up = place.up(&[]).await;
    assert_eq!(up.letters().await, letters);
    assert_eq!(up.post(&person(1)).await.unwrap().status, 202);
    let waterfall = place.waterfall().await;
    assert_eq!((&waterfall["received"], &waterfall["submissions"]["merged"]), (&json!(3), &json!(1)));
    assert_eq!(up.letters().await.len(), 3, "no second welcome");
    let second = place.perennial(&["up", "--port", "0"]).await;
    assert_eq!(second.status, Some(2));
    assert!(second.error.contains(&format!("in use by process {}", up.child.id())), "{}", second.error);
}

/// What an import says became of its rows, by name.
fn counts(summary: &str) -> Vec<(&str, u32)> {
    let lines = summary.lines().filter_map(|line| line.strip_prefix("  ")?.split_once(' '));
    let mut counts: Vec<_> = lines.filter_map(|(name, count)| Some((name, count.trim().parse().ok()?))).collect();
    counts.sort_unstable();
    counts
}

#[tokio::test]
async fn commands_work_through_a_suite_that_runs_and_on_the_file_when_none_does() {
    let list = "tests/fixtures/import/hubspot-contacts.csv";
    let place = Place::new();
    // The list is copied: what became of each row is written beside it.
    let copy = place.path("contacts.csv");
    fs::copy(root().join(list), &copy).unwrap();
    let import = ["import", &copy, "--map", "docs/examples/hubspot-contacts.toml"];

    let up = place.up(&[]).await;
    let first = place.perennial(&import).await;
    assert_eq!(first.status, Some(0), "{}", first.error);
    assert_eq!(
        counts(&first.out),
        [("merged", 0), ("quarantined", 0), ("received", 3), ("refused", 0), ("unchanged", 0)]
    );
    // One of the three may not be mailed.
    eventually("two mails", async || (up.letters().await.len() == 2).then_some(())).await;
    let running = (place.waterfall().await, place.audit().await);
    assert_eq!((&running.0["received"], &running.0["balanced"]), (&json!(3), &json!(true)));
    assert_eq!((&running.1["ok"], &running.1["leads"]), (&json!(true), &json!(3)));
    up.interrupt().await;

    assert_eq!((place.waterfall().await, place.audit().await), running);
    let again = place.perennial(&import).await;
    assert_eq!(
        counts(&again.out),
        [("merged", 0), ("quarantined", 0), ("received", 0), ("refused", 0), ("unchanged", 3)]
    );
    let mut waterfall = place.waterfall().await;
    // Only that the list ran again is new.
    waterfall["imports"][0]["at"] = running.0["imports"][0]["at"].clone();
    assert_eq!(waterfall, running.0);
    let text = place.perennial(&["report", "waterfall"]).await;
    assert!(text.out.contains("balanced: received = the sum of all places"), "{}", text.out);
    let text = place.perennial(&["audit"]).await;
    assert!(text.out.ends_with("no lead is lost\n"), "{}", text.out);
}

#[tokio::test]
async fn f27_on_a_full_disk_a_post_is_503_and_the_file_stays_whole() {
    const POSTS_MAX: u32 = 400;
    let place = Place::new();
    let up = place.up_with_room(4_096).await;
    let mut accepted = 0;
    let refusal = loop {
        assert!(accepted < POSTS_MAX, "the disk is never full");
        let reply = up.post(&person(accepted)).await.unwrap();
        if reply.status != 202 {
            break reply;
        }
        accepted += 1;
    };
    assert_eq!(refusal.status, 503);
    assert!(refusal.head.contains("retry-after: "), "{}", refusal.head);
    assert!(accepted > 3, "only {accepted} had room");
    // It still serves, and still refuses.
    assert_eq!(up.get("/mailbox").await.status, 200);
    assert_eq!(up.post(&person(POSTS_MAX)).await.unwrap().status, 503);
    let (status, _) = up.interrupt().await;
    assert_eq!(status.code(), Some(0), "{}", place.said());
    assert!(!place.said().contains("person"), "no address is logged: {}", place.said());

    // With room again, all that was accepted is there, and nothing else.
    let up = place.up(&[]).await;
    let waterfall = place.waterfall().await;
    assert_eq!((&waterfall["received"], &waterfall["balanced"]), (&json!(accepted), &json!(true)));
    assert_eq!(place.audit().await["leads"], json!(accepted));
    assert_eq!(up.post(&person(POSTS_MAX)).await.unwrap().status, 202);
    assert_eq!(place.waterfall().await["received"], json!(accepted + 1));
}

//! What happens to the links of a mail, by kind, and how often.

use jiff::{SignedDuration, Timestamp};
use perennial_core::actor::{Agent, Hit, Mailing, Manner, Network, Target};
use perennial_core::program::TouchClass;

use super::random::Random;

/// Who made a hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Truth {
    /// A person.
    Person,
    /// A machine.
    Machine,
}

/// A mail, and who followed its links.
#[derive(Debug, Clone)]
pub struct Letter {
    /// What happens to it.
    pub kind: Kind,
    /// The mail.
    pub mailing: Mailing,
    /// The hits, in order, with what they are.
    pub hits: Vec<(Hit, Truth)>,
    /// When its pixel was fetched by a machine, in milliseconds after it was sent, and by what.
    pub fetched: Option<(i64, Agent)>,
}

/// What happens to the links of a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A person follows one link.
    Single,
    /// A person follows one link twice, the second time out of impatience.
    Double,
    /// A person follows three links within a minute.
    ThreeInAMinute,
    /// A person follows a link, and later another.
    Return,
    /// A person follows a link, and a proxy looks at the page before it lets them through.
    Checked,
    /// A person follows a link, and a proxy looks at the page once more afterwards.
    Replayed,
    /// A scanner follows every link; hours later a person follows one, at times from the same network.
    AfterBurst,
    /// A person waits for the mail and follows a link at once.
    Awaited,
    /// A person's telephone changes its network between two tries.
    Phone,
    /// A browser fetches pages ahead, and a person follows one of them.
    FetchedAhead,
    /// A person opens three links in tabs within a few seconds. It cannot be told from a scanner.
    Tabs,
    /// A scanner follows every link at once.
    Burst,
    /// A scanner follows every link at once, from many addresses.
    WideBurst,
    /// A scanner takes its time from link to link.
    Crawl,
    /// A scanner tries one link, and the others minutes later.
    TwoHalves,
    /// A scanner follows some links slowly, the one that no reader sees among them.
    Trapped,
    /// A gateway asks for the head of each page.
    Heads,
    /// A tool follows one link, and says that it is one.
    Tool,
    /// A scanner follows one link under a browser's name.
    Impostor,
    /// The same for a mail that somebody waits for. It cannot be told.
    AwaitedImpostor,
    /// Two machines of one scanner follow one link.
    Farm,
    /// A scanner drives a whole browser and follows one link. It cannot be told.
    WholeBrowser,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 22] = [
        Self::Single,
        Self::Double,
        Self::ThreeInAMinute,
        Self::Return,
        Self::Checked,
        Self::Replayed,
        Self::AfterBurst,
        Self::Awaited,
        Self::Phone,
        Self::FetchedAhead,
        Self::Tabs,
        Self::Burst,
        Self::WideBurst,
        Self::Crawl,
        Self::TwoHalves,
        Self::Trapped,
        Self::Heads,
        Self::Tool,
        Self::Impostor,
        Self::AwaitedImpostor,
        Self::Farm,
        Self::WholeBrowser,
    ];

    /// Of a thousand mails, how many are of this kind. Assumed, as nobody has published it: well over half of the mails
    /// are followed by a person, and of the scanners most follow every link. Each further mail in a thousand that
    /// cannot be told costs the precision for people about a tenth of a per cent.
    pub(crate) const fn per_mille(self) -> i64 {
        match self {
            Self::Single => 230,
            Self::Double | Self::Replayed => 20,
            Self::ThreeInAMinute | Self::Awaited | Self::Tool => 45,
            Self::Return => 34,
            Self::Checked => 70,
            Self::AfterBurst => 90,
            Self::Phone | Self::FetchedAhead | Self::Farm => 10,
            Self::Tabs => 2,
            Self::Burst => 215,
            Self::WideBurst | Self::Crawl => 30,
            Self::TwoHalves | Self::Trapped => 22,
            Self::Heads | Self::Impostor => 24,
            Self::AwaitedImpostor | Self::WholeBrowser => 1,
        }
    }

    /// Its name in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Single => "one link",
            Self::Double => "one link twice",
            Self::ThreeInAMinute => "three links in a minute",
            Self::Return => "one link, later another",
            Self::Checked => "a proxy looks first",
            Self::Replayed => "a proxy looks afterwards",
            Self::AfterBurst => "a person after a burst",
            Self::Awaited => "an awaited mail",
            Self::Phone => "a telephone changes networks",
            Self::FetchedAhead => "a browser fetches ahead",
            Self::Tabs => "three tabs at once (*)",
            Self::Burst => "burst",
            Self::WideBurst => "burst from many networks",
            Self::Crawl => "every link in turn",
            Self::TwoHalves => "one link, the rest minutes later",
            Self::Trapped => "the link that nobody sees",
            Self::Heads => "heads only",
            Self::Tool => "a tool",
            Self::Impostor => "an impostor",
            Self::AwaitedImpostor => "an impostor, awaited mail (*)",
            Self::Farm => "two machines, one link",
            Self::WholeBrowser => "a whole browser, one link (*)",
        }
    }
}

/// Milliseconds in a second.
const SECOND: i64 = 1_000;

/// When people follow a link after a mail was sent, in seconds: half of them within two hours. Assumed.
const PEOPLE_COME: [(i64, i64); 9] = [
    (0, 20),
    (20, 60),
    (80, 300),
    (250, 1_800),
    (500, 7_200),
    (700, 28_800),
    (850, 86_400),
    (950, 259_200),
    (1_000, 1_209_600),
];

/// From one link to the next, a person needs so many milliseconds: to come back, read on and aim. Assumed.
const PEOPLE_READ: [(i64, i64); 5] = [(0, 3_500), (100, 7_000), (500, 14_000), (900, 26_000), (1_000, 29_000)];

/// When a scanner begins after a mail was sent, in milliseconds: 94.7 % of 836 bursts came between 20 seconds and
/// 5 minutes (TRUST.md §4); the others are spread before and after that.
pub(crate) fn scanner_begins(random: &mut Random) -> i64 {
    match random.between(0, 999) {
        0..947 => random.between(20 * SECOND, 300 * SECOND),
        947..957 => random.between(SECOND, 20 * SECOND - 1),
        _ => random.between(300 * SECOND + 1, 7_200 * SECOND),
    }
}

/// How mail programs and gateways fetch images: Apple's and Google's proxies at any time and under names of their own,
/// others within seconds of the delivery and under a browser's (H26). Shares assumed.
fn privacy_fetches(random: &mut Random) -> (i64, Agent) {
    match random.between(0, 9) {
        0..5 => (random.between(2 * SECOND, 3_600 * SECOND), Agent::Tool),
        5..8 => (random.between(2 * SECOND, 3_600 * SECOND), Agent::Known),
        _ => (random.between(SECOND, 12 * SECOND), Agent::Browser),
    }
}

/// One mail of a kind that is drawn by its share.
pub(crate) fn letter(random: &mut Random) -> Letter {
    let mut place = random.between(0, 999);
    let kind = Kind::ALL.into_iter().find(|kind| {
        place -= kind.per_mille();
        place < 0
    });
    Draft::of(kind.unwrap_or(Kind::Single), random).finish()
}

/// A letter being made.
struct Draft<'r> {
    random: &'r mut Random,
    letter: Letter,
}

impl<'r> Draft<'r> {
    fn of(kind: Kind, random: &'r mut Random) -> Self {
        // An impostor among the awaited mails has a kind of its own.
        let is_awaited =
            [Kind::Awaited, Kind::AwaitedImpostor].contains(&kind) || (kind != Kind::Impostor && random.happens(150));
        let class = if is_awaited { TouchClass::Response } else { TouchClass::Nurture };
        let needs_many = [Kind::ThreeInAMinute, Kind::Tabs, Kind::Crawl, Kind::TwoHalves, Kind::Trapped];
        let links_min = if needs_many.contains(&kind) { 4 } else { 2 };
        let links = u16::try_from(random.between(links_min, 9)).unwrap_or(4);
        let letter = Letter {
            kind,
            mailing: Mailing { sent_at: Timestamp::UNIX_EPOCH, links, class },
            hits: Vec::new(),
            fetched: None,
        };
        Self { random, letter }
    }

    fn finish(mut self) -> Letter {
        match self.letter.kind {
            Kind::Single => self.single(),
            Kind::Double => self.double(),
            Kind::ThreeInAMinute => self.three_in_a_minute(),
            Kind::Return => self.returning(),
            Kind::Checked => self.checked(),
            Kind::Replayed => self.replayed(),
            Kind::AfterBurst => self.after_burst(),
            Kind::Awaited => self.awaited(),
            Kind::Phone => self.phone(),
            Kind::FetchedAhead => self.fetched_ahead(),
            Kind::Tabs => self.tabs(),
            Kind::Burst => self.burst(),
            Kind::WideBurst => self.wide_burst(),
            Kind::Crawl => self.crawl(),
            Kind::TwoHalves => self.two_halves(),
            Kind::Trapped => self.trapped(),
            Kind::Heads => self.heads(),
            Kind::Tool => self.tool(),
            Kind::Impostor | Kind::AwaitedImpostor => self.one_link(Agent::Bare),
            Kind::Farm => self.farm(),
            Kind::WholeBrowser => self.one_link(Agent::Browser),
        }
        self.letter.fetched = self.random.happens(500).then(|| privacy_fetches(self.random));
        self.letter.hits.sort_by(|(one, _), (other, _)| one.cmp(other));
        self.letter
    }

    // --- Parts --------------------------------------------------------------------------------

    fn network(&mut self) -> Network {
        Network::of_hash(format!("{:010}", self.random.between(0, 9_999_999_999)))
    }

    fn any_link(&mut self) -> u16 {
        let last = i64::from(self.letter.mailing.links) - 1;
        u16::try_from(self.random.between(0, last)).unwrap_or_default()
    }

    /// A person's browser; three in a hundred sit behind something that strips what browsers send.
    fn browser(&mut self) -> Agent {
        if self.random.happens(30) { Agent::Bare } else { Agent::Browser }
    }

    /// A scanner's: under a browser's name, with or without all that browsers send.
    fn disguise(&mut self) -> Agent {
        if self.random.happens(400) { Agent::Browser } else { Agent::Bare }
    }

    fn person_comes(&mut self) -> i64 {
        self.random.of_quantiles(&PEOPLE_COME) * SECOND + self.random.between(0, 999)
    }

    fn hit(&mut self, truth: Truth, after_ms: i64, link: u16, network: &Network, agent: Agent) {
        self.push(truth, after_ms, Target::Link(link), network, agent, Manner::Get);
    }

    fn push(&mut self, truth: Truth, after_ms: i64, target: Target, network: &Network, agent: Agent, manner: Manner) {
        let at = self.letter.mailing.sent_at + SignedDuration::from_millis(after_ms);
        self.letter.hits.push((Hit { at, target, network: network.clone(), agent, manner }, truth));
    }

    /// A person follows one link; answers when, which and whence.
    fn person(&mut self, after_ms: i64) -> (u16, Network) {
        let (link, network, agent) = (self.any_link(), self.network(), self.browser());
        self.hit(Truth::Person, after_ms, link, &network, agent);
        (link, network)
    }

    /// Every link, with so many milliseconds from one to the next; answers when the last was.
    fn every_link(&mut self, begin_ms: i64, gap_ms: (i64, i64), network: &Network, agent: Agent) -> i64 {
        let mut at = begin_ms;
        for link in 0..self.letter.mailing.links {
            self.hit(Truth::Machine, at, link, network, agent);
            at += self.random.between(gap_ms.0, gap_ms.1);
        }
        at
    }

    // --- People -------------------------------------------------------------------------------

    fn single(&mut self) {
        let after = self.person_comes();
        self.person(after);
    }

    fn double(&mut self) {
        let after = self.person_comes();
        let (link, network) = self.person(after);
        let again = after + self.random.between(900, 20_000);
        self.hit(Truth::Person, again, link, &network, Agent::Browser);
    }

    fn three_in_a_minute(&mut self) {
        let (mut after, network, agent) = (self.person_comes(), self.network(), self.browser());
        let first = self.any_link();
        for step in 0..3 {
            let link = (first + step) % self.letter.mailing.links;
            self.hit(Truth::Person, after, link, &network, agent);
            after += self.random.of_quantiles(&PEOPLE_READ);
        }
    }

    fn returning(&mut self) {
        let after = self.person_comes();
        let (link, network) = self.person(after);
        let other = (link + 1) % self.letter.mailing.links;
        let later = after + self.random.between(70, 36_000) * SECOND;
        self.hit(Truth::Person, later, other, &network, Agent::Browser);
    }

    /// The proxy is a little quicker than the person whom it lets through.
    fn checked(&mut self) {
        let after = self.person_comes();
        let (link, _) = self.person(after);
        let (vendor, before) = (self.network(), after - self.random.between(300, 8_000));
        let agent = match self.random.between(0, 9) {
            0..2 => Agent::Tool,
            2..8 => Agent::Bare,
            _ => Agent::Browser,
        };
        self.hit(Truth::Machine, before, link, &vendor, agent);
    }

    fn replayed(&mut self) {
        let after = self.person_comes();
        let (link, _) = self.person(after);
        let (vendor, later) = (self.network(), after + self.random.between(1_000, 55_000));
        let agent = if self.random.happens(50) { Agent::Browser } else { Agent::Bare };
        self.hit(Truth::Machine, later, link, &vendor, agent);
    }

    fn after_burst(&mut self) {
        let (begin, network, agent) = (scanner_begins(self.random), self.network(), self.disguise());
        let end = self.every_link(begin, (5, 700), &network, agent);
        let after = end + self.random.between(180, 172_800) * SECOND;
        if self.random.happens(300) {
            let link = self.any_link();
            self.hit(Truth::Person, after, link, &network, Agent::Browser);
        } else {
            self.person(after);
        }
    }

    fn awaited(&mut self) {
        let after = self.random.between(15, 300) * SECOND;
        self.person(after);
    }

    fn phone(&mut self) {
        let after = self.person_comes();
        let (link, _) = self.person(after);
        let (network, again) = (self.network(), after + self.random.between(4_000, 50_000));
        self.hit(Truth::Person, again, link, &network, Agent::Browser);
    }

    fn fetched_ahead(&mut self) {
        let after = self.person_comes();
        let (_, network) = self.person(after);
        for link in 0..self.letter.mailing.links.min(3) {
            let before = after - self.random.between(1_000, 9_000);
            self.push(Truth::Machine, before, Target::Link(link), &network, Agent::Browser, Manner::Prefetch);
        }
    }

    fn tabs(&mut self) {
        let (mut after, network) = (self.person_comes(), self.network());
        for link in 0..3 {
            self.hit(Truth::Person, after, link, &network, Agent::Browser);
            after += self.random.between(600, 1_800);
        }
    }

    // --- Machines -----------------------------------------------------------------------------

    fn burst(&mut self) {
        let (begin, network, agent) = (scanner_begins(self.random), self.network(), self.disguise());
        self.every_link(begin, (5, 900), &network, agent);
    }

    fn wide_burst(&mut self) {
        let (begin, agent) = (scanner_begins(self.random), self.disguise());
        for link in 0..self.letter.mailing.links {
            let (network, at) = (self.network(), begin + self.random.between(0, 2_500));
            self.hit(Truth::Machine, at, link, &network, agent);
        }
    }

    fn crawl(&mut self) {
        let (begin, network, agent) = (scanner_begins(self.random), self.network(), self.disguise());
        self.every_link(begin, (1_500, 20_000), &network, agent);
    }

    fn two_halves(&mut self) {
        let (begin, network, agent) = (scanner_begins(self.random), self.network(), self.disguise());
        let link = self.any_link();
        self.hit(Truth::Machine, begin, link, &network, agent);
        let rest = begin + self.random.between(95, 480) * SECOND;
        self.every_link(rest, (5, 700), &network, agent);
    }

    fn trapped(&mut self) {
        let (mut at, network, agent) = (scanner_begins(self.random), self.network(), self.disguise());
        let seen = self.random.between(1, 3);
        for link in 0..u16::try_from(seen).unwrap_or(1) {
            self.hit(Truth::Machine, at, link, &network, agent);
            at += self.random.between(6_000, 30_000);
        }
        self.push(Truth::Machine, at, Target::Trap, &network, agent, Manner::Get);
    }

    fn heads(&mut self) {
        let (begin, network) = (scanner_begins(self.random), self.network());
        for link in 0..self.letter.mailing.links {
            let at = begin + i64::from(link) * self.random.between(50, 3_000);
            self.push(Truth::Machine, at, Target::Link(link), &network, Agent::Bare, Manner::Head);
        }
    }

    fn tool(&mut self) {
        let (at, link, network) = (scanner_begins(self.random), self.any_link(), self.network());
        let agent = match self.random.between(0, 2) {
            0 => Agent::Tool,
            1 => Agent::Missing,
            _ => Agent::Known,
        };
        self.hit(Truth::Machine, at, link, &network, agent);
    }

    fn one_link(&mut self, agent: Agent) {
        let (at, link, network) = (scanner_begins(self.random), self.any_link(), self.network());
        self.hit(Truth::Machine, at, link, &network, agent);
    }

    fn farm(&mut self) {
        let (at, link, agent) = (scanner_begins(self.random), self.any_link(), self.disguise());
        for after in [0, self.random.between(500, 50_000)] {
            let network = self.network();
            self.hit(Truth::Machine, at + after, link, &network, agent);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shares_are_of_a_thousand_and_each_kind_has_a_name_of_its_own() {
        assert_eq!(Kind::ALL.iter().map(|kind| kind.per_mille()).sum::<i64>(), 1_000);
        let names: std::collections::BTreeSet<_> = Kind::ALL.iter().map(|kind| kind.name()).collect();
        assert_eq!(names.len(), Kind::ALL.len());
    }
}

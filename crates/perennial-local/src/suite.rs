//! The whole suite in one process: what `perennial up` runs.
//!
//! **Invariant:** nothing but the endpoints differs from AWS: the same functions, the same store and mailer
//! over the SDK, the same events. All state is in the store file, so the process may end at any moment.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use axum::Router;
use ingest_lead::{Altcha, stamp};
use jiff::{SignedDuration, Timestamp};
use notify::webhooks::{FirstAttempt, Hooks};
use perennial_app::alerts::Herald;
use perennial_app::behaviour::Observer;
use perennial_app::chores::Chore;
use perennial_app::deliveries::Deliveries;
use perennial_app::desk::Desk;
use perennial_app::engagement::Listener;
use perennial_app::evaluate::Evaluator;
use perennial_app::forward::Postman;
use perennial_app::guard::Guard;
use perennial_app::holdings::{Holdings, Registry};
use perennial_app::inbound::Postbox;
use perennial_app::ingest::Door;
use perennial_app::library::Library;
use perennial_app::mail::Letterhead;
use perennial_app::pausing::Reminder;
use perennial_app::ports::{Clock as _, DoorBook, Store, StoreError, SystemClock};
use perennial_app::privacy::Privacy;
use perennial_app::push::{Plan, Push, PushError, push};
use perennial_app::reps::HandOver;
use perennial_app::retention::Retainer;
use perennial_app::suppression::{Reconcile, Suppressor};
use perennial_app::touch::Toucher;
use perennial_app::webhooks::{Destination, Secrets, Webhooks};
use perennial_aws::clients::Clients;
use perennial_aws::dynamo::outbox::Outbox;
use perennial_aws::dynamo::{DynamoStore, table};
use perennial_aws::ses::{SesMailer, SesSuppressionList};
use perennial_core::ids::{FormName, IdError, Pepper};
use perennial_core::loader::SourceFile;
use perennial_core::token::{Keyring, KeyringError};
use perennial_http::{CALL_TIMEOUT, HttpCaller, Reach};
use perennial_lambda::http::front::Front;
use perennial_lambda::sender_keys::{SenderKeys, SenderKeysError};
use sales_desk::{Callers, CallersError};
use tokio::net::TcpListener;
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;

use crate::authorizer::{Authorizer, OPERATOR_CLAIM};
use crate::clock::{Clock, Pace};
use crate::gateway::{self, Gateway};
use crate::holdings::beside_the_leads;
use crate::host;
use crate::inbox::{LocalInbox, LocalInboxError};
use crate::keys::Keys;
use crate::letters::{LetterError, Letters};
use crate::local_items::{LocalItemError, LocalItems};
use crate::programs::Programs;
use crate::pumps::{self, EVALUATIONS_MAX, LocalBus, NUDGES_MAX};
use crate::ses::{self, MailService};
use crate::site::{self, Site};
use crate::store_file::{CloseError, Holder, OpenError, Opened, StoreFile};

/// The table of leads in the store file.
pub const LEAD_TABLE: &str = "perennial";

/// How long a server may take to answer what is under way when the suite stops.
const STOP_PATIENCE: Duration = Duration::from_secs(2);

/// The form on the sample page.
const SAMPLE_FORM: &str = "contact";

/// How old what is known of the release may be: nobody here pays for looking.
const LOOK_EVERY: SignedDuration = SignedDuration::from_secs(1);

/// How long one sweep may take before it is asked for again.
const SWEEP_BUDGET: Duration = Duration::from_secs(20);

/// After how long no further webhook is called until the next tick.
const WEBHOOK_BUDGET: Duration = Duration::from_secs(20);

/// After how long no further person is told of anything until the next tick.
const TELLING_BUDGET: Duration = Duration::from_secs(20);

/// How long a worker that has marked a mail may live: the mailer's time-out, with a margin.
const LEASE: SignedDuration = SignedDuration::from_secs(60);

/// The domain of the reply addresses here. No mail to it ever leaves this machine.
const REPLY_DOMAIN: &str = "reply.perennial.example";

/// How many events of the mail service may wait.
const MAIL_EVENTS_MAX: usize = 4_096;

/// Why the suite does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The store file cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Another process has it.
    #[error("the store is in use by process {} ({})", .0.pid, .0.http.as_deref().unwrap_or("a command that is at work"))]
    Held(Holder),
    /// The machine's own items cannot be read.
    #[error("the machine's own items cannot be used")]
    Local(#[from] LocalItemError),
    /// The mailbox cannot be read.
    #[error("the mailbox cannot be used")]
    Letters(#[from] LetterError),
    /// The inbox cannot be read.
    #[error("the inbox cannot be used")]
    Inbox(#[from] LocalInboxError),
    /// The table of leads cannot be made.
    #[error("the table of leads cannot be used")]
    Store(#[from] StoreError),
    /// The programs cannot be published.
    #[error(transparent)]
    Push(#[from] PushError),
    /// The token keys are damaged.
    #[error("the token keys cannot be used")]
    Keys(#[from] KeyringError),
    /// The machine's key for events is none: a bug.
    #[error("the key for events cannot be used")]
    SenderKeys(#[from] SenderKeysError),
    /// The claim of operators is none: a bug.
    #[error("the callers of the sales API cannot be told apart")]
    Callers(#[from] CallersError),
    /// The sample page's form has no valid name: a bug.
    #[error("the sample form cannot be shown")]
    SampleForm(#[from] IdError),
    /// The port is taken, or may not be used.
    #[error("cannot listen on 127.0.0.1:{port}")]
    Listen {
        /// The port.
        port: u16,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

/// A store that this process may use: its own, or that of a running suite.
pub struct LocalStore {
    /// The leads.
    pub store: Arc<dyn Store>,
    /// The leads' table, as the daily look at what is kept sees it.
    pub registry: Arc<dyn Registry>,
    /// Every place where something of a person is kept.
    pub holdings: Vec<Arc<dyn Holdings>>,
    /// What is kept of webhooks.
    pub deliveries: Arc<dyn Deliveries>,
    /// What the door keeps in mind.
    pub book: Arc<dyn DoorBook>,
    /// What ids are derived with.
    pub pepper: Pepper,
    /// The suite's time now.
    pub now: Timestamp,
    /// What links and tokens of this machine are signed with.
    pub keyring: Keyring,
    /// Where the running suite's pages are, if one runs.
    pub http: Option<String>,
    /// Where it takes mail as SES does, if it runs.
    pub mail: Option<String>,
    file: Option<StoreFile>,
}

impl LocalStore {
    /// Opens a store file for one command, or reaches it through the suite that has it open.
    pub async fn open(path: &Path) -> Result<Self, StartError> {
        let (items, letters, holder, file) = match StoreFile::open(path).await? {
            Opened::Ours(file) => {
                let holder = file.holder();
                (file.local_items()?, file.letters()?, holder, Some(file))
            }
            Opened::Held(holder) => (LocalItems::beside_holder(path)?, Letters::beside_holder(path)?, holder, None),
        };
        let client = Clients::loopback(&holder.dynamodb).dynamodb();
        table::create(&client, LEAD_TABLE).await?;
        let keys = Keys::load_or_make(&items)?;
        let leads = DynamoStore::new(client, LEAD_TABLE).with_outbox();
        let mut holdings: Vec<Arc<dyn Holdings>> = vec![Arc::new(leads.clone())];
        holdings.extend(beside_the_leads(letters));
        Ok(Self {
            store: Arc::new(leads.clone()),
            registry: Arc::new(leads.clone()),
            deliveries: Arc::new(leads.clone()),
            book: Arc::new(leads),
            holdings,
            pepper: Pepper::new(keys.pepper),
            now: Clock::peek(&items)?,
            keyring: keyring_of(&keys)?,
            http: holder.http,
            mail: holder.mail,
            file,
        })
    }

    /// Closes the file, if this process has it.
    pub async fn close(self) -> Result<(), CloseError> {
        drop((self.store, self.holdings, self.registry, self.deliveries, self.book));
        match self.file {
            Some(file) => file.close().await,
            None => Ok(()),
        }
    }
}

/// The running suite.
pub struct Suite {
    address: SocketAddr,
    clock: Clock,
    store: Arc<dyn Store>,
    library: Arc<Library>,
    authorizer: Authorizer,
    published: Plan,
    webhooks: Option<Webhooks>,
    inbox: LocalInbox,
    file: StoreFile,
    servers: Vec<JoinHandle<std::io::Result<()>>>,
    pumps: JoinSet<()>,
    stop: watch::Sender<bool>,
}

impl Suite {
    /// Publishes the programs and starts the suite on a store file, at `port` of 127.0.0.1 (0: any).
    ///
    /// The pages show `directory` as it stands. Webhooks are told of events only where it is said where.
    pub async fn start(
        path: &Path,
        port: u16,
        pace: Pace,
        programs: &[SourceFile],
        directory: Option<PathBuf>,
        webhooks: Option<Destination>,
    ) -> Result<Self, StartError> {
        match StoreFile::open(path).await? {
            Opened::Ours(file) => Self::start_on(file, port, pace, programs, directory, webhooks).await,
            Opened::Held(holder) => Err(StartError::Held(holder)),
        }
    }

    /// Publishes the programs and starts the suite on an open store.
    #[expect(clippy::too_many_lines, reason = "all that is wired together, in one place")]
    pub async fn start_on(
        mut file: StoreFile,
        port: u16,
        pace: Pace,
        programs: &[SourceFile],
        directory: Option<PathBuf>,
        webhooks: Option<Destination>,
    ) -> Result<Self, StartError> {
        let public = listen(port).await?;
        let mail = listen(0).await?;
        let (address, mail_address) = (local_address(&public, port)?, local_address(&mail, 0)?);
        let base_url = format!("http://{address}");
        let items = file.local_items()?;
        let keys = Keys::load_or_make(&items)?;
        let keyring = keyring_of(&keys)?;
        let clock = Clock::start(items, pace)?;
        let letters = file.letters()?;
        let inbox = file.inbox()?;

        let client = Clients::loopback(file.dynamodb()).dynamodb();
        table::create(&client, LEAD_TABLE).await?;
        let dynamo = DynamoStore::new(client.clone(), LEAD_TABLE).with_outbox();
        let store: Arc<dyn Store> = Arc::new(dynamo.clone());
        let wall_clock = Arc::new(SystemClock);
        let retired = BTreeSet::new();
        let to_push = Push { files: programs, retired: &retired, now: wall_clock.now() };
        let published = push(store.as_ref(), &to_push).await?;
        let library = Arc::new(Library::looking_every(Arc::clone(&store), wall_clock.clone(), LOOK_EVERY));
        let mail_service = Clients::loopback(&format!("http://{mail_address}"));
        let mailer = Arc::new(SesMailer::new(mail_service.ses(), None));
        let reply_domain = Some(REPLY_DOMAIN.to_owned());
        let clock_port: Arc<dyn perennial_app::ports::Clock> = Arc::new(clock.clone());

        let door = Door {
            store: Arc::clone(&store),
            library: Arc::clone(&library),
            pepper: Pepper::new(keys.pepper),
            clock: Arc::clone(&clock_port),
        };
        let postbox = Postbox {
            door: door.clone(),
            inbox: Arc::new(inbox.clone()),
            keyring: keyring.clone(),
            reply_domain: reply_domain.clone(),
        };
        let guard =
            Guard { book: Arc::new(dynamo.clone()), pepper: Pepper::new(keys.pepper), wall_clock: wall_clock.clone() };
        let ingest = Arc::new(ingest_lead::Deps {
            door,
            observer: Observer {
                store: Arc::clone(&store),
                library: Arc::clone(&library),
                pepper: Pepper::new(keys.pepper),
                clock: Arc::clone(&clock_port),
            },
            event_keys: SenderKeys::parse(&format!("local:{}", event_key(&Pepper::new(keys.pepper))))?,
            front: Front::default(),
            altcha: Altcha::new(guard.clone()),
            guard,
            turnstile: None,
            keyring: keyring.clone(),
            wall_clock: wall_clock.clone(),
        });
        let webhooks = webhooks.map(|destination| Webhooks {
            deliveries: Arc::new(dynamo.clone()),
            library: Arc::clone(&library),
            caller: Arc::new(webhook_caller(&destination)),
            secrets: webhook_secrets(&Pepper::new(keys.pepper)),
            destination,
            clock: Arc::clone(&clock_port),
            wall_clock,
            lease: LEASE,
            budget: WEBHOOK_BUDGET,
            // The next tick is a second away, and somebody waits for their server to be called.
            peace: SignedDuration::ZERO,
        });
        let letterhead = Letterhead { base_url: base_url.clone(), keyring: keyring.clone(), reply_domain };
        let postman = Postman {
            store: Arc::clone(&store),
            library: Arc::clone(&library),
            inbox: Arc::new(inbox.clone()),
            forwarder: mailer.clone(),
            clock: Arc::clone(&clock_port),
            lease: LEASE,
        };
        let herald = Herald {
            store: Arc::clone(&store),
            book: Arc::new(dynamo.clone()),
            days_done: Arc::default(),
            library: Arc::clone(&library),
            notifier: mailer.clone(),
            letterhead: letterhead.clone(),
            clock: Arc::clone(&clock_port),
            wall_clock: Arc::new(SystemClock),
            lease: LEASE,
        };
        let hooks = webhooks.clone().map(|webhooks| Hooks { webhooks, first_attempt: FirstAttempt::AtNextTick });
        let notify =
            Arc::new(notify::Deps { postman: Some(postman), herald: herald.clone(), hooks, budget: TELLING_BUDGET });
        let touch = Arc::new(schedule_touch::Deps {
            toucher: Toucher {
                store: Arc::clone(&store),
                mailer,
                clock: Arc::clone(&clock_port),
                library: Arc::clone(&library),
                letterhead,
                lease: LEASE,
            },
            budget: SWEEP_BUDGET,
        });
        let listener =
            Listener { store: Arc::clone(&store), library: Arc::clone(&library), clock: Arc::clone(&clock_port) };
        let engagement = Arc::new(record_engagement::Deps {
            front: Front::default(),
            clicks: record_engagement::Clicks::new(listener.clone()),
            listener,
            keyring: keyring.clone(),
            postbox: Some(postbox),
        });
        let authorizer = Authorizer::new(&Pepper::new(keys.pepper));
        let sales = Arc::new(sales_desk::Deps {
            desk: Desk {
                store: Arc::clone(&store),
                library: Arc::clone(&library),
                pepper: Pepper::new(keys.pepper),
                clock: Arc::clone(&clock_port),
            },
            herald: herald.clone(),
            callers: Callers::new(None, Some(OPERATOR_CLAIM))?,
            crm_keys: SenderKeys::parse(&format!("local:{}", crm_key(&Pepper::new(keys.pepper))))?,
        });
        let reconcile = Reconcile {
            suppressor: Suppressor {
                store: Arc::clone(&store),
                library: Arc::clone(&library),
                clock: clock_port,
                pepper: Pepper::new(keys.pepper),
            },
            list: Arc::new(SesSuppressionList::new(mail_service.ses_lists())),
        };
        let mut holdings: Vec<Arc<dyn Holdings>> = vec![Arc::new(dynamo.clone())];
        holdings.extend(beside_the_leads(letters.clone()));
        let privacy = Privacy {
            store: Arc::clone(&store),
            holdings,
            library: Arc::clone(&library),
            clock: Arc::new(clock.clone()),
        };
        let hand_over =
            HandOver { store: Arc::clone(&store), library: Arc::clone(&library), clock: Arc::new(clock.clone()) };
        let retainer = Retainer { registry: Arc::new(dynamo.clone()), privacy };
        let reminder = Reminder { store: Arc::clone(&store), clock: Arc::new(clock.clone()) };
        let chores: Vec<Box<dyn Chore>> =
            vec![Box::new(reminder), Box::new(reconcile), Box::new(hand_over), Box::new(retainer)];
        let housekeep = Arc::new(housekeep::Deps { chores });
        let evaluate = Arc::new(evaluate_requalification::Deps {
            evaluator: Evaluator {
                store: Arc::clone(&store),
                library: Arc::clone(&library),
                clock: Arc::new(clock.clone()),
            },
        });
        let (nudges, nudge_queue) = mpsc::channel(NUDGES_MAX);
        let (evaluations, evaluation_queue) = mpsc::channel(EVALUATIONS_MAX);
        let (events, heard) = mpsc::channel(MAIL_EVENTS_MAX);
        let (written, kept) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (bus_notify, bus_kept) = (Arc::clone(&notify), Arc::clone(&kept));
        let bus = LocalBus { nudges, evaluations, notify: bus_notify, kept: bus_kept, clock: clock.clone() };
        let publish = Arc::new(publish_history::Deps { bus: Arc::new(bus) });

        let mut pumps = JoinSet::new();
        pumps.spawn(pumps::call_webhooks(clock.clone(), notify, kept));
        pumps.spawn(pumps::nudge(nudge_queue, Arc::clone(&touch)));
        pumps.spawn(pumps::evaluate(evaluation_queue, evaluate, Arc::clone(&written)));
        pumps.spawn(pumps::housekeep(clock.clone(), housekeep));
        pumps.spawn(pumps::hear(heard, Arc::clone(&engagement)));
        pumps.spawn(pumps::take_in(inbox.clone(), Arc::clone(&engagement), clock.clone(), Arc::clone(&written)));
        pumps.spawn(pumps::feed(Outbox::new(client, LEAD_TABLE), publish, clock.clone(), Arc::clone(&written)));
        pumps.spawn(pumps::tick(clock.clone(), touch, Arc::clone(&written)));

        let sample_form = FormName::parse(SAMPLE_FORM)?;
        let stamp: site::Stamp = Arc::new(move || stamp::issue(&keyring, &sample_form, Timestamp::now()));
        let pages = site::router(Site {
            letters: letters.clone(),
            inbox: inbox.clone(),
            clock: clock.clone(),
            stamp,
            programs: Programs::new(directory),
        });
        let gateway = Gateway {
            ingest,
            engagement,
            sales,
            authorizer: authorizer.clone(),
            clock: clock.clone(),
            written,
            requests: Arc::new(AtomicU64::new(0)),
        };
        let (stop, stopped) = watch::channel(false);
        let servers = vec![
            serve(public, address, pages.merge(gateway::routes(gateway)), stopped.clone()),
            serve(mail, mail_address, ses::router(MailService { letters, clock: clock.clone(), events }), stopped),
        ];
        file.announce(&base_url, &format!("http://{mail_address}"))?;
        Ok(Self { address, clock, store, library, authorizer, published, webhooks, inbox, file, servers, pumps, stop })
    }

    /// Where the pages and forms are, e.g. `http://127.0.0.1:8700`.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The suite's clock.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// What its functions take the programs from.
    pub fn library(&self) -> &Library {
        &self.library
    }

    /// The suite's store.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// What lets people and machines in to the API of sales.
    pub fn authorizer(&self) -> &Authorizer {
        &self.authorizer
    }

    /// Where mail comes in.
    pub fn inbox(&self) -> &LocalInbox {
        &self.inbox
    }

    /// What the start published.
    pub fn published(&self) -> &Plan {
        &self.published
    }

    /// Who tells webhooks, if anybody does.
    pub fn webhooks(&self) -> Option<&Webhooks> {
        self.webhooks.as_ref()
    }

    /// Ends the pumps and the servers and closes the file. What was under way is still due.
    pub async fn stop(mut self) -> Result<(), CloseError> {
        self.pumps.shutdown().await;
        // Nobody listens only if the servers have ended already.
        let _: Result<(), watch::error::SendError<bool>> = self.stop.send(true);
        for mut server in self.servers {
            // A browser may hold its connection open for as long as it likes.
            if timeout(STOP_PATIENCE, &mut server).await.is_err() {
                server.abort();
            }
        }
        drop((self.store, self.webhooks));
        self.file.close().await
    }
}

fn keyring_of(keys: &Keys) -> Result<Keyring, KeyringError> {
    let token_keys = BTreeMap::from([(keys.token_key.kid.clone(), keys.token_key.secret)]);
    Keyring::new(token_keys, &keys.token_key.kid)
}

/// The key by which another program on this machine may tell of events: derived, so that it stays the same.
pub fn event_key(pepper: &Pepper) -> String {
    pepper.digest(&[b"event key"])
}

/// The key by which another program on this machine may tell what sales did: derived, as above.
pub fn crm_key(pepper: &Pepper) -> String {
    pepper.digest(&[b"crm key"])
}

/// The secrets by which a server on this machine knows that events come from the suite: derived, as above.
pub fn webhook_secrets(pepper: &Pepper) -> Secrets {
    Secrets::derived(pepper.clone())
}

/// Who calls webhooks: where they are called on this machine, it never calls anything outside.
pub fn webhook_caller(destination: &Destination) -> HttpCaller {
    let reach = match destination {
        Destination::Cataloged => Reach::Public,
        Destination::Below(_) => Reach::Loopback,
    };
    HttpCaller::new(reach, CALL_TIMEOUT)
}

async fn listen(port: u16) -> Result<TcpListener, StartError> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(|source| StartError::Listen { port, source })
}

fn local_address(listener: &TcpListener, port: u16) -> Result<SocketAddr, StartError> {
    listener.local_addr().map_err(|source| StartError::Listen { port, source })
}

fn serve(
    listener: TcpListener,
    address: SocketAddr,
    router: Router,
    mut stopped: watch::Receiver<bool>,
) -> JoinHandle<std::io::Result<()>> {
    let service = host::only(router, address.port()).into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move {
        axum::serve(listener, service)
            .with_graceful_shutdown(async move {
                // An error means that the suite is gone: stop as well.
                let _: Result<_, watch::error::RecvError> = stopped.wait_for(|stop| *stop).await;
            })
            .await
    })
}

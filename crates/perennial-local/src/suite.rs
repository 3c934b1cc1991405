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
use ingest_lead::stamp;
use jiff::{SignedDuration, Timestamp};
use perennial_app::engagement::Listener;
use perennial_app::ingest::Door;
use perennial_app::library::Library;
use perennial_app::mail::Letterhead;
use perennial_app::ports::{Clock as _, Store, StoreError, SystemClock};
use perennial_app::push::{Plan, Push, PushError, push};
use perennial_app::touch::Toucher;
use perennial_aws::clients::Clients;
use perennial_aws::dynamo::outbox::Outbox;
use perennial_aws::dynamo::{DynamoStore, table};
use perennial_aws::ses::SesMailer;
use perennial_core::ids::{FormName, IdError, Pepper};
use perennial_core::loader::SourceFile;
use perennial_core::token::{Keyring, KeyringError};
use tokio::net::TcpListener;
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;

use crate::clock::{Clock, Pace};
use crate::gateway::{self, Gateway};
use crate::keys::Keys;
use crate::letters::LetterError;
use crate::local_items::LocalItemError;
use crate::programs::Programs;
use crate::pumps::{self, LocalBus, NUDGES_MAX};
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

/// How long a worker that has marked a mail may live: the mailer's time-out, with a margin.
const LEASE: SignedDuration = SignedDuration::from_secs(60);

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
    /// The table of leads cannot be made.
    #[error("the table of leads cannot be used")]
    Store(#[from] StoreError),
    /// The programs cannot be published.
    #[error(transparent)]
    Push(#[from] PushError),
    /// The token keys are damaged.
    #[error("the token keys cannot be used")]
    Keys(#[from] KeyringError),
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
    /// What ids are derived with.
    pub pepper: Pepper,
    /// The suite's time now.
    pub now: Timestamp,
    file: Option<StoreFile>,
}

impl LocalStore {
    /// Opens a store file for one command, or reaches it through the suite that has it open.
    pub async fn open(path: &Path) -> Result<Self, StartError> {
        let (file, items, dynamodb) = match StoreFile::open(path).await? {
            Opened::Ours(file) => {
                let (items, dynamodb) = (file.local_items()?, file.dynamodb().to_owned());
                (Some(file), items, dynamodb)
            }
            Opened::Held(holder) => (None, crate::local_items::LocalItems::beside_holder(path)?, holder.dynamodb),
        };
        let client = Clients::loopback(&dynamodb).dynamodb();
        table::create(&client, LEAD_TABLE).await?;
        let keys = Keys::load_or_make(&items)?;
        Ok(Self {
            store: Arc::new(DynamoStore::new(client, LEAD_TABLE).with_outbox()),
            pepper: Pepper::new(keys.pepper),
            now: Clock::peek(&items)?,
            file,
        })
    }

    /// Closes the file, if this process has it.
    pub async fn close(self) -> Result<(), CloseError> {
        drop(self.store);
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
    published: Plan,
    file: StoreFile,
    servers: Vec<JoinHandle<std::io::Result<()>>>,
    pumps: JoinSet<()>,
    stop: watch::Sender<bool>,
}

impl Suite {
    /// Publishes the programs and starts the suite on a store file, at `port` of 127.0.0.1 (0: any).
    ///
    /// The pages show `directory` as it stands.
    pub async fn start(
        path: &Path,
        port: u16,
        pace: Pace,
        programs: &[SourceFile],
        directory: Option<PathBuf>,
    ) -> Result<Self, StartError> {
        match StoreFile::open(path).await? {
            Opened::Ours(file) => Self::start_on(file, port, pace, programs, directory).await,
            Opened::Held(holder) => Err(StartError::Held(holder)),
        }
    }

    /// Publishes the programs and starts the suite on an open store.
    pub async fn start_on(
        mut file: StoreFile,
        port: u16,
        pace: Pace,
        programs: &[SourceFile],
        directory: Option<PathBuf>,
    ) -> Result<Self, StartError> {
        let public = listen(port).await?;
        let mail = listen(0).await?;
        let address = local_address(&public, port)?;
        let base_url = format!("http://{address}");
        let items = file.local_items()?;
        let keys = Keys::load_or_make(&items)?;
        let token_keys = BTreeMap::from([(keys.token_key.kid.clone(), keys.token_key.secret)]);
        let keyring = Keyring::new(token_keys, &keys.token_key.kid)?;
        let clock = Clock::start(items, pace)?;
        let letters = file.letters()?;

        let client = Clients::loopback(file.dynamodb()).dynamodb();
        table::create(&client, LEAD_TABLE).await?;
        let store: Arc<dyn Store> = Arc::new(DynamoStore::new(client.clone(), LEAD_TABLE).with_outbox());
        let wall_clock = Arc::new(SystemClock);
        let retired = BTreeSet::new();
        let to_push = Push { files: programs, retired: &retired, now: wall_clock.now() };
        let published = push(store.as_ref(), &to_push).await?;
        let library = Arc::new(Library::looking_every(Arc::clone(&store), wall_clock.clone(), LOOK_EVERY));
        let ses = Clients::loopback(&format!("http://{}", local_address(&mail, 0)?)).ses();
        let clock_port: Arc<dyn perennial_app::ports::Clock> = Arc::new(clock.clone());

        let ingest = Arc::new(ingest_lead::Deps {
            door: Door {
                store: Arc::clone(&store),
                library: Arc::clone(&library),
                pepper: Pepper::new(keys.pepper),
                clock: Arc::clone(&clock_port),
            },
            keyring: keyring.clone(),
            wall_clock,
        });
        let touch = Arc::new(schedule_touch::Deps {
            toucher: Toucher {
                store: Arc::clone(&store),
                mailer: Arc::new(SesMailer::new(ses, None)),
                clock: Arc::clone(&clock_port),
                library: Arc::clone(&library),
                letterhead: Letterhead { base_url: base_url.clone(), keyring: keyring.clone() },
                lease: LEASE,
            },
            budget: SWEEP_BUDGET,
        });
        let engagement = Arc::new(record_engagement::Deps {
            listener: Listener { store: Arc::clone(&store), library: Arc::clone(&library), clock: clock_port },
            keyring: keyring.clone(),
        });
        let (nudges, nudge_queue) = mpsc::channel(NUDGES_MAX);
        let (events, heard) = mpsc::channel(MAIL_EVENTS_MAX);
        let publish = Arc::new(publish_history::Deps { bus: Arc::new(LocalBus { nudges, clock: clock.clone() }) });

        let written = Arc::new(Notify::new());
        let mut pumps = JoinSet::new();
        pumps.spawn(pumps::nudge(nudge_queue, Arc::clone(&touch)));
        pumps.spawn(pumps::hear(heard, Arc::clone(&engagement)));
        pumps.spawn(pumps::feed(Outbox::new(client, LEAD_TABLE), publish, clock.clone(), Arc::clone(&written)));
        pumps.spawn(pumps::tick(clock.clone(), touch, Arc::clone(&written)));

        let sample_form = FormName::parse(SAMPLE_FORM)?;
        let stamp: site::Stamp = Arc::new(move || stamp::issue(&keyring, &sample_form, Timestamp::now()));
        let pages = site::router(Site {
            letters: letters.clone(),
            clock: clock.clone(),
            stamp,
            programs: Programs::new(directory),
        });
        let gateway =
            Gateway { ingest, engagement, clock: clock.clone(), written, requests: Arc::new(AtomicU64::new(0)) };
        let (stop, stopped) = watch::channel(false);
        let servers = vec![
            serve(public, pages.merge(gateway::routes(gateway)), stopped.clone()),
            serve(mail, ses::router(MailService { letters, clock: clock.clone(), events }), stopped),
        ];
        file.announce(&base_url)?;
        Ok(Self { address, clock, store, library, published, file, servers, pumps, stop })
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

    /// What the start published.
    pub fn published(&self) -> &Plan {
        &self.published
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
        drop(self.store);
        self.file.close().await
    }
}

async fn listen(port: u16) -> Result<TcpListener, StartError> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(|source| StartError::Listen { port, source })
}

fn local_address(listener: &TcpListener, port: u16) -> Result<SocketAddr, StartError> {
    listener.local_addr().map_err(|source| StartError::Listen { port, source })
}

fn serve(listener: TcpListener, router: Router, mut stopped: watch::Receiver<bool>) -> JoinHandle<std::io::Result<()>> {
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move {
        axum::serve(listener, service)
            .with_graceful_shutdown(async move {
                // An error means that the suite is gone: stop as well.
                let _: Result<_, watch::error::RecvError> = stopped.wait_for(|stop| *stop).await;
            })
            .await
    })
}

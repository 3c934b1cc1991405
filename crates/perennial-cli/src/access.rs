//! Which store a command works on.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use clap::Args;
use jiff::Timestamp;
use perennial_app::deliveries::Deliveries;
use perennial_app::holdings::{Holdings, Registry};
use perennial_app::library::Library;
use perennial_app::mail::Letterhead;
use perennial_app::ports::{Clock, DoorBook, Notifier, Store, SystemClock};
use perennial_aws::clients::Clients;
use perennial_aws::dynamo::DynamoStore;
use perennial_aws::ses::SesMailer;
use perennial_core::contact::EmailAddress;
use perennial_core::ids::{LeadId, Pepper};
use perennial_lambda::config::Settings;
use perennial_local::suite::LocalStore;

/// Where the leads are.
#[derive(Debug, Clone, Args)]
pub(crate) struct StoreArgs {
    /// A store file of this machine. While `perennial up` has it open, the command works through it.
    #[arg(long, value_name = "FILE", default_value = "perennial.db")]
    pub(crate) store: PathBuf,
    /// A DynamoDB table instead, with the AWS credentials of the environment.
    #[arg(long, value_name = "NAME", conflicts_with = "store")]
    pub(crate) table: Option<String>,
}

/// An open store.
pub(crate) struct Access {
    /// The leads.
    pub(crate) store: Arc<dyn Store>,
    /// The leads' table, as the daily look at what is kept sees it.
    pub(crate) registry: Arc<dyn Registry>,
    /// Every place where something of a person is kept.
    pub(crate) holdings: Vec<Arc<dyn Holdings>>,
    /// What is kept of webhooks.
    pub(crate) deliveries: Arc<dyn Deliveries>,
    /// What the door keeps in mind.
    pub(crate) book: Arc<dyn DoorBook>,
    /// The suite's time when the command began: a command takes no note of a time-lapse that goes on.
    pub(crate) now: Timestamp,
    pepper: Option<Pepper>,
    local: Option<LocalStore>,
}

impl Access {
    /// Opens a store that is there: a name that is mistyped is no empty store.
    pub(crate) async fn open(args: &StoreArgs) -> anyhow::Result<Self> {
        if args.table.is_none() && !args.store.exists() {
            bail!("there is no such store: {} (`perennial up`, `import` and `push` make one)", args.store.display());
        }
        Self::open_or_make(args).await
    }

    /// Opens a store, and makes it if it is not there.
    pub(crate) async fn open_or_make(args: &StoreArgs) -> anyhow::Result<Self> {
        if let Some(table) = &args.table {
            let store = DynamoStore::new(Clients::from_env().await.dynamodb(), table);
            let holdings: Vec<Arc<dyn Holdings>> = vec![Arc::new(store.clone())];
            let registry: Arc<dyn Registry> = Arc::new(store.clone());
            let (book, deliveries) = (Arc::new(store.clone()), Arc::new(store.clone()));
            let (store, now) = (Arc::new(store), SystemClock.now());
            return Ok(Self { store, registry, holdings, deliveries, book, now, pepper: None, local: None });
        }
        let local = LocalStore::open(&args.store).await?;
        Ok(Self {
            store: Arc::clone(&local.store),
            registry: Arc::clone(&local.registry),
            holdings: local.holdings.clone(),
            deliveries: Arc::clone(&local.deliveries),
            book: Arc::clone(&local.book),
            now: local.now,
            pepper: Some(local.pepper.clone()),
            local: Some(local),
        })
    }

    /// Whether it is a store file of this machine.
    pub(crate) const fn is_local(&self) -> bool {
        self.local.is_some()
    }

    /// What ids are derived with: the store file's own, or that of the deployment.
    pub(crate) fn pepper(&self) -> anyhow::Result<Pepper> {
        if let Some(pepper) = &self.pepper {
            return Ok(pepper.clone());
        }
        let mut settings = Settings::from_env();
        let pepper = settings.pepper("PERENNIAL_PEPPER");
        settings.finish(|| pepper).context("a table's leads have ids by the deployment's pepper")
    }

    /// What links are signed with, and where they lead: the running suite's, or the deployment's.
    pub(crate) fn letterhead(&self) -> anyhow::Result<Letterhead> {
        if let Some(local) = &self.local {
            let base_url = local.http.clone().context("nobody would answer the link: run `perennial up` first")?;
            return Ok(Letterhead { base_url, keyring: local.keyring.clone(), reply_domain: None });
        }
        let mut settings = Settings::from_env();
        let base_url = settings.base_url("PERENNIAL_BASE_URL");
        let keyring = settings.keyring("PERENNIAL_TOKEN_KEYS");
        let keyring = settings.finish(|| keyring).context("links are the deployment's")?;
        Ok(Letterhead { base_url, keyring: keyring.context("PERENNIAL_TOKEN_KEYS holds no key")?, reply_domain: None })
    }

    /// Who hands over a mail that is no lead's: the deployment's SES, or the running suite's mailbox.
    pub(crate) async fn notifier(&self) -> anyhow::Result<Arc<dyn Notifier>> {
        if let Some(local) = &self.local {
            let mail = local.mail.as_deref().context("nobody would take the mail: run `perennial up` first")?;
            return Ok(Arc::new(SesMailer::new(Clients::loopback(mail).ses(), None)));
        }
        let configuration_set = Settings::from_env().optional("PERENNIAL_CONFIGURATION_SET");
        Ok(Arc::new(SesMailer::new(Clients::from_env().await.ses(), configuration_set)))
    }

    /// Where the pages and doors of this machine's suite are, if it runs.
    pub(crate) fn http(&self) -> Option<&str> {
        self.local.as_ref().and_then(|local| local.http.as_deref())
    }

    /// The lead of an id, or of an address.
    pub(crate) fn lead_of(&self, text: &str) -> anyhow::Result<LeadId> {
        if let Ok(lead) = LeadId::parse(text) {
            return Ok(lead);
        }
        let address = EmailAddress::parse(text).context("that is neither an id nor an e-mail address")?;
        Ok(LeadId::of_email(&self.pepper()?, &address))
    }

    /// A clock that stands at [`Access::now`].
    pub(crate) fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(Standing(self.now))
    }

    /// The programs in force.
    pub(crate) fn library(&self) -> Arc<Library> {
        Arc::new(Library::released(Arc::clone(&self.store), Arc::new(SystemClock)))
    }

    /// Lets go of the store.
    pub(crate) async fn close(self) -> anyhow::Result<()> {
        drop((self.store, self.holdings, self.registry, self.deliveries, self.book));
        match self.local {
            Some(local) => Ok(local.close().await?),
            None => Ok(()),
        }
    }
}

struct Standing(Timestamp);

impl Clock for Standing {
    fn now(&self) -> Timestamp {
        self.0
    }
}

//! What every store must do, done by this one.

use crate::embedded::store;

perennial_app::store_contract!(store);
mod tmpmem {
    async fn mem() -> perennial_app::memory::MemoryStore {
        perennial_app::memory::MemoryStore::default()
    }
    perennial_app::store_contract!(mem);
    async fn counted() -> perennial_app::memory::Counting<perennial_app::memory::MemoryStore> {
        perennial_app::memory::Counting::new(perennial_app::memory::MemoryStore::default())
    }
    mod c {
        use super::counted;
        perennial_app::store_contract!(counted);
    }
}

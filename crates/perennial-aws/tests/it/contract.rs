//! What every store must do, done by this one.

use crate::embedded::store;

perennial_app::store_contract!(store);
perennial_app::deliveries_contract!(store);
perennial_app::news_contract!(store);

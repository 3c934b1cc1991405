//! F12: what was committed is published at least once, whatever happens in between.

use perennial_app::ports::Store;
use perennial_aws::dynamo::outbox::Outbox;
use perennial_aws::dynamo::{DynamoStore, read_history_image};
use perennial_core::ids::LeadId;

use crate::embedded::{TABLE, client, start};
use crate::samples::{commit, id, next_commit};

#[tokio::test]
async fn each_history_row_waits_in_the_outbox_until_it_is_deleted() {
    let client = client(&start().await);
    let store = DynamoStore::new(client.clone(), TABLE).with_outbox();
    let outbox = Outbox::new(client, TABLE);
    assert_eq!(outbox.read().await.unwrap(), []);
    let rev = store.commit(&commit()).await.unwrap();
    store.commit(&next_commit(rev)).await.unwrap();

    let entries = outbox.read().await.unwrap();
    let images = entries.iter().map(|entry| read_history_image(entry.image.clone()).unwrap().unwrap());
    assert_eq!(images.collect::<Vec<_>>(), [(id(), commit().history), (id(), next_commit(rev).history)]);
    let keys = serde_json::to_value(&entries[0].keys).unwrap();
    assert_eq!(keys["SK"]["S"], "H#0000000012");

    // Nobody deleted them: they come again.
    assert_eq!(outbox.read().await.unwrap(), entries);
    outbox.delete(&entries[..1]).await.unwrap();
    assert_eq!(outbox.read().await.unwrap(), entries[1..]);
    outbox.delete(&entries[1..]).await.unwrap();
    assert_eq!(outbox.read().await.unwrap(), []);
}

#[tokio::test]
async fn more_than_a_page_is_read_page_by_page() {
    let client = client(&start().await);
    let store = DynamoStore::new(client.clone(), TABLE).with_outbox();
    for letters in 0..30_u8 {
        let mut first = commit();
        let letter = |number: u8| char::from(b'a' + number);
        first.lead.id =
            LeadId::parse(&format!("{}{}", letter(letters / 26), letter(letters % 26).to_string().repeat(25))).unwrap();
        first.idempotency = None;
        store.commit(&first).await.unwrap();
    }
    let outbox = Outbox::new(client, TABLE);
    let mut pages = Vec::new();
    loop {
        let entries = outbox.read().await.unwrap();
        if entries.is_empty() {
            break;
        }
        outbox.delete(&entries).await.unwrap();
        pages.push(entries.len());
    }
    assert_eq!(pages, [25, 5]);
}

#[tokio::test]
async fn a_table_with_a_stream_has_no_outbox() {
    let client = client(&start().await);
    DynamoStore::new(client.clone(), TABLE).commit(&commit()).await.unwrap();
    assert_eq!(Outbox::new(client, TABLE).read().await.unwrap(), []);
}

#[tokio::test]
async fn only_history_rows_are_read_from_a_stream() {
    let state = serde_json::json!({ "PK": { "S": format!("LEAD#{}", id()) }, "SK": { "S": "STATE" } });
    assert_eq!(read_history_image(serde_json::from_value(state).unwrap()).unwrap(), None);
}

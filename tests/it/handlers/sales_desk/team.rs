//! What a manager sees of their team.

use perennial_core::lead::LifecycleStage;

use super::pages::{press, robins};
use super::*;

fn list(world: &World, name: &str) -> String {
    format!("/v1/desk/{}", list_token(world, Seat::Rep(rep(name))))
}

async fn asked(world: &World, path: &str, query: &str) -> Answer {
    let mut event = get(path);
    event["rawQueryString"] = json!(query);
    call(world, event).await
}

#[tokio::test]
async fn a_manager_sees_how_much_waits_for_each_of_their_team_and_opens_it() {
    let (world, ada) = with_ada().await;
    let lees = list(&world, "lee");
    let page = call(&world, get(&lees)).await;
    assert!(page.body.contains("Nothing waits for you.") && page.body.contains(">Your team</h2>"), "{}", page.body);
    for (query, row) in [
        ("rep=robin", "<strong>Robin Vale</strong><span>1 waiting</span>"),
        ("rep=kim", "<strong>Kim Ost</strong><span>nothing waits</span>"),
        ("queue=sdr", "<strong>queue sdr (Robin Vale)</strong><span>nothing waits</span>"),
    ] {
        assert!(page.body.contains(&format!("<a href=\"{lees}?{query}\">{row}</a>")), "{row}: {}", page.body);
    }
    for other in ["Sam Nord", "Gil Gone", "<strong>Lee West"] {
        assert!(!page.body.contains(other), "{other}: {}", page.body);
    }

    let robins = asked(&world, &lees, "rep=robin").await;
    assert_eq!((robins.status, robins.title()), (200, "Leads of Robin Vale"));
    assert!(robins.body.contains("Ada Marsh") && !robins.body.contains("Your team"), "{}", robins.body);
    assert!(robins.body.contains(&format!("<a href=\"{lees}\">← All my leads</a>")), "{}", robins.body);
    assert!(robins.body.contains(&format!("href=\"{lees}/{ada}\"")), "{}", robins.body);
    let kims = asked(&world, &lees, "rep=kim").await;
    assert!(kims.status == 200 && kims.body.contains("Nothing waits there."), "{}", kims.body);
    // As the manager, whose own name stands in history.
    assert_eq!(press(&world, &format!("{lees}/{ada}"), "outcome=accepted").await.status, 200);
    assert_eq!(last_told(&world, &ada).await.0, Party::Rep { rep: rep("lee") });
    assert_eq!(stored(&world, &ada).await.lead.stage, LifecycleStage::Sal);
}

#[tokio::test]
async fn h42_a_list_opens_the_desks_of_ones_own_team_and_no_others() {
    let (world, _) = with_ada().await;
    for (name, query, status) in [
        ("lee", "rep=sam", 404),
        ("lee", "rep=nope", 404),
        ("lee", "queue=nope", 404),
        ("lee", "rep=Robin", 400),
        ("lee", "rep=robin&queue=sdr", 400),
        ("sam", "rep=robin", 404),
        ("sam", "queue=sdr", 404),
        ("kim", "rep=robin", 200),
        ("robin", "rep=lee", 404),
        ("gone", "rep=robin", 404),
    ] {
        let page = asked(&world, &list(&world, name), query).await;
        assert_eq!(page.status, status, "{name} {query}");
        assert!(status == 200 || !page.body.contains("Ada"), "{name} {query}");
    }
    let queues = format!("/v1/desk/{}", list_token(&world, Seat::Queue(queue("sdr"))));
    assert_eq!(asked(&world, &queues, "rep=robin").await.status, 404);
    for name in ["robin", "sam"] {
        let page = call(&world, get(&list(&world, name))).await;
        assert!(!page.body.contains("Your team"), "{name} manages nobody: {}", page.body);
    }
    // Where another's list goes on is no place in one's own.
    let cursor = crate::scenarios::world::keyring().sign(perennial_core::token::Purpose::Cursor, "rep/robin/x");
    let own = asked(&world, &list(&world, "lee"), &format!("after={cursor}")).await;
    assert_eq!(own.status, 400);
}

#[tokio::test]
async fn a_queue_is_called_by_its_name_beside_whoever_its_mail_is_from() {
    let (world, ada) = with_ada().await;
    let path = robins(&world, &ada);
    let page = call(&world, get(&path)).await;
    assert!(page.body.contains("<option value=\"queue/sdr\">Queue sdr (Robin Vale)</option>"), "{}", page.body);
    let given = press(&world, &path, "act=hand_over&to=queue/sdr").await;
    assert_eq!(given.said(), "The lead is with queue sdr (Robin Vale) now.");
    assert!(given.body.contains("Went to queue sdr (Robin Vale).") && given.body.contains("with queue sdr ("));
}

//! Claiming: which run, which order, how often.

use std::collections::HashSet;

use e2e::{Stack, Tenant, id_of};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use uuid::Uuid;

/// What a claim that finds nothing is answered.
fn nothing() -> Value {
    json!({ "claimed": false })
}

/// Claims until nothing is left, and tells the runs in that order.
async fn claim_all(stack: &Stack, tenant: &Tenant, more: &Value) -> Vec<Uuid> {
    let mut order = Vec::new();
    loop {
        let answer = stack.claim(tenant, more.clone()).await;
        if answer.expect(200)["claimed"] != true {
            assert_eq!(answer.body, nothing());
            return order;
        }
        order.push(id_of(&answer.body["run"]));
    }
}

#[tokio::test]
async fn the_highest_priority_is_claimed_first() {
    let stack = Stack::connect().await;
    let tenant = stack.tenant().await;
    let mut runs = Vec::new();
    for priority in [5, 0, 9, 1] {
        runs.push(stack.created(&tenant, json!({ "priority": priority })).await);
        // The less urgent ones have waited longer: priority comes before age.
        stack.due_in(runs[runs.len() - 1], -100.0 + f64::from(priority)).await;
    }
    assert_eq!(claim_all(&stack, &tenant, &json!({})).await, [runs[2], runs[0], runs[3], runs[1]]);
}

#[tokio::test]
async fn of_one_priority_the_run_that_has_been_due_longest_comes_first() {
    let stack = Stack::connect().await;
    let tenant = stack.tenant().await;
    let mut runs = Vec::new();
    for due in [-10.0, -30.0, -20.0] {
        runs.push(stack.created(&tenant, json!({})).await);
        stack.due_in(runs[runs.len() - 1], due).await;
    }
    assert_eq!(claim_all(&stack, &tenant, &json!({})).await, [runs[1], runs[2], runs[0]]);
}

#[tokio::test]
async fn runs_that_are_equally_due_come_in_the_order_of_their_ids() {
    let stack = Stack::connect().await;
    let tenant = stack.tenant().await;
    // One statement: one time for all.
    stack.queued_runs(&tenant, 5).await;
    let order = claim_all(&stack, &tenant, &json!({})).await;
    assert_eq!(order.len(), 5);
    assert!(order.is_sorted(), "{order:?}");
}

#[tokio::test]
async fn a_claim_takes_only_runs_of_the_queues_it_names() {
    let stack = Stack::connect().await;
    let tenant = stack.tenant().await;
    let large = stack.created(&tenant, json!({ "queue": "large" })).await;
    let other = stack.created(&tenant, json!({ "queue": "other", "priority": 9 })).await;
    let small = stack.created(&tenant, json!({ "queue": "small", "priority": 8 })).await;
    let unnamed = stack.created(&tenant, json!({})).await;
    assert_eq!(claim_all(&stack, &tenant, &json!({ "queues": ["nobody's"] })).await, Vec::<Uuid>::new());
    assert_eq!(claim_all(&stack, &tenant, &json!({ "queues": ["large", "small"] })).await, [small, large]);
    assert_eq!(claim_all(&stack, &tenant, &json!({ "queues": ["default"] })).await, [unnamed]);
    assert_eq!(claim_all(&stack, &tenant, &json!({})).await, [other]);
}

#[tokio::test]
async fn a_delayed_run_is_claimed_once_it_is_due() {
    let stack = Stack::connect().await;
    let tenant = stack.tenant().await;
    let id = stack.created(&tenant, json!({ "run_after": "2099-01-01T00:00:00Z", "priority": 9 })).await;
    assert_eq!(stack.claim(&tenant, json!({})).await.expect(200), &nothing());
    stack.due_in(id, -1.0).await;
    assert_eq!(claim_all(&stack, &tenant, &json!({})).await, [id]);
}

#[tokio::test]
async fn a_push_run_that_is_due_may_be_claimed_by_anyone() {
    let stack = Stack::connect().await;
    let tenant = stack.tenant().await;
    stack.queued_runs(&tenant, 1).await;
    sqlx::query("update pipeline_runs set dispatch = 'push' where tenant_id = $1")
        .bind(tenant.id)
        .execute(&stack.db)
        .await
        .expect("an update");
    assert_eq!(claim_all(&stack, &tenant, &json!({})).await.len(), 1);
}

#[tokio::test]
async fn the_same_claim_id_returns_the_same_claim() {
    let stack = Stack::connect().await;
    let tenant = stack.tenant().await;
    stack.queued_runs(&tenant, 2).await;
    let claim_id = json!({ "claim_id": Uuid::new_v4() });
    let first = stack.claimed(&tenant, claim_id.clone()).await;
    let again = stack.claimed(&tenant, claim_id).await;
    assert_eq!(again["run"]["id"], first["run"]["id"]);
    assert_eq!(again["run"]["lease_token"], first["run"]["lease_token"]);
    assert_eq!(again["pipeline_version"], first["pipeline_version"]);
    assert_eq!(stack.row(id_of(&first["run"])).await["claim_count"], 1);
    assert_eq!(
        claim_all(&stack, &tenant, &json!({})).await.len(),
        1,
        "the other run is still there to be claimed"
    );
}

#[tokio::test]
async fn one_claim_id_asked_for_many_times_at_once_claims_one_run() {
    let stack = Stack::connect().await;
    let tenant = stack.tenant().await;
    stack.queued_runs(&tenant, 16).await;
    let claim_id = json!({ "claim_id": Uuid::new_v4() });
    let mut askers = JoinSet::new();
    for _ in 0..16 {
        let (stack, tenant, claim_id) = (stack.clone(), tenant.clone(), claim_id.clone());
        askers.spawn(async move { stack.claimed(&tenant, claim_id).await["run"].clone() });
    }
    let runs = askers.join_all().await;
    let tokens: HashSet<_> = runs.iter().map(|run| (id_of(run), run["lease_token"].to_string())).collect();
    assert_eq!(tokens.len(), 1, "{tokens:?}");
    assert_eq!(claim_all(&stack, &tenant, &json!({})).await.len(), 15);
}

#[tokio::test]
async fn a_claim_id_belongs_to_the_worker_that_used_it() {
    let stack = Stack::connect().await;
    let tenant = stack.tenant().await;
    stack.queued_runs(&tenant, 2).await;
    let claim_id = Uuid::new_v4();
    stack.claimed(&tenant, json!({ "claim_id": claim_id, "worker_id": "w1" })).await;
    let answer = stack.claim(&tenant, json!({ "claim_id": claim_id, "worker_id": "w2" })).await;
    answer.expect_problem(409, "already_exists");
    assert_eq!(claim_all(&stack, &tenant, &json!({})).await.len(), 1, "the refused claim took nothing");
}

#[tokio::test]
async fn a_claim_id_does_not_reach_into_another_tenant() {
    let stack = Stack::connect().await;
    let (one, other) = (stack.tenant().await, stack.tenant().await);
    stack.queued_runs(&one, 1).await;
    let claim_id = json!({ "claim_id": Uuid::new_v4() });
    let first = stack.claimed(&one, claim_id.clone()).await;
    // As if nobody had used it, whether anything waits there or not: it tells nothing, and keeps nobody from working.
    let none = stack.claim(&other, claim_id.clone()).await;
    assert_eq!(none.expect(200)["claimed"], false, "{none}");
    stack.queued_runs(&other, 1).await;
    let theirs = stack.claimed(&other, claim_id.clone()).await;
    assert_eq!(theirs["run"]["tenant_id"], other.id.to_string());
    assert_ne!(theirs["run"]["lease_token"], first["run"]["lease_token"]);
    for (tenant, claim) in [(&one, &first), (&other, &theirs)] {
        let again = stack.claimed(tenant, claim_id.clone()).await;
        assert_eq!(again["run"]["lease_token"], claim["run"]["lease_token"]);
    }
}

#[tokio::test]
async fn a_claim_without_a_tenant_can_be_repeated_too() {
    let stack = Stack::connect().await;
    let tenant = stack.tenant().await;
    let queue = Uuid::new_v4().to_string();
    for _ in 0..2 {
        stack.created(&tenant, json!({ "queue": queue })).await;
    }
    let claim = json!({ "worker_id": "e2e", "queues": [queue], "claim_id": Uuid::new_v4() });
    let first = stack.post("/api/runs/claim", &claim).await;
    let again = stack.post("/api/runs/claim", &claim).await;
    assert_eq!(first.expect(200)["claimed"], true, "{first}");
    assert_eq!(again.expect(200)["run"]["lease_token"], first.body["run"]["lease_token"], "{again}");
}

#[tokio::test]
async fn a_claim_id_does_not_return_a_run_that_has_ended() {
    let stack = Stack::connect().await;
    let tenant = stack.tenant().await;
    stack.queued_runs(&tenant, 1).await;
    let claim_id = json!({ "claim_id": Uuid::new_v4() });
    let first = stack.claimed(&tenant, claim_id.clone()).await;
    let done = json!({ "status": "SUCCEEDED", "lease_token": first["run"]["lease_token"] });
    stack.complete(id_of(&first["run"]), done).await.expect(200);
    assert_eq!(stack.claim(&tenant, claim_id).await.expect(200), &nothing());
}

#[tokio::test]
async fn a_claim_id_does_not_return_a_lease_that_has_expired() {
    let stack = Stack::connect().await;
    let tenant = stack.tenant().await;
    stack.queued_runs(&tenant, 2).await;
    let claim_id = json!({ "claim_id": Uuid::new_v4() });
    let first = stack.claimed(&tenant, claim_id.clone()).await;
    stack.expire_lease(id_of(&first["run"])).await;
    let again = stack.claim(&tenant, claim_id).await;
    assert!(again.status == 200 || again.problem(409, &["already_exists"]).is_ok(), "{again}");
    assert_ne!(again.body["run"]["lease_token"], first["run"]["lease_token"], "a dead lease was handed out");
}

#[tokio::test]
async fn many_claimers_at_once_get_each_run_once_and_leave_none() {
    let stack = Stack::connect().await;
    let tenant = stack.tenant().await;
    stack.queued_runs(&tenant, 200).await;
    let mut claimers = JoinSet::new();
    for worker in 0..32 {
        let (stack, tenant) = (stack.clone(), tenant.clone());
        claimers.spawn(async move {
            claim_all(&stack, &tenant, &json!({ "worker_id": format!("w{worker}") })).await
        });
    }
    let claimed: Vec<Uuid> = claimers.join_all().await.into_iter().flatten().collect();
    let distinct: HashSet<_> = claimed.iter().collect();
    assert_eq!((claimed.len(), distinct.len()), (200, 200), "claims and distinct runs");
    let once: i64 = sqlx::query_scalar(
        "select count(*) from pipeline_runs where tenant_id = $1 and status = 'RUNNING' and claim_count = 1",
    )
    .bind(tenant.id)
    .fetch_one(&stack.db)
    .await
    .expect("a count");
    assert_eq!(once, 200);
}

#[tokio::test]
async fn a_claim_without_a_tenant_gets_any_tenants_run() {
    let stack = Stack::connect().await;
    // A queue of this test's own keeps it from taking the runs of tests beside it.
    let queue = Uuid::new_v4().to_string();
    let claim = json!({ "worker_id": "e2e", "queues": [queue] });
    assert_eq!(stack.post("/api/runs/claim", &claim).await.expect(200), &nothing());
    let mut waiting = HashSet::new();
    for _ in 0..3 {
        let tenant = stack.tenant().await;
        for _ in 0..2 {
            waiting.insert(stack.created(&tenant, json!({ "queue": queue })).await);
        }
    }
    for _ in 0..6 {
        let answer = stack.post("/api/runs/claim", &claim).await;
        assert_eq!(answer.expect(200)["claimed"], true, "{} runs still wait\n{answer}", waiting.len());
        assert!(waiting.remove(&id_of(&answer.body["run"])), "{answer}");
    }
    assert_eq!(stack.post("/api/runs/claim", &claim).await.expect(200), &nothing());
}

#[tokio::test]
async fn a_claim_never_gets_another_tenants_run() {
    let stack = Stack::connect().await;
    let (owner, stranger) = (stack.tenant().await, stack.tenant().await);
    let id = stack.created(&owner, json!({})).await;
    assert_eq!(stack.claim(&stranger, json!({})).await.expect(200), &nothing());
    let nobody = Tenant { id: Uuid::now_v7(), ..stranger };
    assert_eq!(stack.claim(&nobody, json!({})).await.expect(200), &nothing());
    assert_eq!(claim_all(&stack, &owner, &json!({})).await, [id]);
}

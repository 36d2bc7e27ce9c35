//! `runplane`, the command line, from a file to runs that have ended.

use e2e::{Cli, id_of, made_by};
use serde_json::{Value, json};
use uuid::Uuid;

/// A tenant with a pipeline `daily`, made by the program; the program for that tenant.
async fn tenant() -> (Cli, Uuid) {
    let cli = Cli::new();
    let name = format!("e2e-{}", Uuid::now_v7());
    let tenant = id_of(&cli.run(&format!("tenants create --name {name} --json")).await.ends_with(0).json());
    let cli = cli.of(tenant);
    cli.run("pipelines create --name daily").await.ends_with(0);
    (cli, tenant)
}

/// Creates the version 1.0.0 of `daily` and approves it.
async fn approved(cli: &Cli, dag_spec: &Value) -> Uuid {
    let line = "versions create --pipeline daily --version 1.0.0 - --approve --by ada --json";
    let version = cli.run_with_input(line, &dag_spec.to_string()).await.ends_with(0).json();
    assert_eq!((&version["status"], &version["approved_by"]), (&json!("APPROVED"), &made_by(Some("ada"))));
    assert_eq!(&version["dag_spec"], dag_spec);
    id_of(&version)
}

#[tokio::test]
async fn a_file_becomes_a_run_that_succeeds() {
    let (cli, tenant) = tenant().await;
    let spec = json!({ "steps": ["extract", "load"] });
    cli.run_with_input("validate -", &spec.to_string()).await.ends_with(0);
    let version = approved(&cli, &spec).await;

    let created = cli.run("runs create --pipeline daily --version 1.0.0 --label team=a --json").await;
    let run = created.ends_with(0).json();
    assert_eq!(run["pipeline_version_id"], json!(version));
    let id = id_of(&run);
    let changes = cli.run(&format!("runs watch {id} --timeout 60s --json")).await.ends_with(0).json_lines();
    assert_eq!(changes.last().expect("an end")["run"]["status"], "SUCCEEDED");

    let found =
        cli.run("runs list --pipeline daily --status succeeded --label team=a --json").await.ends_with(0);
    assert_eq!(id_of(&found.json()["items"][0]), id);
    let shown = cli.run(&format!("runs show {id}")).await.ends_with(0);
    assert!(shown.out.contains("SUCCEEDED") && shown.out.contains(&tenant.to_string()), "{shown}");
}

#[tokio::test]
async fn a_run_is_cancelled_and_retried_and_the_exit_codes_say_so() {
    let (cli, _) = tenant().await;
    let version = approved(&cli, &json!({})).await;
    let create =
        format!("runs create --version {version} --dispatch pull --param n=1 --idempotency-key k --json");
    let first = cli.run(&create).await.ends_with(0).json();
    assert_eq!(cli.run(&create).await.ends_with(0).json()["id"], first["id"], "one key makes one run");
    let id = id_of(&first);
    cli.run(&format!("runs watch {id} --timeout 1s")).await.ends_with(5);
    cli.run(&format!("runs retry {id}")).await.ends_with(1);
    cli.run(&format!("runs cancel {id} --reason enough")).await.ends_with(0);
    let watched = cli.run(&format!("runs watch {id}")).await.ends_with(1);
    assert!(watched.out.contains("CANCELLED  cancelled, enough"), "{watched}");

    let retry = cli.run(&format!("runs retry {id} --param n=2 --json")).await.ends_with(0).json();
    assert_eq!((&retry["retry_of_run_id"], &retry["parameters"]), (&json!(id), &json!({ "n": 2 })));
    let again = id_of(&retry);
    cli.run(&format!("runs retry {again}")).await.ends_with(1);
    cli.run(&format!("runs cancel {again}")).await.ends_with(0);

    let all = cli.run("runs list --all --limit 1 --json").await.ends_with(0).json_lines();
    assert_eq!(all.iter().map(id_of).collect::<Vec<_>>(), [again, id], "newest first, each once");
    cli.run(&format!("runs show {}", Uuid::now_v7())).await.ends_with(1);
}

#[tokio::test]
async fn a_spec_with_faults_stays_a_draft_and_shows_them_in_its_file() {
    let (cli, _) = tenant().await;
    let text = "{\n  \"steps\": [\n    {\"id\": \"a\", \"type\": \"wait\", \"with\": {\"seconds\": 1}, \"depends_on\": [\"nobody\"]}\n  ]\n}";
    let line = "versions create --pipeline daily --version 1.0.0 - --approve";
    let refused = cli.run_with_input(line, text).await.ends_with(3);
    assert!(refused.err.contains("<stdin>:3:") && refused.err.contains("/steps/0/depends_on"), "{refused}");
    let drafts = cli.run("versions list --pipeline daily --status draft --json").await.ends_with(0).json();
    assert_eq!((&drafts["count"], &drafts["items"][0]["revision"]), (&json!(1), &json!(1)));
    let id = id_of(&drafts["items"][0]);
    cli.run(&format!("runs create --version {id}")).await.ends_with(1);

    let twice = cli.run_with_input(&format!("versions edit {id} -"), "{\"steps\": [], \"steps\": []}").await;
    assert!(twice.clone().ends_with(3).err.starts_with("<stdin>:1:15: /steps: "), "{twice}");
    let edited =
        cli.run_with_input(&format!("versions edit {id} - --revision 1 --json"), "{}").await.ends_with(0);
    assert_eq!(edited.json()["revision"], 2);
    cli.run(&format!("versions approve {id} --revision 1")).await.ends_with(1);
    cli.run(&format!("versions approve {id} --revision 2 --comment better")).await.ends_with(0);
    cli.run(&format!("versions deprecate {id}")).await.ends_with(0);
    let copy = cli.run(&format!("versions copy {id} --version 1.1.0 --json")).await.ends_with(0).json();
    assert_eq!((&copy["status"], &copy["version"]), (&json!("DRAFT"), &json!("1.1.0")));
}

#[tokio::test]
async fn tenants_pipelines_and_connections_are_changed_and_shown() {
    let (cli, tenant) = tenant().await;
    let limited = cli.run(&format!("tenants set {tenant} --max-running 3 --paused true --json")).await;
    let limited = limited.ends_with(0).json();
    assert_eq!((&limited["max_running"], &limited["paused"]), (&json!(3), &json!(true)));
    let resumed = cli.run(&format!("tenants resume {tenant} --json")).await.ends_with(0).json();
    assert_eq!((&resumed["max_running"], &resumed["paused"]), (&json!(3), &json!(false)));
    let open = cli.run(&format!("tenants set {tenant} --max-running none --json")).await.ends_with(0).json();
    assert_eq!(open["max_running"], Value::Null);

    cli.run("pipelines create --name daily").await.ends_with(1);
    let set = cli.run("pipelines set daily --queue slow --max-running 2 --json").await.ends_with(0).json();
    assert_eq!((&set["queue"], &set["max_running"]), (&json!("slow"), &json!(2)));
    let cleared = cli.run("pipelines set daily --no-queue --json").await.ends_with(0).json();
    assert_eq!((&cleared["queue"], &cleared["max_running"]), (&Value::Null, &json!(2)));
    assert_eq!(cli.run("pipelines pause daily --json").await.ends_with(0).json()["paused"], true);
    let stranger = cli.of(Uuid::now_v7());
    stranger.run("pipelines show daily").await.ends_with(1);

    let create = "connections create --name shop --kind http --config {\"base_url\":\"https://shop.example.com\"} --json";
    let connection = id_of(&cli.run(create).await.ends_with(0).json());
    assert!(cli.run("connections list").await.ends_with(0).out.contains("shop"));
    stranger.run(&format!("connections show {connection}")).await.ends_with(1);
    cli.run(&format!("connections delete {connection}")).await.ends_with(0);
    cli.run(&format!("connections show {connection}")).await.ends_with(1);
}

//! The API key: every command sends it to the API, and nobody else gets to see it.

use serde_json::{Value, json};

use crate::support::{Api, Program, RUN, TENANT, VERSION, page, problem, run, text, told};

const KEY: &str = "rp_0199e0c000007000800000000000000a_AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE";

fn nothing() -> Value {
    page(json!([]), Value::Null)
}

/// The program on this API, with the key in the variable.
fn keyed(api: &Api, args: &[&str]) -> Program {
    Program::new(args)
        .env("RUNPLANE_URL", &api.url)
        .env("RUNPLANE_TENANT", TENANT)
        .env("RUNPLANE_API_KEY", KEY)
}

#[test]
fn every_command_sends_the_key() {
    let commands: [(&[&str], Value); 9] = [
        (&["tenants", "list"], nothing()),
        (&["pipelines", "list"], nothing()),
        (&["versions", "deprecate", VERSION], json!({})),
        (&["connections", "list"], nothing()),
        (&["runs", "cancel", RUN], run("CANCELLED")),
        (&["workers", "list"], nothing()),
        (&["keys", "list"], nothing()),
        (&["audit", "list"], nothing()),
        (&["worker", "--once"], json!({ "claims": [], "more": false })),
    ];
    for (args, answer) in commands {
        let api = Api::plays([told(200, answer)]);
        let ran = keyed(&api, args).env("CP_BASE", &api.url).run().ends_with(0);
        assert_eq!(api.asked()[0].header("authorization"), format!("Bearer {KEY}"), "{args:?}");
        assert!(!format!("{}{}", ran.out, ran.err).contains(KEY), "{args:?}");
    }
}

#[test]
fn a_file_of_the_key_comes_before_the_variable_and_its_line_may_end() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("key"), format!("{KEY}\n")).unwrap();
    let api = Api::plays([told(200, nothing()), told(200, nothing()), told(200, nothing())]);
    let program = |args: &[&str]| {
        Program::new(args)
            .env("RUNPLANE_URL", &api.url)
            .env("RUNPLANE_API_KEY", "another")
            .within(folder.path())
    };
    program(&["tenants", "list", "--api-key-file", "key"]).run().ends_with(0);
    program(&["tenants", "list"]).env("RUNPLANE_API_KEY_FILE", "key").run().ends_with(0);
    // Set to nothing, it is not set.
    program(&["tenants", "list"]).env("RUNPLANE_API_KEY_FILE", "").run().ends_with(0);
    let sent: Vec<_> = api.asked().iter().map(|asked| asked.header("authorization").to_owned()).collect();
    assert_eq!(sent, [format!("Bearer {KEY}"), format!("Bearer {KEY}"), "Bearer another".to_owned()]);
}

#[test]
fn without_a_key_none_is_sent() {
    let api = Api::plays([told(200, nothing())]);
    let program = Program::new(&["tenants", "list"]).env("RUNPLANE_URL", &api.url);
    program.env("RUNPLANE_API_KEY", "").run().ends_with(0);
    assert_eq!(api.asked()[0].header("authorization"), "");
}

#[test]
fn what_cannot_be_a_key_is_refused_and_not_repeated() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("empty"), "\n").unwrap();
    std::fs::write(folder.path().join("two"), "rp_secret\nrp_secret\n").unwrap();
    let api = Api::plays([]);
    let program = || Program::new(&["tenants", "list"]).env("RUNPLANE_URL", &api.url).within(folder.path());
    for (name, value) in [
        ("RUNPLANE_API_KEY", "rp_secret rp_secret"),
        ("RUNPLANE_API_KEY", "rp_secret\u{e4}"),
        ("RUNPLANE_API_KEY_FILE", "empty"),
        ("RUNPLANE_API_KEY_FILE", "two"),
        ("RUNPLANE_API_KEY_FILE", "none"),
    ] {
        let ran = program().env(name, value).run().ends_with(2);
        assert!(ran.err.contains("API key") && !ran.err.contains("rp_secret"), "{value}: {}", ran.err);
    }
}

#[test]
fn the_key_does_not_go_to_another_machine_in_the_clear_unless_that_is_allowed() {
    let api = Api::plays([told(200, nothing())]);
    // Not an address of this machine by its name, and the same server behind it.
    let elsewhere = api.url.replace("127.0.0.1", "0.0.0.0");
    let program = || {
        let program = Program::new(&["tenants", "list", "--url", &elsewhere]);
        program.env("RUNPLANE_API_KEY", KEY).env("NO_PROXY", "*")
    };
    let ran = program().run().ends_with(2);
    assert!(ran.err.contains("--allow-plain-http") && !ran.err.contains(KEY), "{}", ran.err);
    assert_eq!(api.asked().len(), 0);
    for no in ["", "false", "no"] {
        program().env("RUNPLANE_ALLOW_PLAIN_HTTP", no).run().ends_with(2);
    }
    program().env("RUNPLANE_ALLOW_PLAIN_HTTP", "true").run().ends_with(0);
    assert_eq!(api.asked()[0].header("authorization"), format!("Bearer {KEY}"));
}

#[test]
fn whoever_an_answer_leads_to_does_not_get_the_key() {
    let other = Api::plays([]);
    for status in [301, 302, 303, 307, 308] {
        let location = format!("{}/api/tenants", other.url);
        let api = Api::plays([text(status, "").header("location", &location)]);
        let ran = keyed(&api, &["tenants", "list"]).run().ends_with(4);
        assert!(ran.err.contains("The answer leads elsewhere"), "{}", ran.err);
    }
    assert_eq!(other.asked().len(), 0);
}

#[test]
fn who_is_not_let_in_learns_how_to_get_in() {
    let unknown = || problem(401, "unauthenticated", "Send a valid credential");
    let api = Api::plays([unknown(), unknown()]);
    let ran = api.run(&["tenants", "list"]).ends_with(1);
    assert_eq!(
        ran.err,
        "error: Send a valid credential\n  Give an API key: RUNPLANE_API_KEY, or a file with --api-key-file\n  401 unauthenticated, \
         request_id r-1\n"
    );
    let ran = keyed(&api, &["tenants", "list"]).run().ends_with(1);
    assert!(ran.err.contains("RUNPLANE_API_KEY") && ran.err.contains("still valid?"), "{}", ran.err);
    assert!(!ran.err.contains(KEY), "{}", ran.err);
}

#[test]
fn who_may_not_do_it_learns_who_may() {
    let detail = "This needs one of the roles admin, operator";
    let api = Api::plays([problem(403, "forbidden", detail), problem(403, "forbidden", detail)]);
    let said = format!("error: {detail}\n  403 forbidden, request_id r-1\n");
    assert_eq!(keyed(&api, &["keys", "list"]).run().ends_with(1).err, said);
    assert_eq!(api.run(&["keys", "list"]).ends_with(1).err, said);
}

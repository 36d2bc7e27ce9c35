//! Faults of shape within a step.

use insta::assert_snapshot;
use serde_json::json;

use crate::support::faults_of_steps;

#[test]
fn what_is_not_a_step() {
    assert_snapshot!(faults_of_steps(json!([[1, null, ["a"], {}], ["Extract", "1a", "", "a-b", "x".repeat(64)]])), @r#"
    [1,null,["a"],{}]
        /steps/0  must be an object with "id" and "type", or an id alone (a step that does nothing), is a number
        /steps/1  must be an object with "id" and "type", or an id alone (a step that does nothing), is null
        /steps/2  must be an object with "id" and "type", or an id alone (a step that does nothing), is a list
        /steps/3/id  is required in a step
        /steps/3/type  is required in a step

    ["Extract","1a","","a-b","xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"]
        /steps/0  must be an id: a small letter, then at most 62 small letters, digits or _; is "Extract"
        /steps/1  must be an id: a small letter, then at most 62 small letters, digits or _; is "1a"
        /steps/2  must be an id: a small letter, then at most 62 small letters, digits or _; is ""
        /steps/3  must be an id: a small letter, then at most 62 small letters, digits or _; is "a-b"
        /steps/4  must be an id: a small letter, then at most 62 small letters, digits or _; is "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…"
    "#);
}

#[test]
fn ids_and_types() {
    assert_snapshot!(faults_of_steps(json!([
        [{"id": 1, "type": "htp", "with": {}}],
        [{"id": "a b", "type": ["wait"], "with": []}],
        [{"name": "a", "type": "WAIT"}],
    ])), @r#"
    [{"id":1,"type":"htp","with":{}}]
        /steps/0/id  must be the id of a step, a string, is a number
        /steps/0/type  must be one of "http", "sql", "lambda", "sqs", "transform", "wait", "artifact", "fail", is "htp" (did you mean "http"?)

    [{"id":"a b","type":["wait"],"with":[]}]
        /steps/0/id  must be an id: a small letter, then at most 62 small letters, digits or _; is "a b"
        /steps/0/type  must be one of "http", "sql", "lambda", "sqs", "transform", "wait", "artifact", "fail", is a list
        /steps/0/with  must be an object, is a list

    [{"name":"a","type":"WAIT"}]
        /steps/0/id  is required in a step
        /steps/0/name  is not a field of a step, which has "id", "type", "description", "depends_on", "run_if", "if", "for_each", "with", "output", "timeout_seconds", "retry", "continue_on_error"
        /steps/0/type  must be one of "http", "sql", "lambda", "sqs", "transform", "wait", "artifact", "fail", is "WAIT" (did you mean "wait"?)
    "#);
}

#[test]
fn fields_of_a_step() {
    assert_snapshot!(faults_of_steps(json!([
        [{"id": "a", "type": "wait", "with": {"seconds": 1}, "needs": [], "dependsOn": [], "runIf": "always", "iff": "x"}],
        [{"id": "a", "type": "wait", "with": {"seconds": 1}, "description": "x".repeat(501), "depends_on": "b", "run_if": "success",
          "if": true, "for_each": [1], "timeout_seconds": 841, "retry": "twice", "continue_on_error": "yes"}],
        ["b", {"id": "a", "type": "wait", "with": {"seconds": 1}, "depends_on": ["b", 1, "b", "B"], "run_if": 1, "if": ".x", "timeout_seconds": 0}],
        [{"id": "a", "type": "wait", "with": {"seconds": 1}, "if": format!("${{ {} }}", "1".repeat(4100))}],
    ])).replace(&"x".repeat(501), "…").replace(&"1".repeat(4000), "…"), @r#"
    [{"dependsOn":[],"id":"a","iff":"x","needs":[],"runIf":"always","type":"wait","with":{"seconds":1}}]
        /steps/0/dependsOn  is not a field of a step (did you mean "depends_on"?)
        /steps/0/iff  is not a field of a step (did you mean "if"?)
        /steps/0/needs  is not a field of a step, which has "id", "type", "description", "depends_on", "run_if", "if", "for_each", "with", "output", "timeout_seconds", "retry", "continue_on_error"
        /steps/0/runIf  is not a field of a step (did you mean "run_if"?)

    [{"continue_on_error":"yes","depends_on":"b","description":"…","for_each":[1],"id":"a","if":true,"retry":"twice","run_if":"success","timeout_seconds":841,"type":"wait","with":{"seconds":1}}]
        /steps/0/continue_on_error  must be true or false, is a string
        /steps/0/depends_on  must be a list, is a string
        /steps/0/description  may have at most 500 characters, has 501
        /steps/0/for_each  must be an object, is a list
        /steps/0/if  must be one expression such as "${ .params.x }", is a boolean
        /steps/0/retry  must be an object, is a string
        /steps/0/run_if  must be one of "all_success", "none_failed", "one_failed", "all_done", is "success"
        /steps/0/timeout_seconds  must be a whole number from 1 to 840, is 841

    ["b",{"depends_on":["b",1,"b","B"],"id":"a","if":".x","run_if":1,"timeout_seconds":0,"type":"wait","with":{"seconds":1}}]
        /steps/1/depends_on/1  must be the id of a step, a string, is a number
        /steps/1/depends_on/2  names "b" a second time, after item 0: once is enough
        /steps/1/depends_on/3  must be an id: a small letter, then at most 62 small letters, digits or _; is "B"
        /steps/1/if  must be one expression, from "${" to "}", is ".x"
        /steps/1/run_if  must be one of "all_success", "none_failed", "one_failed", "all_done", is a number
        /steps/1/timeout_seconds  must be a whole number from 1 to 840, is 0

    [{"id":"a","if":"${ …1111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111 }","type":"wait","with":{"seconds":1}}]
        /steps/0/if  may have at most 4100 characters, has 4105
        /steps/0/if  an expression may have at most 4096 bytes: `111111111111111111111111111111111111111111111111111111111111…` has more, divide it over several steps
    "#);
}

#[test]
fn loops_and_retries() {
    assert_snapshot!(faults_of_steps(json!([
        [{"id": "a", "type": "transform", "with": {"value": 1}, "for_each": {}}],
        [{"id": "a", "type": "transform", "with": {"value": 1},
          "for_each": {"items": {"a": 1}, "max_parallel": 0, "tolerated_failures": -1, "item": "x"}}],
        [{"id": "a", "type": "transform", "with": {"value": 1}, "for_each": {"items": ".params.ids", "tolerated_failures": 0.5}}],
        [{"id": "a", "type": "transform", "with": {"value": 1}, "retry": {"max_attempts": 0, "on": "timeout", "delay": 5}}],
        [{"id": "a", "type": "transform", "with": {"value": 1}, "retry": {"on": ["", 5], "jitter": "some", "backoff_rate": 11}}],
    ])), @r#"
    [{"for_each":{},"id":"a","type":"transform","with":{"value":1}}]
        /steps/0/for_each/items  is required in a "for_each"

    [{"for_each":{"item":"x","items":{"a":1},"max_parallel":0,"tolerated_failures":-1},"id":"a","type":"transform","with":{"value":1}}]
        /steps/0/for_each/item  is not a field of a "for_each" (did you mean "items"?)
        /steps/0/for_each/items  must be a list, or one expression such as "${ .params.ids }", is an object
        /steps/0/for_each/max_parallel  must be a whole number from 1 to 32, is 0
        /steps/0/for_each/tolerated_failures  must be a whole number from 0 to 1000, is -1

    [{"for_each":{"items":".params.ids","tolerated_failures":0.5},"id":"a","type":"transform","with":{"value":1}}]
        /steps/0/for_each/items  must be one expression, from "${" to "}", is ".params.ids"
        /steps/0/for_each/tolerated_failures  must be a whole number from 0 to 1000, is 0.5

    [{"id":"a","retry":{"delay":5,"max_attempts":0,"on":"timeout"},"type":"transform","with":{"value":1}}]
        /steps/0/retry/delay  is not a field of a "retry", which has "max_attempts", "delay_seconds", "backoff_rate", "max_delay_seconds", "jitter", "on"
        /steps/0/retry/max_attempts  must be a whole number from 1 to 20, is 0
        /steps/0/retry/on  must be a list, is a string

    [{"id":"a","retry":{"backoff_rate":11,"jitter":"some","on":["",5]},"type":"transform","with":{"value":1}}]
        /steps/0/retry/backoff_rate  must be a number from 1 to 10, is 11
        /steps/0/retry/jitter  must be one of "full", "none", is "some"
        /steps/0/retry/on/0  must not be empty
        /steps/0/retry/on/1  must be a string, is a number
    "#);
}

#[test]
fn http() {
    assert_snapshot!(faults_of_steps(json!([
        [{"id": "a", "type": "http"}],
        [{"id": "a", "type": "http", "with": {}}],
        [{"id": "a", "type": "http", "with": {"url": "example.org", "method": "get", "query": "a=1", "headers": [], "success_status": 200}}],
        [{"id": "a", "type": "http", "with": {"url": "https://a.example", "connection": "c", "path": "/x"}}],
        [{"id": "a", "type": "http", "with": {"url": "https://a.example", "path": "/x"}}],
        [{"id": "a", "type": "http", "with": {"connection": "${ .params.c }"}}],
        [{"id": "a", "type": "http", "with": {"path": "v1", "success_status": [99, "2XX", 200.5, 600]}}],
        [{"id": "a", "type": "http", "with": {"url": 5, "connection": "", "json": {}, "timeout_seconds": 5}}],
    ])), @r#"
    [{"id":"a","type":"http"}]
        /steps/0/with  is required in a step of type "http"

    [{"id":"a","type":"http","with":{}}]
        /steps/0/with  must have either "url", or "connection" and "path"

    [{"id":"a","type":"http","with":{"headers":[],"method":"get","query":"a=1","success_status":200,"url":"example.org"}}]
        /steps/0/with/headers  must be an object, is a list
        /steps/0/with/method  must be one of "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", is "get" (did you mean "GET"?)
        /steps/0/with/query  must be an object, is a string
        /steps/0/with/success_status  must be a list, is a number
        /steps/0/with/url  must begin with https:// or http:// or ${, is "example.org"

    [{"id":"a","type":"http","with":{"connection":"c","path":"/x","url":"https://a.example"}}]
        /steps/0/with  has "url" beside "connection" or "path": give either "url" alone, or "connection" and "path"

    [{"id":"a","type":"http","with":{"path":"/x","url":"https://a.example"}}]
        /steps/0/with  has "url" beside "connection" or "path": give either "url" alone, or "connection" and "path"

    [{"id":"a","type":"http","with":{"connection":"${ .params.c }"}}]
        /steps/0/with/connection  must be the name of a connection as it is: it is not templated
        /steps/0/with/path  is required beside "connection"

    [{"id":"a","type":"http","with":{"path":"v1","success_status":[99,"2XX",200.5,600]}}]
        /steps/0/with/connection  is required beside "path"
        /steps/0/with/path  must begin with / or ${, is "v1"
        /steps/0/with/success_status/0  must be a status from 100 to 599, or a class of them such as "2xx"
        /steps/0/with/success_status/1  must be a status from 100 to 599, or a class of them such as "2xx"
        /steps/0/with/success_status/2  must be a status from 100 to 599, or a class of them such as "2xx"
        /steps/0/with/success_status/3  must be a status from 100 to 599, or a class of them such as "2xx"

    [{"id":"a","type":"http","with":{"connection":"","json":{},"timeout_seconds":5,"url":5}}]
        /steps/0/with  has "url" beside "connection" or "path": give either "url" alone, or "connection" and "path"
        /steps/0/with/connection  must not be empty
        /steps/0/with/json  is not a field of the "with" of type "http", which has "connection", "method", "url", "path", "query", "headers", "body", "success_status"
        /steps/0/with/timeout_seconds  is not a field of the "with" of type "http", which has "connection", "method", "url", "path", "query", "headers", "body", "success_status"
        /steps/0/with/url  must be a string, is a number
    "#);
}

#[test]
fn sql() {
    assert_snapshot!(faults_of_steps(json!([
        [{"id": "a", "type": "sql", "with": {"query": "select 1"}}],
        [{"id": "a", "type": "sql", "with": {"connection": "c", "statement": "select ${ .params.x }", "args": {"a": 1}, "max_rows": 10_001}}],
        [{"id": "a", "type": "sql", "with": {"connection": 1, "statement": "", "max_rows": 0}}],
    ])), @r#"
    [{"id":"a","type":"sql","with":{"query":"select 1"}}]
        /steps/0/with/connection  is required in the "with" of type "sql"
        /steps/0/with/query  is not a field of the "with" of type "sql", which has "connection", "statement", "args", "max_rows"
        /steps/0/with/statement  is required in the "with" of type "sql"

    [{"id":"a","type":"sql","with":{"args":{"a":1},"connection":"c","max_rows":10001,"statement":"select ${ .params.x }"}}]
        /steps/0/with/args  must be a list, is an object
        /steps/0/with/max_rows  must be a whole number from 1 to 10000, is 10001
        /steps/0/with/statement  is never templated: write $1, $2, … and put the expressions into "args"

    [{"id":"a","type":"sql","with":{"connection":1,"max_rows":0,"statement":""}}]
        /steps/0/with/connection  must be a string, is a number
        /steps/0/with/max_rows  must be a whole number from 1 to 10000, is 0
        /steps/0/with/statement  must not be empty
    "#);
}

#[test]
fn lambda_and_sqs() {
    assert_snapshot!(faults_of_steps(json!([
        [{"id": "a", "type": "lambda", "with": {"function_name": "f", "invocation": "async"}}],
        [{"id": "a", "type": "lambda", "with": {"connection": "x".repeat(101), "invocation": null}}],
        [{"id": "a", "type": "sqs", "with": {"queue": "q", "delay_seconds": 901}}],
        [{"id": "a", "type": "sqs", "with": {"connection": "c", "body": 1, "group_id": 5, "deduplication_id": "", "delay_seconds": "1"}}],
    ])).replace(&"x".repeat(101), "…"), @r#"
    [{"id":"a","type":"lambda","with":{"function_name":"f","invocation":"async"}}]
        /steps/0/with/connection  is required in the "with" of type "lambda"
        /steps/0/with/function_name  is not a field of the "with" of type "lambda", which has "connection", "payload", "invocation"
        /steps/0/with/invocation  must be one of "request_response", "event", is "async"

    [{"id":"a","type":"lambda","with":{"connection":"…","invocation":null}}]
        /steps/0/with/connection  may have at most 100 characters, has 101
        /steps/0/with/invocation  must be one of "request_response", "event", is null

    [{"id":"a","type":"sqs","with":{"delay_seconds":901,"queue":"q"}}]
        /steps/0/with/body  is required in the "with" of type "sqs"
        /steps/0/with/connection  is required in the "with" of type "sqs"
        /steps/0/with/delay_seconds  must be a whole number from 0 to 900, is 901
        /steps/0/with/queue  is not a field of the "with" of type "sqs", which has "connection", "body", "group_id", "deduplication_id", "delay_seconds"

    [{"id":"a","type":"sqs","with":{"body":1,"connection":"c","deduplication_id":"","delay_seconds":"1","group_id":5}}]
        /steps/0/with/deduplication_id  must not be empty
        /steps/0/with/delay_seconds  must be a whole number from 0 to 900, is a string
        /steps/0/with/group_id  must be a string, is a number
    "#);
}

#[test]
fn transform_wait_artifact_and_fail() {
    assert_snapshot!(faults_of_steps(json!([
        [{"id": "a", "type": "transform", "with": {}}],
        [{"id": "a", "type": "transform", "with": {"value": 1, "values": 2}}],
        [{"id": "a", "type": "wait", "with": {}}],
        [{"id": "a", "type": "wait", "with": {"seconds": 1, "until": "2026-12-24T18:00:00Z"}}],
        [{"id": "a", "type": "wait", "with": {"seconds": -1}}],
        [{"id": "a", "type": "wait", "with": {"seconds": "60"}}],
        [{"id": "a", "type": "wait", "with": {"seconds": 31_536_001}}],
        [{"id": "a", "type": "wait", "with": {"until": "tomorrow"}}],
        [{"id": "a", "type": "wait", "with": {"until": 5}}],
        [{"id": "a", "type": "artifact", "with": {"artifact_type": "", "data": 1}}],
        [{"id": "a", "type": "fail", "with": {"message": 1}}],
        [{"id": "a", "type": "fail", "with": {"error": ""}}],
    ])), @r#"
    [{"id":"a","type":"transform","with":{}}]
        /steps/0/with/value  is required in the "with" of type "transform"

    [{"id":"a","type":"transform","with":{"value":1,"values":2}}]
        /steps/0/with/values  is not a field of the "with" of type "transform" (did you mean "value"?)

    [{"id":"a","type":"wait","with":{}}]
        /steps/0/with  must have either "seconds" or "until", and not both

    [{"id":"a","type":"wait","with":{"seconds":1,"until":"2026-12-24T18:00:00Z"}}]
        /steps/0/with  must have either "seconds" or "until", and not both

    [{"id":"a","type":"wait","with":{"seconds":-1}}]
        /steps/0/with/seconds  must be a number of seconds from 0 to 31536000 (a year), or one expression, is -1

    [{"id":"a","type":"wait","with":{"seconds":"60"}}]
        /steps/0/with/seconds  must be one expression, from "${" to "}", is "60"

    [{"id":"a","type":"wait","with":{"seconds":31536001}}]
        /steps/0/with/seconds  must be a number of seconds from 0 to 31536000 (a year), or one expression, is 31536001

    [{"id":"a","type":"wait","with":{"until":"tomorrow"}}]
        /steps/0/with/until  must be a time such as "2026-12-24T18:00:00Z", or a template that becomes one

    [{"id":"a","type":"wait","with":{"until":5}}]
        /steps/0/with/until  must be a time such as "2026-12-24T18:00:00Z", or a template that becomes one

    [{"id":"a","type":"artifact","with":{"artifact_type":"","data":1}}]
        /steps/0/with/artifact_type  must not be empty
        /steps/0/with/data  is not a field of the "with" of type "artifact", which has "artifact_type", "payload"
        /steps/0/with/payload  is required in the "with" of type "artifact"

    [{"id":"a","type":"fail","with":{"message":1}}]
        /steps/0/with/error  is required in the "with" of type "fail"
        /steps/0/with/message  must be a string, is a number

    [{"id":"a","type":"fail","with":{"error":""}}]
        /steps/0/with/error  must not be empty
    "#);
}

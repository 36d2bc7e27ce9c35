//! What the functions were given beside what they used. The emulator refuses what a role does not allow; this finds what a role allows
//! and nobody has used.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::aws::Aws;
use super::deployed::{self, Resource};

/// Calls of the event source mapping and of Lambda itself, which the emulator makes without asking its own front door.
const OF_AWS: [&str; 3] = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"];

/// Functions that messages invoke: their roles allow what the mapping does.
const MAPPED: [&str; 3] = ["WorkerFunction", "SweepFunction", "DeliverFunction"];

/// Compares, for each function of the stack, the actions of SQS that its role allows with those that it has called since the emulator
/// started. Fails when one is allowed that was not called, and names it; and when a role has a policy that is not its own.
pub async fn compare(aws: &Aws, resources: &BTreeMap<String, Resource>) -> Result<()> {
    let functions = deployed::functions(aws, resources).await?;
    let roles = aws.json(&["iam", "get-account-authorization-details", "--filter", "Role"]).await?;
    let mut all_used = 0;
    for (name, function) in functions {
        let arn = |field: &str| function[field].as_str().with_context(|| format!("{name} has no {field}"));
        let (function_arn, role_arn) = (arn("FunctionArn")?, arn("Role")?);
        let of_function = |role: &&Value| role["Arn"] == role_arn;
        let role = roles["RoleDetailList"].as_array().into_iter().flatten().find(of_function);
        let role = role.with_context(|| format!("{name} has no role {role_arn}"))?;
        let attached = role["AttachedManagedPolicies"].as_array().map(Vec::as_slice).unwrap_or_default();
        ensure!(attached.is_empty(), "{name}'s role has policies of others: {attached:?}");
        let mut allowed = allowed(role);
        if allowed.is_empty() {
            continue;
        }
        let used = used(aws, &key(function_arn, role_arn)).await?;
        all_used += used.len();
        if MAPPED.contains(&name.as_str()) {
            for action in OF_AWS {
                ensure!(
                    allowed.remove(action),
                    "{name}'s role does not allow {action}, which its mapping needs"
                );
            }
        }
        let idle: Vec<_> = allowed.difference(&used).cloned().collect();
        ensure!(idle.is_empty(), "{name} may call {}, and has not: take it away or test it", idle.join(", "));
    }
    ensure!(all_used > 0, "no function is known to have called anything: the emulator's record is of no use");
    Ok(())
}

/// The actions of SQS in the role's own policies.
fn allowed(role: &Value) -> BTreeSet<String> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
    let policies = list(&role["RolePolicyList"]).into_iter();
    let statements = policies.flat_map(|policy| list(&policy["PolicyDocument"]["Statement"]));
    let actions = statements.flat_map(|statement| list(&statement["Action"]));
    let actions = actions.filter_map(|action| action.as_str().map(str::to_owned));
    actions.filter(|action| action.starts_with("sqs:")).collect()
}

/// The actions of SQS that were called with this key.
async fn used(aws: &Aws, key: &str) -> Result<BTreeSet<String>> {
    let attribute = format!("AttributeKey=Username,AttributeValue={key}");
    let found = aws.json(&["cloudtrail", "lookup-events", "--lookup-attributes", &attribute]).await?;
    let events = found["Events"].as_array().map(Vec::as_slice).unwrap_or_default();
    let names = events.iter().filter_map(|event| event["EventName"].as_str());
    // One action allows a call and its batch.
    Ok(names.map(|name| format!("sqs:{}", name.trim_end_matches("Batch"))).collect())
}

/// The access key with which MiniStack 1.5 runs a function under its role (`execution_credentials` in its `core/lambda_runtime.py`).
fn key(function_arn: &str, role_arn: &str) -> String {
    let digest = hex::encode(Sha256::digest(format!("{function_arn}:{role_arn}")));
    format!("ASIA{}", digest[..16].to_uppercase())
}

//! A deployed stack: created, looked at, updated in place, deleted, with the commands that an operator would type.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;

use super::aws::Aws;
use super::package::{BUCKET, Package};

/// The name of the stack: not `runplane`, so that a name which does not come from the stack's is noticed.
pub const STACK: &str = "rehearsal";

/// The bucket for large outputs, which a deployment finds there.
pub const OUTPUTS: &str = crate::outputs::BUCKET;

/// The topic that its alarms tell. Nobody listens there.
pub const TOPIC: &str = "arn:aws:sns:us-east-1:000000000000:rehearsal";

/// A resource of a stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    /// Such as `AWS::SQS::Queue`.
    pub kind: String,
    /// What AWS knows it by; another one after an update means that it was replaced.
    pub physical_id: String,
}

/// Deploys with these parameters: the first time the stack is created, then it is updated. Fails, with what CloudFormation says, when it
/// ends otherwise than complete.
pub async fn deploy(aws: &Aws, package: &Package, parameters: &[(&str, String)]) -> Result<()> {
    let (zips, bucket) = (package.zips.to_string_lossy(), format!("s3://{BUCKET}"));
    for name in [BUCKET, OUTPUTS] {
        if aws.run(&["s3api", "head-bucket", "--bucket", name]).await.is_err() {
            aws.run(&["s3", "mb", &format!("s3://{name}")]).await?;
        }
    }
    aws.run(&["s3", "sync", "--size-only", "--no-progress", &zips, &bucket]).await?;
    match run_deploy(aws, package, parameters, &[]).await {
        Ok(()) => Ok(()),
        Err(error) => Err(error.context(failures(aws).await.unwrap_or_default())),
    }
}

/// The names of the resources that deploying with these parameters would change, by a change set that is not executed.
pub async fn changes(
    aws: &Aws,
    package: &Package,
    parameters: &[(&str, String)],
) -> Result<BTreeSet<String>> {
    run_deploy(aws, package, parameters, &["--no-execute-changeset"]).await?;
    let sets = aws.json(&["cloudformation", "list-change-sets", "--stack-name", STACK]).await?;
    let waiting = |set: &&Value| set["ExecutionStatus"] == "AVAILABLE";
    let Some(set) = sets["Summaries"].as_array().into_iter().flatten().find(waiting) else {
        return Ok(BTreeSet::new());
    };
    let id = text(set, "ChangeSetId");
    let found = aws.json(&["cloudformation", "describe-change-set", "--change-set-name", &id]).await?;
    aws.run(&["cloudformation", "delete-change-set", "--change-set-name", &id]).await?;
    let changes = found["Changes"].as_array().context("the change set has no changes")?;
    Ok(changes.iter().map(|change| text(&change["ResourceChange"], "LogicalResourceId")).collect())
}

async fn run_deploy(
    aws: &Aws,
    package: &Package,
    parameters: &[(&str, String)],
    more: &[&str],
) -> Result<()> {
    let template = package.template.to_string_lossy();
    let overrides: Vec<String> = parameters.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let mut args = vec!["cloudformation", "deploy", "--stack-name", STACK, "--template-file", &template];
    // IAM: it makes roles. Auto-expand: SAM is a macro. A request takes 51,200 bytes of a template; ours comes by way of the bucket.
    args.extend([
        "--s3-bucket",
        BUCKET,
        "--capabilities",
        "CAPABILITY_IAM",
        "CAPABILITY_AUTO_EXPAND",
        "--no-fail-on-empty-changeset",
    ]);
    args.extend(more);
    args.push("--parameter-overrides");
    args.extend(overrides.iter().map(String::as_str));
    loop {
        match aws.run(&args).await {
            // The command line names change sets by the second, and the one before was quick.
            Err(error) if error.to_string().contains("AlreadyExistsException") => {
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
            done => return done.map(drop),
        }
    }
}

/// Deletes the stack and waits until it is gone.
pub async fn delete(aws: &Aws) -> Result<()> {
    aws.run(&["cloudformation", "delete-stack", "--stack-name", STACK]).await?;
    aws.run(&["cloudformation", "wait", "stack-delete-complete", "--stack-name", STACK]).await.map(drop)
}

/// The outputs by name.
pub async fn outputs(aws: &Aws) -> Result<BTreeMap<String, String>> {
    let found = aws.json(&["cloudformation", "describe-stacks", "--stack-name", STACK]).await?;
    let outputs = found["Stacks"][0]["Outputs"].as_array().context("the stack has no outputs")?;
    Ok(outputs.iter().map(|output| (text(output, "OutputKey"), text(output, "OutputValue"))).collect())
}

/// The value of a secret. Fails when it has none.
pub async fn secret(aws: &Aws, arn: &str) -> Result<String> {
    let found = aws.json(&["secretsmanager", "get-secret-value", "--secret-id", arn]).await?;
    Ok(found["SecretString"].as_str().context("the secret has no text")?.to_owned())
}

/// Makes a secret that the stack knows nothing of.
pub async fn put_secret(aws: &Aws, name: &str, text: &str) -> Result<()> {
    aws.run(&["secretsmanager", "create-secret", "--name", name, "--secret-string", text]).await.map(drop)
}

/// The resources by their name in the template.
pub async fn resources(aws: &Aws) -> Result<BTreeMap<String, Resource>> {
    let found = aws.json(&["cloudformation", "describe-stack-resources", "--stack-name", STACK]).await?;
    let resources = found["StackResources"].as_array().context("the stack has no resources")?;
    let named = |resource: &Value| {
        let physical_id = text(resource, "PhysicalResourceId");
        (text(resource, "LogicalResourceId"), Resource { kind: text(resource, "ResourceType"), physical_id })
    };
    Ok(resources.iter().map(named).collect())
}

/// The configuration of each function, by its name in the template.
pub async fn functions(aws: &Aws, resources: &BTreeMap<String, Resource>) -> Result<BTreeMap<String, Value>> {
    let found = aws.json(&["lambda", "list-functions"]).await?;
    let all = found["Functions"].as_array().context("there are no functions")?;
    let functions = resources.iter().filter(|(_, resource)| resource.kind == "AWS::Lambda::Function");
    let configured = functions.map(|(name, function)| {
        let configuration = all.iter().find(|one| one["FunctionName"] == *function.physical_id);
        let configuration = configuration.with_context(|| format!("{name} is not deployed"))?;
        Ok((name.clone(), configuration.clone()))
    });
    configured.collect()
}

/// What failed first, in CloudFormation's words.
async fn failures(aws: &Aws) -> Result<String> {
    let found = aws.json(&["cloudformation", "describe-stack-events", "--stack-name", STACK]).await?;
    let failed =
        |event: &&Value| event["ResourceStatus"].as_str().is_some_and(|status| status.ends_with("_FAILED"));
    let events = found["StackEvents"].as_array().map(Vec::as_slice).unwrap_or_default();
    let lines = events.iter().rev().filter(failed);
    let lines = lines.map(|event| {
        format!("{}: {}", text(event, "LogicalResourceId"), text(event, "ResourceStatusReason"))
    });
    Ok(lines.collect::<Vec<_>>().join("\n"))
}

fn text(value: &Value, field: &str) -> String {
    value[field].as_str().unwrap_or_default().to_owned()
}

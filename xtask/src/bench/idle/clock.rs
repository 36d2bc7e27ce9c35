//! What the template's clock invokes, and how often.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use yaml_serde::Value;

use crate::paths::Dirs;

const MINUTE: u64 = 60;

/// A function that a schedule invokes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clock {
    /// The program.
    pub function: String,
    /// From one invocation to the next.
    pub every: Duration,
}

/// Those of `template.yaml`, by name. Fails when a schedule is none that is understood here.
pub fn read(dirs: &Dirs) -> Result<Vec<Clock>> {
    let path = dirs.root().join("template.yaml");
    let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    of(&text).with_context(|| format!("the schedules of {}", path.display()))
}

fn of(template: &str) -> Result<Vec<Clock>> {
    let template: Value = yaml_serde::from_str(template)?;
    let resources = template["Resources"].as_mapping().context("no resources")?;
    let mut all = Vec::new();
    for schedule in resources.values().filter(|resource| resource["Type"] == "AWS::Scheduler::Schedule") {
        let properties = &schedule["Properties"];
        let expression = properties["ScheduleExpression"].as_str().context("a schedule without a time")?;
        let every = rate(expression).with_context(|| format!("{expression:?} is no rate"))?;
        let target = properties["Target"]["Arn"].as_str().and_then(|arn| arn.strip_suffix(".Arn"));
        let target = target.context("a schedule whose target is no function of the template")?;
        let function = resources.get(target).with_context(|| format!("there is no {target}"))?;
        let binary = function["Metadata"]["BuildProperties"]["Binary"].as_str();
        let binary = binary.with_context(|| format!("{target} is built from nothing"))?;
        all.push(Clock { function: binary.to_owned(), every });
    }
    if all.is_empty() {
        bail!("there are none");
    }
    all.sort_by(|a, b| a.function.cmp(&b.function));
    Ok(all)
}

/// EventBridge's `rate(value unit)`.
fn rate(expression: &str) -> Option<Duration> {
    let (value, unit) = expression.strip_prefix("rate(")?.strip_suffix(')')?.split_once(' ')?;
    let unit = match unit {
        "minute" | "minutes" => MINUTE,
        "hour" | "hours" => 60 * MINUTE,
        "day" | "days" => 24 * 60 * MINUTE,
        _ => return None,
    };
    let value: u64 = value.parse().ok().filter(|value| *value > 0)?;
    Some(Duration::from_secs(value.checked_mul(unit)?))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn a_rate_is_a_time() {
        let seconds = |expression| rate(expression).map(|every| every.as_secs());
        assert_eq!(seconds("rate(1 minute)"), Some(60));
        assert_eq!(seconds("rate(5 minutes)"), Some(300));
        assert_eq!(seconds("rate(1 hour)"), Some(3600));
        assert_eq!(seconds("rate(2 days)"), Some(172_800));
        for other in ["cron(0 * * * ? *)", "rate(0 minutes)", "rate(1 week)", "rate(1)"] {
            assert_eq!(seconds(other), None, "{other}");
        }
    }

    #[test]
    fn a_schedule_names_the_program_of_its_function() {
        let template = "
Resources:
  OneFunction: { Type: 'AWS::Serverless::Function', Metadata: { BuildProperties: { Binary: one } } }
  OneSchedule:
    Type: AWS::Scheduler::Schedule
    Properties:
      ScheduleExpression: rate(1 hour)
      Target: { Arn: !GetAtt OneFunction.Arn }
";
        let every = Duration::from_secs(3600);
        assert_eq!(of(template).unwrap(), [Clock { function: "one".to_owned(), every }]);
        assert!(of(&template.replace("rate(1 hour)", "cron(* * * * ? *)")).is_err());
        assert!(of(&template.replace("!GetAtt OneFunction", "!GetAtt Other")).is_err());
    }

    #[test]
    fn the_templates_own_are_the_sweep_and_what_delivers() {
        let dirs = Dirs::new(Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap());
        let functions: Vec<String> = read(&dirs).unwrap().into_iter().map(|clock| clock.function).collect();
        assert_eq!(functions, ["deliver", "sweep"]);
    }
}

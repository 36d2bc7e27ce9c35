//! What an invocation asks for.

use std::time::Duration;

use runplane::scope::Scope;
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

/// What the hourly schedule, or an operator, says. The schedule may send what it likes; only an object's `tenant_id` means something.
#[derive(Debug, Default, Deserialize)]
struct Event {
    /// Only this tenant's runs; everybody's if left out.
    tenant_id: Option<Uuid>,
}

/// Messages of the sweep's queue, as the event source mapping hands them over.
#[derive(Debug, Deserialize)]
struct Messages {
    #[serde(rename = "Records")]
    records: Vec<Message>,
}

#[derive(Debug, Deserialize)]
struct Message {
    #[serde(default)]
    body: String,
}

/// A message that is sent on until its time has come.
#[derive(Debug, Deserialize)]
struct Relay {
    /// In seconds since 1970.
    at: u64,
}

/// What an invocation asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// A sweep over these runs, by the schedule or by hand.
    Sweep(Scope),
    /// A sweep over everybody's runs, by messages: they come again if it fails.
    Armed,
    /// Nothing before this time, in seconds since 1970.
    SendOn(u64),
}

impl Asked {
    /// By an event that comes `now`, which is since 1970. A message that says nothing readable arms.
    ///
    /// # Errors
    /// If an operator names a tenant that none can be.
    pub fn of(event: Value, now: Duration) -> Result<Self, serde_json::Error> {
        if event.get("Records").is_some() {
            let Messages { records } = serde_json::from_value(event)?;
            return Ok(sent_on(&records, now).map_or(Self::Armed, Self::SendOn));
        }
        let Event { tenant_id } =
            if event.is_object() { serde_json::from_value(event)? } else { Event::default() };
        Ok(Self::Sweep(Scope::from(tenant_id)))
    }
}

/// The earliest of the times, if all of them are ahead: that sweep tells when to come again, so one message is enough.
fn sent_on(messages: &[Message], now: Duration) -> Option<u64> {
    let ahead = messages.iter().map(|message| {
        let relay: Relay = serde_json::from_str(&message.body).ok()?;
        (Duration::from_secs(relay.at) > now).then_some(relay.at)
    });
    ahead.collect::<Option<Vec<_>>>()?.into_iter().min()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: Duration = Duration::from_secs(1_000);

    fn asked(bodies: &[&str]) -> Asked {
        let records: Vec<_> = bodies.iter().map(|body| json!({ "messageId": "m", "body": body })).collect();
        Asked::of(json!({ "Records": records }), NOW).unwrap()
    }

    #[test]
    fn a_message_that_arms_is_a_sweep_whatever_comes_with_it() {
        for bodies in
            [&["{}"][..], &[r#"{"at":2000}"#, "{}"], &["no json"], &[""], &[r#"{"at":"noon"}"#], &[]]
        {
            assert_eq!(asked(bodies), Asked::Armed, "{bodies:?}");
        }
    }

    #[test]
    fn relays_alone_are_sent_on_as_one_until_the_first_is_due() {
        assert_eq!(asked(&[r#"{"at":1001}"#]), Asked::SendOn(1001));
        assert_eq!(asked(&[r#"{"at":3000}"#, r#"{"at":2000}"#]), Asked::SendOn(2000));
        for due in [&[r#"{"at":1000}"#][..], &[r#"{"at":3000}"#, r#"{"at":999}"#]] {
            assert_eq!(asked(due), Asked::Armed, "{due:?}");
        }
    }
}

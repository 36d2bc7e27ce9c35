//! A proxy in the environment is for the way out; what runs on this machine is not reached through it. The AWS SDK, reqwest
//! and the functions all read `NO_PROXY`, so that is where it is said, once, for all of them.

use std::env;
use std::os::unix::process::CommandExt;
use std::process::Command;

const LOCAL: &str = "127.0.0.1,localhost";
const PROXIES: [&str; 6] =
    ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];

/// Where a proxy is set and this machine is not excepted, starts this program again with it excepted, and returns only
/// if that fails. (A process cannot safely change its own environment.)
pub fn except_this_machine() {
    let proxied = PROXIES.iter().any(|name| env::var_os(name).is_some_and(|value| !value.is_empty()));
    let excepted = ["NO_PROXY", "no_proxy"].map(|name| env::var(name).unwrap_or_default());
    let Some(wanted) = wanted(&excepted[0], &excepted[1]).filter(|_| proxied) else { return };
    let Ok(program) = env::current_exe() else { return };
    let mut again = Command::new(program);
    // Whatever fails here, the program goes on as it is.
    let _ = again.args(env::args_os().skip(1)).env("NO_PROXY", &wanted).env("no_proxy", &wanted).exec();
}

/// What both variables should say; `None` when both except this machine already.
fn wanted(upper: &str, lower: &str) -> Option<String> {
    let excepts = |list: &str| list.split(',').any(|host| matches!(host.trim(), "127.0.0.1" | "*"));
    if excepts(upper) && excepts(lower) {
        return None;
    }
    let kept = [upper, lower].into_iter().filter(|list| !list.is_empty());
    Some(kept.chain([LOCAL]).collect::<Vec<_>>().join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_is_added_to_what_is_excepted_already() {
        assert_eq!(wanted("", "").as_deref(), Some("127.0.0.1,localhost"));
        assert_eq!(wanted("corp.example", "").as_deref(), Some("corp.example,127.0.0.1,localhost"));
    }

    #[test]
    fn once_it_is_excepted_nothing_is_wanted_any_more() {
        let once = wanted("corp.example", "").unwrap();
        assert_eq!(wanted(&once, &once), None);
        assert_eq!(wanted("*", "*"), None);
    }
}

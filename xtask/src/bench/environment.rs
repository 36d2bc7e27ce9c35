//! Where the figures were taken: without it nobody can compare them.

use anyhow::Result;

use crate::database;

/// Cores, memory, architecture, and the version of the Postgres at `database_url`: no names.
pub async fn describe(database_url: &str) -> Result<String> {
    let mut connection = database::connect(database_url).await?;
    let version: String =
        sqlx::query_scalar("select current_setting('server_version')").fetch_one(&mut connection).await?;
    let durable: String = sqlx::query_scalar(
        "select 'fsync ' || current_setting('fsync') || ', synchronous_commit ' || current_setting('synchronous_commit')",
    )
    .fetch_one(&mut connection)
    .await?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let memory = std::fs::read_to_string("/proc/meminfo").ok().and_then(|text| memory_gib(&text));
    let memory = memory.map(|gib| format!(", {gib} GiB of memory")).unwrap_or_default();
    let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
    Ok(format!("{cores} cores{memory}, {os} on {arch}; Postgres {version}, {durable}"))
}

fn memory_gib(meminfo: &str) -> Option<u64> {
    let kib: u64 = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:")?.split_whitespace().next()?.parse().ok())?;
    // The kernel keeps some for itself: the nearest whole number is what the machine was given.
    Some((kib + (1 << 19)) >> 20)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_rounded_to_what_the_machine_was_given() {
        assert_eq!(memory_gib("MemTotal:       25165000 kB\nMemFree: 1 kB\n"), Some(24));
        assert_eq!(memory_gib("nothing"), None);
    }
}

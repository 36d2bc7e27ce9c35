//! `cargo xtask logs`

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, bail};

use crate::paths::Dirs;
use crate::process::tail;
use crate::progress::say;

/// Prints the last `lines` lines of the log `name`, or of every log; with `follow`, goes on with what is written to them
/// (and to logs that appear later) until it is told to stop. Fails when there is no such log.
pub async fn logs(dirs: &Dirs, name: Option<&str>, lines: usize, follow: bool) -> Result<()> {
    let mut open: Vec<Log> = Vec::new();
    for path in files(dirs, name)? {
        let log = Log::at_end(path)?;
        let text = tail(&log.path, lines);
        text.lines().for_each(|line| log.print(line, name.is_none()));
        open.push(log);
    }
    if open.is_empty() && !follow {
        match name {
            Some(name) => bail!("There is no log {name}; there are: {}.", names(dirs)?.join(", ")),
            None => bail!("There are no logs yet: `cargo xtask up` first."),
        }
    }
    if !follow {
        return Ok(());
    }
    loop {
        tokio::time::sleep(Duration::from_millis(200)).await;
        for path in files(dirs, name)? {
            if !open.iter().any(|log| log.path == path) {
                open.push(Log { file: File::open(&path)?, path, half: Vec::new() });
            }
        }
        for log in &mut open {
            log.more(name.is_none())?;
        }
    }
}

struct Log {
    path: PathBuf,
    file: File,
    /// A line that is not complete yet.
    half: Vec<u8>,
}

impl Log {
    fn at_end(path: PathBuf) -> Result<Self> {
        let mut file = File::open(&path)?;
        file.seek(SeekFrom::End(0))?;
        Ok(Self { path, file, half: Vec::new() })
    }

    fn more(&mut self, prefix: bool) -> Result<()> {
        self.file.read_to_end(&mut self.half)?;
        while let Some(end) = self.half.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.half.drain(..=end).collect();
            self.print(String::from_utf8_lossy(&line).trim_end(), prefix);
        }
        // A log that was set aside goes on in a new file under the old name.
        if std::fs::metadata(&self.path).is_ok_and(|log| log.len() < self.file.stream_position().unwrap_or(0))
        {
            self.file = File::open(&self.path)?;
        }
        Ok(())
    }

    fn print(&self, line: &str, prefix: bool) {
        match self.path.file_stem().filter(|_| prefix) {
            Some(name) => say(format_args!("{:<10}| {line}", name.to_string_lossy())),
            None => say(line),
        }
    }
}

fn files(dirs: &Dirs, name: Option<&str>) -> Result<Vec<PathBuf>> {
    let names = names(dirs)?;
    let wanted = names.into_iter().filter(|found| name.is_none_or(|name| name == found));
    wanted.map(|name| dirs.log(&name)).collect()
}

fn names(dirs: &Dirs) -> Result<Vec<String>> {
    let files = std::fs::read_dir(dirs.logs()?)?.flatten().map(|entry| entry.path());
    let logs = files.filter(|path| path.extension().is_some_and(|extension| extension == "log"));
    let mut names: Vec<String> =
        logs.filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned())).collect();
    names.sort();
    Ok(names)
}

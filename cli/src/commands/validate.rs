//! `runplane validate`: what an approval would find, but for the tenant's connections.

use runplane::dag::{self, Params};

use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{Output, plain};
use crate::source::{Located, Source, SourceError};

/// Checks every file, whatever the others are like, and prints all faults.
pub fn run(files: &[String], output: Output) -> Result<Exit, Failure> {
    if files.iter().filter(|file| *file == "-").count() > 1 {
        return Err(Failure::Usage("the standard input can be read only once".to_owned()));
    }
    let (mut found, mut unreadable) = (Vec::new(), None);
    for file in files {
        let faults = match Source::read(file) {
            Ok(source) => faults(&source),
            Err(SourceError::Faults(faults)) => faults,
            Err(error) => {
                if let Some(first) = unreadable.replace(error) {
                    output.failure(&first.into());
                }
                continue;
            }
        };
        if !output.is_json() {
            output.text(&lines(file, &faults))?;
        }
        found.extend(faults);
    }
    if output.is_json() {
        output.text(&serde_json::to_string(&found).map_err(std::io::Error::from)?)?;
    }
    match unreadable {
        Some(error) => Err(error.into()),
        None if found.is_empty() => Ok(Exit::Done),
        None => Ok(Exit::InvalidSpec),
    }
}

fn lines(file: &str, faults: &[Located]) -> String {
    if faults.is_empty() {
        return plain(&format!("{}: valid", if file == "-" { "<stdin>" } else { file }));
    }
    faults.iter().map(|fault| plain(&fault.to_string())).collect::<Vec<_>>().join("\n")
}

/// Every rule that a spec breaks, in the order of its text.
fn faults(source: &Source) -> Vec<Located> {
    let spec = source.value();
    let mut faults = dag::check(spec, None);
    if !faults.iter().any(|fault| fault.pointer == "/params" || fault.pointer.starts_with("/params/"))
        && let Err(error) = Params::of(spec)
    {
        faults.push(dag::Fault::new("/params", error.to_string()));
    }
    let mut faults: Vec<Located> =
        faults.iter().map(|fault| source.locate(&fault.pointer, &fault.detail)).collect();
    faults.sort_by_key(|fault| (fault.line, fault.column));
    faults
}

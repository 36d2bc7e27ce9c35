//! What is written about the program, compared with the program.

use crate::support::Program;

const CLI: &str = include_str!("../../../docs/cli.md");

/// The subcommands that the help of a command lists.
fn subcommands(of: &[&str]) -> Vec<String> {
    let help = Program::new(&[of, &["--help"]].concat()).run().ends_with(0).out;
    let Some((_, after)) = help.split_once("Commands:\n") else { return Vec::new() };
    let lines = after.lines().take_while(|line| !line.trim().is_empty());
    // A description that goes on is further to the right.
    let names = lines.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    names.filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

#[test]
fn every_subcommand_and_option_is_described() {
    let mut missing = Vec::new();
    let mut seen = 0;
    for command in subcommands(&[]) {
        let below = subcommands(&[&command]);
        let paths = if below.is_empty() {
            vec![vec![command.as_str()]]
        } else {
            below.iter().map(|name| vec![command.as_str(), name.as_str()]).collect()
        };
        for path in paths {
            seen += 1;
            let whole = format!("runplane {}", path.join(" "));
            let described = CLI
                .lines()
                .any(|line| line.contains(&format!("`{whole}`")) || line.contains(&format!("`{whole} ")));
            if !described {
                missing.push(whole);
            }
            let help = Program::new(&[&path as &[_], &["--help"]].concat()).run().ends_with(0).out;
            for option in help.split_whitespace().filter(|word| word.starts_with("--") && word.len() > 2) {
                let option = option.trim_end_matches([',', ':', ']', ')', '.', ';']);
                if !CLI.contains(option) {
                    missing.push(format!("{} {option}", path.join(" ")));
                }
            }
        }
    }
    assert!(seen >= 30, "only {seen} commands were found");
    assert_eq!(missing, [""; 0]);
}

#[test]
fn the_exit_codes_are_the_same_in_the_help_and_in_the_document() {
    let help = Program::new(&["--help"]).run().ends_with(0).out;
    let (_, table) = help.split_once("Exit codes:\n").unwrap();
    let rows: Vec<(&str, &str)> = table.lines().filter_map(|line| line.trim().split_once("  ")).collect();
    assert_eq!(rows.len(), 7, "{table}");
    for (code, meaning) in rows {
        assert!(
            CLI.contains(&format!("| {code} | {meaning} |")),
            "docs/cli.md has no row `| {code} | {meaning} |`"
        );
    }
}

#[test]
fn every_shell_gets_its_script() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = Program::new(&["completions", shell]).run().ends_with(0).out;
        assert!(script.contains("deprecate") && script.contains("idempotency-key"), "{shell}: {script}");
        assert!(CLI.contains(shell), "docs/cli.md does not say how {shell} completes");
    }
}

#[test]
fn the_version_is_that_of_the_crate() {
    let ran = Program::new(&["--version"]).run().ends_with(0);
    assert_eq!(ran.out, format!("runplane {}\n", env!("CARGO_PKG_VERSION")));
}

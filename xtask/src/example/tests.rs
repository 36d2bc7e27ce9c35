use std::path::{Path, PathBuf};

use clap::ValueEnum as _;

use super::*;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

#[test]
fn the_example_orders_is_that_of_the_documents() {
    let document = read(root().join("docs/dag_spec.example.json")).unwrap().unwrap();
    assert_eq!(read(root().join("examples/orders/pipeline.json")).unwrap().unwrap(), document);
}

#[test]
fn each_example_is_a_folder_that_says_how_it_is_run() {
    for name in ALL {
        assert_eq!(name.to_possible_value().unwrap().get_name(), name.folder());
        let folder = root().join("examples").join(name.folder());
        let readme = std::fs::read_to_string(folder.join("README.md")).unwrap();
        assert!(readme.contains(&format!("cargo xtask example {}", name.folder())), "{name:?}");
        assert!(read(folder.join("pipeline.json")).unwrap().is_some_and(|spec| spec.is_object()), "{name:?}");
    }
}

#[test]
fn each_folder_is_an_example() {
    let entries = std::fs::read_dir(root().join("examples")).unwrap().flatten();
    let folders = entries.filter(|entry| entry.path().join("pipeline.json").is_file());
    let mut found: Vec<_> = folders.map(|entry| entry.file_name().into_string().unwrap()).collect();
    found.sort();
    let mut expected: Vec<_> = ALL.iter().map(|name| name.folder().to_owned()).collect();
    expected.sort();
    assert_eq!(found, expected);
}

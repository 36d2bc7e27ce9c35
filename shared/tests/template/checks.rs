//! What the template is excused from: `cargo xtask test` lets checkov and cfn-lint look at it, and each finding is mended or excused where it is, with a
//! reason.

use std::collections::BTreeMap;

use crate::template::Template;

#[test]
fn what_a_checker_is_told_to_pass_over_has_a_name_and_a_reason() {
    let template = Template::read();
    let mut excused: BTreeMap<String, usize> = BTreeMap::new();
    for (name, resource) in template.whole["Resources"].as_object().unwrap() {
        for one in resource["Metadata"]["checkov"]["skip"].as_array().into_iter().flatten() {
            let reason = one["comment"].as_str().unwrap_or_default();
            assert!(reason.len() > 20, "{name}: {one} has no reason");
            *excused.entry(one["id"].as_str().unwrap().to_owned()).or_default() += 1;
        }
        for one in
            resource["Metadata"]["cfn-lint"]["config"]["ignore_checks"].as_array().into_iter().flatten()
        {
            *excused.entry(one.as_str().unwrap().to_owned()).or_default() += 1;
        }
    }
    // Of the database: what its snapshot and its parameters decide. Of functions: dead letters, and the interfaces that Lambda makes. Of alarms: an
    // identifier that its condition keeps from being empty.
    let functions = template.of_type("AWS::Serverless::Function").len();
    let expected = [
        ("CKV_AWS_111", 1),
        ("CKV_AWS_116", functions),
        ("CKV_AWS_118", 1),
        ("CKV_AWS_157", 1),
        ("CKV_AWS_16", 1),
        ("W1030", 2),
    ];
    assert_eq!(excused, expected.map(|(check, times)| (check.to_owned(), times)).into());
}

"""Prints, as JSON, the CloudFormation that AWS makes of the SAM template whose path is given.

cfn-lint reads a template as it is written. What SAM makes of it, with the values of Globals in each function, is for it to read too.
"""

import json
import os
import sys

from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse


class NoManagedPolicies:
    """The template names none of the policies that SAM would look up."""

    def load(self):
        return {}


os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
with open(sys.argv[1], encoding="utf-8") as file:
    template = yaml_parse(file.read())
# SAM refuses code that is not uploaded yet, which says nothing about the template.
for resource in template["Resources"].values():
    if resource["Type"] == "AWS::Serverless::Function":
        resource["Properties"]["CodeUri"] = "s3://bucket/key"
print(json.dumps(transform(template, {}, NoManagedPolicies()), indent=2))

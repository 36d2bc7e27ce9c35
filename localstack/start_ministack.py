"""MiniStack as `python -m ministack` starts it, with four things done that AWS does and MiniStack 1.5.33 does not.

- CloudFormation hands on a number that comes from a parameter as text, and Lambda reads it as a number. MiniStack keeps the text of an
  event source mapping's MaximumConcurrency, and its poller then fails on it.
- The permission for a batch of SQS is that for one message: there is no action sqs:SendMessageBatch in IAM. MiniStack asks for one.
- A condition may join a list that is a parameter, which is how it asks whether the list is empty. MiniStack compares the unread Fn::Join, and
  every such list has something in it.
- Functions have the environment that the template gives them. MiniStack gives them its own as well, and reads there, in AUTH, whether it looks at
  permissions: a variable that functions of ours read, too.

Without the first the template would have to do without a parameter, without the second roles would have to allow what does not exist, without
the third every rehearsed function would be in subnets.
"""

import os
import sys

from ministack.app import main
from ministack.core import iam_actions
from ministack.services.cloudformation import engine, provisioners


def with_numbers(handler):
    """The handler, given a ScalingConfig whose MaximumConcurrency is a number."""

    def handle(*args):
        for properties in (value for value in args if isinstance(value, dict)):
            scaling = properties.get("ScalingConfig")
            if isinstance(scaling, dict) and "MaximumConcurrency" in scaling:
                scaling["MaximumConcurrency"] = int(scaling["MaximumConcurrency"])
        return handler(*args)

    return handle


def without_batches(extract):
    """The extractor, which names the action of a single message for a batch."""

    def action(*args, **named):
        found = extract(*args, **named)
        return found.removesuffix("Batch") if found and found.startswith("sqs:") else found

    return action


def with_joins(evaluate):
    """The evaluator of a template's conditions, given them with each Fn::Join of a parameter done."""

    def joined(value, params):
        if isinstance(value, list):
            return [joined(item, params) for item in value]
        if not isinstance(value, dict):
            return value
        if set(value) == {"Fn::Join"}:
            separator, items = value["Fn::Join"]
            if isinstance(items, dict) and items.get("Ref") in params:
                return separator.join(params[items["Ref"]]["Value"].split(","))
        return {key: joined(item, params) for key, item in value.items()}

    def conditions(template, params):
        return evaluate({**template, "Conditions": joined(template.get("Conditions", {}), params)}, params)

    return conditions


mapping = provisioners._RESOURCE_HANDLERS["AWS::Lambda::EventSourceMapping"]
for verb in ("create", "update"):
    mapping[verb] = with_numbers(mapping[verb])
iam_actions.extract_iam_action = without_batches(iam_actions.extract_iam_action)
# Each module has imported it by name.
evaluate = engine._evaluate_conditions
for module in [module for name, module in sys.modules.items() if name.startswith("ministack.")]:
    if getattr(module, "_evaluate_conditions", None) is evaluate:
        module._evaluate_conditions = with_joins(evaluate)

# It was read when the module was imported.
os.environ.pop("AUTH", None)

if __name__ == "__main__":
    main()

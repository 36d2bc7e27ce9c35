"""MiniStack as `python -m ministack` starts it, with two things done that AWS does and MiniStack 1.5.33 does not.

- CloudFormation hands on a number that comes from a parameter as text, and Lambda reads it as a number. MiniStack keeps the text of an
  event source mapping's MaximumConcurrency, and its poller then fails on it.
- The permission for a batch of SQS is that for one message: there is no action sqs:SendMessageBatch in IAM. MiniStack asks for one.

Without the first the template would have to do without a parameter, without the second roles would have to allow what does not exist.
"""

from ministack.app import main
from ministack.core import iam_actions
from ministack.services.cloudformation import provisioners


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


mapping = provisioners._RESOURCE_HANDLERS["AWS::Lambda::EventSourceMapping"]
for verb in ("create", "update"):
    mapping[verb] = with_numbers(mapping[verb])
iam_actions.extract_iam_action = without_batches(iam_actions.extract_iam_action)

if __name__ == "__main__":
    main()

"""What flows along the path, in the order it arises: plain, frozen, without behaviour to mock.

A `Request` is asked, an `Answer` (or a `Missing`) comes back, `Call` is the two with their bill,
a `Conversation` is what graders see, a `Grade` what they say, and a `Result` how a trial ended.
Money is `Decimal` dollars; unknown is `None`, and a sum over an unknown is unknown.
"""

from harness.records.answers import (
    TRUNCATED,
    UNKNOWN_USAGE,
    USAGE_FIELDS,
    Answer,
    Bill,
    Block,
    Call,
    Json,
    Missing,
    Mode,
    Purpose,
    Request,
    Usage,
    add_dollars,
    add_known,
)
from harness.records.runs import MAX_MISSING, Candidate, Gate, Run, SuiteFacts
from harness.records.trials import (
    Conversation,
    Grade,
    Grader,
    Outcome,
    Result,
    Rival,
    Steps,
    TrialId,
)

__all__ = [
    "MAX_MISSING",
    "TRUNCATED",
    "UNKNOWN_USAGE",
    "USAGE_FIELDS",
    "Answer",
    "Bill",
    "Block",
    "Call",
    "Candidate",
    "Conversation",
    "Gate",
    "Grade",
    "Grader",
    "Json",
    "Missing",
    "Mode",
    "Outcome",
    "Purpose",
    "Request",
    "Result",
    "Rival",
    "Run",
    "Steps",
    "SuiteFacts",
    "TrialId",
    "Usage",
    "add_dollars",
    "add_known",
]

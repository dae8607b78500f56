"""What each metric is called and means, for reports: one sentence a metric, its direction and its unit."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Meaning:
    label: str
    text: str


GROUPS: dict[str, dict[str, Meaning]] = {
    "Right": {
        "nugget_recall": Meaning("Nugget recall", "Share of the expected facts that the answer holds."),
        "nuggets_all": Meaning("All nuggets", "Share of answers that hold every expected fact."),
        "language": Meaning("Language", "The answer is in the language of the question."),
        "must_not_contain": Meaning("Nothing forbidden", "The answer holds none of the texts it must not."),
        "stability": Meaning("Stability", "Asked again, the answer and its citations are the same."),
    },
    "Cited": {
        "citation_validity": Meaning("Citation validity", "Markers whose citation is a passage that was retrieved."),
        "citation_coverage": Meaning("Citation coverage", "Sentences making a claim that carry a citation."),
        "quote_exactness": Meaning("Quote exactness", "Quotes that are, to the character, the text at their offsets."),
        "support_proxy": Meaning(
            "Support proxy", "Cited sentences whose every number and coined name stands in a cited passage."
        ),
        "verdict_supported": Meaning(
            "Own verdict", "Sentences the answerer itself calls supported: no measure of truth."
        ),
        "support_precision": Meaning("Support precision", "Sentences accepted that people call supported."),
        "support_recall": Meaning("Support recall", "Sentences people call supported that were accepted."),
    },
    "Honest": {
        "balanced_accuracy": Meaning(
            "Balanced accuracy", "Mean of answerable questions answered and unanswerable ones refused."
        ),
        "abstention": Meaning("Abstention right", "Questions rightly answered or rightly refused."),
        "false_answer": Meaning("False answers", "Unanswerable questions that were answered."),
        "false_refusal": Meaning("False refusals", "Answerable questions that were refused."),
        "refusal_precision": Meaning("Refusal precision", "Refusals that were right."),
        "refusal_recall": Meaning("Refusal recall", "Unanswerable questions that were refused."),
        "refusal_f1": Meaning("Refusal F1", "Harmonic mean of refusal precision and recall."),
        "aurc": Meaning("AURC", "Area under the risk–coverage curve: mean loss when the most confident answer first."),
    },
    "Found": {
        "hit@1": Meaning("Hit@1", "The first passage is relevant."),
        "hit@3": Meaning("Hit@3", "One of the first three passages is relevant."),
        "hit@5": Meaning("Hit@5", "One of the first five passages is relevant."),
        "hit@10": Meaning("Hit@10", "One of the first ten passages is relevant."),
        "recall@5": Meaning("Recall@5", "Relevant passages among the first five."),
        "recall@10": Meaning("Recall@10", "Relevant passages among the first ten."),
        "mrr@10": Meaning("MRR@10", "One over the rank of the first relevant passage."),
        "ndcg@10": Meaning("nDCG@10", "Discounted gain of the first ten passages, over the best possible."),
        "evidence_recall@5": Meaning(
            "Evidence recall@5", "Pieces of evidence that any of the first five passages holds."
        ),
        "evidence_recall@10": Meaning(
            "Evidence recall@10", "Pieces of evidence that any of the first ten passages holds."
        ),
        "evidence_in_context": Meaning("Evidence in context", "Pieces of evidence among what the answerer was given."),
    },
}
HEADLINES = (
    "nugget_recall", "balanced_accuracy", "false_answer", "false_refusal", "citation_validity", "citation_coverage",
    "quote_exactness", "support_proxy", "language", "hit@5", "ndcg@10",
)  # fmt: skip
TIMES = {
    "first_token_ms": "First token",
    "first_sentence_ms": "First checked sentence",
    "total_ms": "Whole answer",
    "search_ms": "Search",
}


def label_of(metric: str) -> str:
    for members in GROUPS.values():
        if metric in members:
            return members[metric].label
    return metric

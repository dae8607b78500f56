"""What belongs to what: lists, steps, titles, poles and compound sentences, each with the claim that breaks it."""

import pytest

from indexes.types import UnitKind
from service.grounding.analysis import read_clauses, read_source
from service.grounding.binding import better_elsewhere, bound_elsewhere, groups_of, scattered_lines
from service.grounding.claims import read_claim
from service.grounding.elsewhere import Row, stands_elsewhere
from service.grounding.enumeration import listed_apart, runs_of
from service.grounding.glossary import load_glossary
from service.grounding.names import capital_runs, latin_tokens
from service.grounding.parts import parts_of
from service.grounding.relations import bound_opposite, relations
from service.grounding.sequence import flips, listed, sequence, steps_of
from service.grounding.words import fold
from service.types import Verdict
from tests.service.grounding_doubles import passage, verifier

GLOSSARY = load_glossary()


def apart(claim: str, source: str, *, chinese: bool = False) -> int:
    runs = runs_of(source, GLOSSARY, chinese=True)
    return listed_apart(runs_of(claim, GLOSSARY, chinese=chinese), runs, source)


def test_a_name_from_another_list_of_the_row_is_out_of_place() -> None:
    row = "对HTTP/HTTPS、GRPC理解深入；熟悉TCP/UDP和负载均衡（Nginx/Ingress）"
    assert apart("HTTP/HTTPS and GRPC must be understood.", row) == 0
    assert apart("HTTP/HTTPS and Nginx must be understood.", row) == 1
    assert apart("HTTP, HTTPS, GRPC, TCP and UDP are the protocols.", row) == 0


def test_brackets_are_lists_of_their_own() -> None:
    assert runs_of("TensorRT（INT8/FP16）、ONNX（模型转换）", GLOSSARY, chinese=True) == (
        frozenset({"tensorrt", "onnx"}),
        frozenset({"int8", "fp16"}),
    )


@pytest.mark.parametrize(("layer", "misplaced"), [("核心层", 0), ("基础层", 1)])
def test_names_stay_in_their_layer(layer: str, misplaced: int) -> None:
    source = groups_of(
        read_clauses("基础层（Tokenization），核心层（Transformer、RLHF、MoE）。", GLOSSARY, source=True)
    )
    claim = read_claim(f"{layer}包含Transformer、RLHF和MoE。", GLOSSARY)
    assert bound_elsewhere(claim.groups, source) == misplaced


@pytest.mark.parametrize(("number", "elsewhere"), [("0.85", 0), ("0.42", 1)])
def test_a_number_stays_with_what_it_measures(number: str, elsewhere: int) -> None:
    lines = "与“机器学习专家”的相似度是0.85。\n与“前端开发”的相似度是0.42。"
    source = groups_of(read_clauses(lines, GLOSSARY, source=True))
    claim = read_claim(f"与机器学习专家的相似度是{number}。", GLOSSARY)
    assert max(bound_elsewhere(claim.groups, source), better_elsewhere(claim.groups, source)) == elsewhere


@pytest.mark.parametrize(
    ("row", "together"),
    [
        ("搭建推理服务，例如实时商品推荐API，QPS支撑10万+", True),
        ("搭建推理服务，例如实时商品推荐API，Tesla支撑10万+", False),
    ],
)
def test_a_measure_is_of_what_stands_before_it(row: str, together: bool) -> None:
    source = groups_of(read_clauses(row, GLOSSARY, source=True))
    assert any({"api", "100000"} <= group.values for group in source) is together


def test_names_of_two_lines_are_scattered() -> None:
    lines = [latin_tokens("课程推荐CS224N"), latin_tokens("实战推荐LangChain和Ray")]
    together, mixed = (
        read_claim(text, GLOSSARY).groups for text in ("实战推荐LangChain和Ray", "推荐CS224N和LangChain")
    )
    assert (scattered_lines(together, lines), scattered_lines(mixed, lines)) == (0, 1)


def test_low_latency_is_not_high_latency() -> None:
    source = relations(fold("高吞吐、低延迟配置"), GLOSSARY)
    right, wrong = (
        relations(fold(text), GLOSSARY) for text in ("high throughput, low latency", "low throughput, high latency")
    )
    assert (bound_opposite(right, source), bound_opposite(wrong, source)) == (0, 2)


def test_numbered_steps_have_an_order() -> None:
    orders = listed(steps_of("依次为：\n1. 监督微调\n2. 奖励模型\n3. PPO强化学习", GLOSSARY))
    right = sequence(fold("先做监督微调，再做PPO强化学习"), GLOSSARY)
    wrong = sequence(fold("先做PPO强化学习，再做监督微调"), GLOSSARY)
    assert not any(flips(right, order) for order in orders)
    assert any(flips(wrong, order) for order in orders)


def test_titles_are_read_from_brackets_and_quotes() -> None:
    assert read_claim("关键论文是《Switch Transformers》。", GLOSSARY).titles == ("switch transformers",)
    assert read_claim('She wrote "Designing Big Systems" in 2020.', GLOSSARY).titles == ("designing big systems",)
    assert read_claim('It is "Hands on Deep Learning" by him.', GLOSSARY).titles == ("hands on deep learning",)
    assert read_claim('It calls this a "small scenario".', GLOSSARY).titles == ()


@pytest.mark.parametrize(
    ("sentence", "parts"),
    [
        ("Argo orchestrates workflows and Kubeflow trains models.", 2),
        ("Docker packs environments, while Helm packs applications.", 2),
        ("The tools are docker images and helm charts.", 1),
        ("Argo做工作流编排，Kubeflow做分布式训练。", 2),
        ("热点数据用Redis缓存。", 1),
    ],
)
def test_compound_sentences_are_parted(sentence: str, parts: int) -> None:
    assert len(parts_of(sentence)) == parts


def test_each_part_may_stand_in_another_passage_and_each_must() -> None:
    passages = [
        passage(1, "Argo负责工作流编排。"),
        passage(2, "Redis负责缓存热点数据。"),
        passage(3, "Kafka负责消息队列。"),
    ]
    checker = verifier(passages)
    right = checker.check("Argo负责工作流编排，Redis负责缓存热点数据。", passages)
    assert (right.verdict, [citation.marker for citation in right.citations]) == (Verdict.SUPPORTED, [1, 2])
    missing = checker.check("Argo负责工作流编排，Vault负责密钥管理。", passages)
    assert missing.verdict is not Verdict.SUPPORTED


BOOKS = (
    "《Building Machine Learning Powered Applications》 | Emmanuel Ameisen",
    "《Designing Machine Learning Systems》 | Chip Huyen",
)


@pytest.mark.parametrize(
    ("sentence", "verdict"),
    [
        ("Chip Huyen wrote Designing Machine Learning Systems.", Verdict.SUPPORTED),
        ("Emmanuel Ameisen wrote Designing Machine Learning Systems.", Verdict.UNSUPPORTED),
        ("Emmanuel Ameisen wrote Building Machine Learning Powered Applications.", Verdict.SUPPORTED),
        ("Building Machine Learning Powered Applications was written by Chip Huyen.", Verdict.UNSUPPORTED),
        ("Read Designing Machine Learning Systems by Chip Huyen.", Verdict.SUPPORTED),
        ("Kafka is fast; Emmanuel Ameisen wrote Designing Machine Learning Systems.", Verdict.UNSUPPORTED),
        ("Read Designing Machine Learning Systems by Emmanuel Ameisen.", Verdict.UNSUPPORTED),
    ],
)
def test_a_title_of_common_words_keeps_its_row(sentence: str, verdict: Verdict) -> None:
    shown = [passage(1, *BOOKS, lang="en")]
    assert verifier(shown).check(sentence, shown).verdict is verdict


def row(text: str, chunk: str = "c", kind: UnitKind = UnitKind.ROW) -> Row:
    return Row(kind, chunk, read_source(text, GLOSSARY), read_source("", GLOSSARY))


@pytest.mark.parametrize(
    ("beside", "name"),
    [
        (row("《Deep Learning》 | Goodfellow"), "Goodfellow"),
        (row("《Deep Learning》 | Bengio"), ""),
        (row("《Deep Learning》 | Goodfellow", chunk="other"), "Goodfellow"),
        (row("Goodfellow wrote Deep Learning.", kind=UnitKind.SENTENCE), "Goodfellow"),
    ],
)
def test_a_name_of_the_question_has_a_row_of_its_own(beside: Row, name: str) -> None:
    claim = read_claim("The book by Goodfellow is Machine Learning.", GLOSSARY, question="Which book is by Goodfellow?")
    cited = row("《Machine Learning》 | Ameisen")
    assert stands_elsewhere(claim, [cited], [cited, beside], GLOSSARY) == name


@pytest.mark.parametrize(
    ("cited", "beside", "name"),
    [
        ("数据是AI的核心。", "缓存：Redis、Memcached", "Redis"),
        ("数据是AI的核心。", "缓存：消息队列", ""),
        ("Redis的数据是核心。", "缓存：Redis、Memcached", "Memcached"),
        ("Redis的数据是核心。", "缓存：Memcached", ""),
        ("缓存：Redis、Memcached", "缓存：Redis、Memcached", ""),
    ],
)
def test_what_is_said_of_names_alone_must_name_one(cited: str, beside: str, name: str) -> None:
    claim = read_claim("Redis and Memcached hold data.", GLOSSARY, question="What do Redis and Memcached hold?")
    rows = [row(text, kind=UnitKind.SENTENCE) for text in (cited, beside)]
    assert stands_elsewhere(claim, rows[:1], rows, GLOSSARY) == name


@pytest.mark.parametrize(
    ("sentence", "kind", "verdict"),
    [
        ("The closer the similarity, the nearer the vectors.", UnitKind.CODE, Verdict.UNSUPPORTED),
        ("The closer the similarity, the nearer the vectors.", UnitKind.SENTENCE, Verdict.SUPPORTED),
        ("The similarity of vectors takes encode and embeddings.", UnitKind.CODE, Verdict.PARTIAL),
    ],
)
def test_code_does_not_say_what_more_or_less_of_it_means(sentence: str, kind: UnitKind, verdict: Verdict) -> None:
    shown = [passage(1, "similarity of vectors = encode(embeddings)", lang="en", kind=kind)]
    assert verifier(shown).check(sentence, shown).verdict is verdict


@pytest.mark.parametrize(
    ("sentence", "question", "verdict"),
    [
        ("作者是Goodfellow。", "《深度学习》那本书是谁写的？", Verdict.SUPPORTED),
        ("作者是李沈来。", "《深度学习》那本书是谁写的？", Verdict.UNSUPPORTED),
        ("作者是李沈来。", "《动手学深度学习》那本书是谁写的？", Verdict.SUPPORTED),
        ("作者是李沈来。", "《强化学习》那本书是谁写的？", Verdict.SUPPORTED),  # No row of that title to prefer.
        ("《深度学习》的作者是李沈来。", "那本书是谁写的？", Verdict.UNSUPPORTED),
    ],
)
def test_a_title_inside_another_is_not_that_one(sentence: str, question: str, verdict: Verdict) -> None:
    rows = ("《动手学深度学习》作者是李沈来。", "《深度学习》作者是Ian Goodfellow。")
    shown = [passage(1, *rows, kind=UnitKind.ROW)]
    assert verifier(shown).check(sentence, shown, question=question).verdict is verdict


@pytest.mark.parametrize(
    ("sentence", "verdict"),
    [
        ('The author of the book "Hands on Deep Learning" is Ian Goodfellow.', Verdict.UNSUPPORTED),
        ('The author of the book "Deep Learning" is Ian Goodfellow.', Verdict.SUPPORTED),
        ("Ian Goodfellow wrote the book on hands-on deep learning.", Verdict.UNSUPPORTED),
        ("Ian Goodfellow wrote the book on deep learning.", Verdict.SUPPORTED),
    ],
)
def test_a_translated_title_is_that_of_the_row_that_has_most_of_it(sentence: str, verdict: Verdict) -> None:
    rows = ("《动手学深度学习》这本书的作者是李沈来。", "《深度学习》这本书的作者是Ian Goodfellow。")
    shown = [passage(1, *rows, kind=UnitKind.ROW)]
    assert verifier(shown).check(sentence, shown).verdict is verdict


def test_a_title_that_no_passage_holds_may_be_a_translation() -> None:
    shown = [passage(1, "AI产品经理决定产品功能。")]
    sentence = "The Artificial Intelligence Product Manager decides on features."
    assert "elsewhere" not in verifier(shown).check(sentence, shown).reason


@pytest.mark.parametrize(
    ("sentence", "runs"),
    [
        ("It is Designing Machine Learning Systems.", ["Designing Machine Learning Systems"]),
        ("Read The New Stack.", ["Read The New Stack"]),
        ("He is at The New Stack, in New York.", ["The New Stack"]),
        ("A Guide to Becoming an AI Engineer helps.", ["A Guide to Becoming an AI Engineer"]),
        ("Learn Docker and Kubernetes.", []),
        ("后端程序员先学 Python。", []),
    ],
)
def test_capital_runs_are_titles(sentence: str, runs: list[str]) -> None:
    assert capital_runs(sentence) == runs


@pytest.mark.parametrize(
    ("text", "negations"),
    [
        ("they train together without sharing raw records", 0),
        ("it updates models without interrupting service", 0),
        ("it works without a gpu", 1),
    ],
)
def test_without_doing_something_is_no_denial(text: str, negations: int) -> None:
    assert relations(text, GLOSSARY).negations == negations


@pytest.mark.parametrize(("text", "pole"), [("a course at the very end", False), ("training comes at the end", True)])
def test_a_place_in_the_text_is_no_pole(text: str, pole: bool) -> None:
    assert bool(relations(text, GLOSSARY).poles) is pole

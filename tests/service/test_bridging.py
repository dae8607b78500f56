"""Terms of a question cross to the other language, as far as the glossary knows them."""

import pytest

from service.bridging import other_language


@pytest.mark.parametrize(
    ("query", "holds"),
    [
        ("What should a backend developer learn first?", {"后端程序员", "后端开发者"}),
        ("machine learning engineers", {"机器学习工程师"}),
        ("后端程序员应该先学什么？", {"backend developer", "backend programmer"}),
        ("机器学习工程师做什么？", {"machine learning engineer"}),
        ("後端工程師", {"backend engineer"}),
    ],
)
def test_terms_cross(query: str, holds: set[str]) -> None:
    assert holds <= set(other_language(query))


def test_a_longer_term_hides_those_inside_it() -> None:
    assert "工程师" in other_language("engineers")
    assert "工程师" not in other_language("machine learning engineers")


@pytest.mark.parametrize("query", ["TorchServe", "zxcvb qwerty", "", "？"])
def test_names_and_unknown_words_have_no_other_form(query: str) -> None:
    assert other_language(query) == []


def test_of_a_path_its_words_cross_for_its_name_stands_in_titles_alone() -> None:
    found = other_language("the growth path")
    assert "成长" in found
    assert "成长路线" not in found

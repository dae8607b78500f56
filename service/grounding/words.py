"""Words of both languages in one comparable form: folded text, English stems, common English, Latin tokens."""

import re
from functools import lru_cache

from indexes.text import normalise

HAN = re.compile(r"[\u3400-\u9fff]")
LATIN = re.compile(
    r"[A-Za-z][A-Za-z0-9]*(?:[+#]+(?![A-Za-z0-9]))?(?:[.\-_&'’][A-Za-z0-9]+(?:[+#]+)?)*|\d+[A-Za-z][A-Za-z0-9]*"
)
_SUFFIXES = (
    *(("izations", "iz"), ("isations", "iz"), ("ization", "iz"), ("isation", "iz"), ("izing", "iz"), ("ising", "iz")),
    *(("ized", "iz"), ("ised", "iz"), ("izes", "iz"), ("ises", "iz"), ("ize", "iz"), ("ise", "iz")),
    *(("ements", ""), ("ement", ""), ("ments", ""), ("ment", ""), ("ations", "at"), ("ation", "at"), ("ating", "at")),
    *(("ated", "at"), ("ates", "at"), ("ate", "at"), ("ions", ""), ("ion", ""), ("ities", "ity"), ("ies", "y")),
    *(("ied", "y"), ("ying", "y"), ("ing", ""), ("edly", ""), ("ed", ""), ("ly", ""), ("es", ""), ("s", ""), ("e", "")),
)
_STOP_WORDS = """
a an the and or but nor so yet of in on at to from by for with without within into onto over under about as than
that this these those it its they them their there here he she his her you your we our us i my me be is are was were
been being am do does did done doing have has had having will would shall should can could may might must ought not
no if then else when while where which who whom whose what why how because since although though however therefore
thus hence also too very more most less least much many some any each every both either neither all few several
other another such same own only just even still already again ever never always often usually well up down out off
through during before after above below between among against per via toward towards upon along across around
make makes made get gets got go goes going come let lets one ones etc eg ie respectively overall like take takes
according based order order's addition particular general mainly typically currently finally first second third next
last then rather quite instead whether unless until once whereas including included includes namely especially
specifically particularly further furthermore moreover additionally meanwhile similarly conversely otherwise
following follows given yes sure certainly
"""
STOP = frozenset(_STOP_WORDS.split())
_COMMON_WORDS = """
access achieve act add address advance age agree aim allow answer appear ask aspect attempt average avoid
background balance become begin believe better big bring broad bring busy buy call car carry cause central chance
choose city clear close combine common compare complete concern consider contain continue country create current
daily day deal deep describe detail different direct discuss early earn easy effort enough ensure equal evaluate
event example excellent expect explain explore extra face fact fall fast feel final find fit focus follow form
founder free full gain gather good great ground grow guide half hand happen hard help high hold home hope hour
human idea identify imagine improve include increase indeed inside involve job join keep kind know large late lead
leave level life light line link list little live long look lot low main maintain major man manage mean meet member
mention middle mind minor month move name need new normal note notice number offer old open part partner pass past
pay people perform person pick place plan point possible power prefer present pretty prevent previous print prior
problem professional provide public purpose put question quick reach read ready real reason reduce regard relate
remain remember require rest right role run salary say see seek seem select send serve set share shift short show
sign similar simple single small solid solve soon sort speak special spend stage stand start state stay step stop
strong student study succeed success suit support take talk target teach team tell thing think time today together
top topic total treat trend try turn type understand use value view wait walk want watch way week work world write
wrong year young aspiring beginner developer engineer expert individual learner programmer company companies
corporate chinese english germany china america american european europe candidate employer employee resume
interview portfolio mentor certificate degree university college master bachelor internship curriculum
mathematics physics statistics monday january
"""
COMMON = frozenset(_COMMON_WORDS.split())


def fold(text: str) -> str:
    """Normalised, and no blanks between Chinese and other characters, so that `AI 工程师` is `ai工程师`."""
    text = normalise(text).replace("’", "'")
    return re.sub(r"(?<=[\u3400-\u9fff]) (?=\S)|(?<=\S) (?=[\u3400-\u9fff])", "", text)


@lru_cache(maxsize=65536)
def stem(word: str) -> str:
    """A crude English stem: enough to make optimise, optimizing and optimization one."""
    word = word.removesuffix("'s")
    if len(word) <= 3 or word.endswith(("ss", "us", "is")):
        return word
    for suffix, replacement in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) + len(replacement) >= 3:
            root = word[: len(word) - len(suffix)] + replacement
            return root[:-1] if len(root) > 3 and root[-1] == root[-2] and root[-1] not in "lsz" else root
    return word


def stems(text: str) -> list[str]:
    """Stems of the English words of a folded text, in order."""
    return [stem(word) for word in re.findall(r"[a-z][a-z0-9+#]*(?:'s)?", text)]


def bare(token: str) -> str:
    """A Latin token without case, dots, dashes and possessive: `GPT-4V` and `gpt 4v` meet as `gpt4v`."""
    token = re.sub(r"['’]s$", "", token.lower())
    return re.sub(r"[.\-_&'’]", "", token)


def english_content(folded: str) -> list[str]:
    """Stems of the English words that carry meaning."""
    return [word for word in stems(folded) if word not in STOP and len(word) > 2]

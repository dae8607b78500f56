"""Words of both languages in one comparable form: folded text, English stems, common English, Latin tokens."""

import re
from functools import lru_cache

from indexes.text import mainland, normalise

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
two three four five six seven eight nine ten eleven twelve twenty thirty forty fifty sixty seventy eighty ninety
hundred thousand million billion trillion dozen dollar yuan percent year month week day hour minute broader easier
harder deeper wider faster slower larger smaller bigger stronger weaker higher cheaper richer earlier closer simpler
itself themselves yourself oneself ourselves multi web demo towards clarify deepen enrich sharpen shorten widen
able abroad absolute accept access accident accompany account accurate achieve act actual adapt add address adequate
adjust admit adopt advance advantage affect afford afraid age agency agree ahead aim aimed alike allocate allow almost
alone ambitious america american amount announce answer anticipate anybody anyone anything anywhere apart apparent
appeal appear apply appoint appreciate approach appropriate approve argue arise arrange arrive ask aspect aspiring
assist assume assure attach attempt attract authentication avail average avoid await award aware bachelor backed
background badly balance bear beat beautiful become begin beginner behave believe belong benefit beside besides better
big blend block books boost born borrow bother bottom brief brilliant bring broad broaden burden busy buy call calm
candidate capture car careful carry cause center central certain certificate challenge chance characteristic charge
check chief china chinese choose circumstance city claim classic clear close closely collect college combine comfort
command commit common companies company compare compared complete compliance comprehensive concentrate concept concern
conclude condition conduct confirm connect conscious consequence consider considerable consist constant construct
contact contain continue continuous contrast contribute control convenient convert convince core corporate correct
correspond count country couple cover create crucial curious current curriculum cut cycle daily day deal decide
decision dedicate deep deeply define degree deliver demand demonstrate depend deployable derive describe deserve
desire detail determine developer devote differ different difficult direct direction discover discuss distinct
distinguish divide document domain double doubt draw drive drop due duty early earn ease easy effect efficient effort
element eliminate emerge emphasis employee employer enable encounter encourage engineer english enhance enjoy enough
ensure enter entire entitle entry environment equal especial essence establish europe european evaluate event eventual
everyone everything evidence evolve exact exactly examine example exceed excellent except exist expand expect
experience expert explain explicit explore express extend extent extra extreme face facilitate fact factor facts fail
fair fall familiar fast favor feature feel figure fill final find firm fit flow focus focused fold follow force form
former forward foundation founder free fulfil full function fundamental gain gather geared general generate genuine
germany global good gradually grant grasp great ground grounded grow growth guarantee guide half hand handle happen
hard help helpful hence high highlight hold home hope hour human idea ideal identify imagine immediate impact imply
importance impress improve include increase indeed independent indicate individual influence inform initial inner
inside inspire instance intend intense interest internship interview introduce invest investing invite involve issue
item january job join junior keen keep kind know label lack lane large largely late launch layer lead leading learner
least leave level lie life light likely limit line link list literally little live local logic long look lot low low-
cost lower luck main maintain major man manage mark massive master mastering material mathematics matter maximum mean
meet member mention mentor mere merely method middle mind mindset minimum minor miss mix mode moderate modern monday
month motivate move multiple mutual name natural nature nearly necessary need negative new normal note notice number
numerous object obtain obvious occasion occur offer old ongoing open operate opportunity oppose option ordinary
organize oriented origin otherwise outcome outline overcome overview owe pair part particular partner pass past path
pattern pay people perfect perform permit person perspective phase phrase physics pick piece place plan play plenty
point portfolio portion pose positive possess possible power practical precise prefer prepare present preserve press
pretrained pretty prevent previous primary principle print prior priority problem proceed process produce professional
programmer proper propose prove provide public pull purpose pursue push put quality quantity question quick quickly
raise range rank rapid rare rate ratio reach react read ready real real-world realize reason recall receive recent
recognize recommend recommended record reduce refer reflect refuse regard regular reject relate release relevant rely
remain remember remote render repeat replace reply report represent request require resolve resource respect respond
responsible rest result resume retain return reveal rich right rise role roughly routine rule run salary satisfy save
say scale scene scope search secondary secure see seek seem segment select send senior sense separate series serious
serve service set settle severe shape share sharp sheet shift shine short should show shut sign significant similar
simple simply single sit situation size slight slowly small smart smooth social solely solid solve someone something
soon sort source space span speak special spend spread stable stage stand standard start state statistics stay
steadily steady step stick stop straight strategic strength strengthen stress strict strike strive strong structure
student study style subject substantial succeed success sudden sufficient suggest suit suitable suited sum supply
support suppose surround survive sustain switch table tackle tailored take talk target targeted task teach team
techniques tell tend term thing think thorough thousand throughout tie time today together tool top topic total touch
tough tracking traditional transfer transform translate travel treat trend trigger trust truth try turn type typical
ultimate undergo understand undertake unique unit university unlike update upgrade urgent usable usage use useful
usual utilize valid valuable value variety vary vast version via view visible vital volume wait walk want watch way
week weigh whole wide wish wonder words work world worry worth write wrong year yield young
leverage section annual yearly
"""
_IRREGULAR_FORMS = """
understood understand known know written write built build chosen choose taught teach bought buy brought bring
sold sell held hold kept keep led lead made make meant mean met meet paid pay ran run run run said say seen see
sent send shown show spent spend stood stand taken take thought think told tell won win gave give given give
grew grow grown grow drew draw drawn draw drove drive driven drive broke break broken break split split
learnt learn using use found find became become began begin begun begin wrote write spoke speak spoken speak
"""
_IRREGULAR = dict(zip(*[iter(_IRREGULAR_FORMS.split())] * 2, strict=True))
_WHOLE = frozenset(("care", "engineering", "hugging", "hundred", "note", "passion", "paste"))
"""Words that the cuts would make others of."""
COMMON = frozenset(_COMMON_WORDS.split())

_COMMON_HAN_WORDS = """
受到 可用 能用 要会 会用 容易 更容易 这样 这一 那样 也要 还要 都要 就要 才能 才会 并要 并会 占用 补上 补全 补齐
一个 一些 一同 一套 一定 一样 一直 一种 一类 一组 一般 一起 一边 上去 下去 下来 不断 不过 东西 个人 为了 主要 之中
之内 之前 之后 之外 之类 之间 也是 了解 事情 互相 产生 人们 从事 从而 以上 以下 以便 以前 以及 以后 价值 任何 任务
众多 优势 优点 伴随 但是 位于 作为 作用 使用 例如 依据 依次 依靠 便可 保持 借助 做到 做好 全称为 全部 全面 共同 关乎
关于 关系到 关键 其中 其他 其它 其次 具体 具备 具有 内容 写入 几个 几乎 凭借 出来 分为 分别 分成 利用 办法 加上 加入
加到 包括 十分 即使 即可 即是 原因 去做 取得 变为 变成 另外 只有 只要 叫做 可以 各个 各种 各类 合作 同时 名为 含有
因为 因此 围绕 场景 基于 基本 基础 处于 多数 多种 大多 大家 大概 大约 大部分 大量 好处 好比 如今 如同 如果 存入 存在
存进 学会 学好 完成 完整 实施 实现 对于 对应 导致 将来 少数 少量 尚未 尤其 就是 就能 属于 工作 左右 已经 带有 带来
常常 并且 应当 应该 开始 开展 弄清 引起 当作 当前 当成 形成 彼此 往往 很多 得以 得到 必须 情况 意义 懂得 成为 所以
所有 所著 手段 拥有 持续 指的是 按照 掌握 接着 提供 搞定 搭配 撰写 放入 放进 效果 数个 整个 整体 方向 方式 方法 方面
日益 旨在 时候 时间 明白 是指 更为 更加 曾经 最为 最后 最终 有关 有利于 有助于 有着 朝着 未来 本身 来做 来看 来自
来说 极其 某些 核心 根据 正在 此外 每个 每天 每年 每次 每种 比如 比较 没见过 沿着 涉及 源于 然后 然而 熟悉 牵涉 特别
特定 特征 特点 现在 理由 理解 用于 用以 用作 用户们 用来 由于 目前 目标 目的 相互 相关 相应 相当 相当于 看作 看来
知道 称为 等同 等等 类似 精通 终于 经常 结合 结束 结果 给予 给出 给到 继续 维持 编写 缺点 而且 而言 能够 自己 自身
致力于 若干 范围 获得 著作 虽然 要求 视为 认识 许多 诸如 读者 负责 走向 起来 越来越 足以 转为 较为 达到 达成 过来
过程 运用 还有 这个 这些 这种 这类 进去 进行 连同 适合 适宜 适用 选用 逐步 逐渐 途径 通常 通过 造成 那个 那些 部分
都是 配合 采取 采用 重要 针对 问题 阶段 随着 需求 需要 非常 面向 领域 首先
"""
COMMON_HAN = frozenset(_COMMON_HAN_WORDS.split())
"""Chinese words that carry no claim of their own, though a source may word the same thing without them."""


def fold(text: str) -> str:
    """Normalised, and no blanks between Chinese and other characters, so that `AI 工程师` is `ai工程师`; what is in
    traditional characters has the mainland's words: 非同步程式設計 is 异步编程."""
    text = normalise(mainland(text)).replace("’", "'")
    return re.sub(r"(?<=[\u3400-\u9fff]) (?=\S)|(?<=\S) (?=[\u3400-\u9fff])", "", text)


@lru_cache(maxsize=65536)
def stem(word: str) -> str:
    """A crude English stem, bolder than that of the index: optimise, optimizing and optimization are one.

    What is left is cut again, so that `mentioned` and `mention` end alike.
    """
    word = word.removesuffix("'s")
    word = _IRREGULAR.get(word, word)
    while (shorter := _cut(word)) != word:
        word = shorter
    return word


def _cut(word: str) -> str:
    if len(word) <= 3 or word in _WHOLE or word.endswith(("ss", "us", "is", "ply", "ee", "eed")):
        return word
    for suffix, replacement in _SUFFIXES:
        if suffix == "es" and not word.endswith(("sses", "xes", "zes", "ches", "shes")):
            continue
        if word.endswith(suffix) and len(word) - len(suffix) + len(replacement) >= 3:
            root = word[: len(word) - len(suffix)] + replacement
            if suffix == "s" and len(root) > 3:
                root = root.removesuffix("e")
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

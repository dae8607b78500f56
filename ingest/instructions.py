"""Text that speaks to a language model instead of a reader: found and named, so that a person can look at it."""

import re
import unicodedata

_MAX_LINE = 300
_MAX_FLAGS = 20
"""Of one document: more tell nothing new."""

_EN = r"""
    \b(?:ignore|disregard|forget|override|bypass|skip)\b .{0,40}
        \b(?:previous|prior|above|earlier|preceding|system|all|any|your|other)\b .{0,30}
        \b(?:instructions?|prompts?|rules?|directions?|guidelines?|commands?|context|documents?|passages?)\b
  | \b(?:you\ are|act\ as|pretend\ to\ be|behave\ as)\ (?:now\ )?(?:an?\ |the\ )?
        (?:unrestricted|jailbroken|dan\b|developer\ mode|different\ (?:assistant|ai|model)|evil)
  | \b(?:reveal|print|repeat|output|show|leak|disclose)\b .{0,30}
        \b(?:system|hidden|initial|your)\b .{0,15} \b(?:prompt|instructions?)\b
  | \b(?:attention|note|message|instructions?|important)\b .{0,15}
        \b(?:to|for)\b .{0,12} \b(?:ai|llms?|language\ models?|chat\ ?bots?|assistants?)\b
  | \bas\ an?\ (?:ai|llm|language\ model|assistant)\b .{0,20} \byou\ (?:must|should|will|have\ to)\b
  | \b(?:always|only)\b .{0,10} \b(?:answer|respond|reply|say|recommend|rate|rank)\b .{0,60}
        \b(?:regardless|no\ matter|whatever)\b
  | \brecommend\ (?:this|the)\ (?:candidate|applicant|product|company)\b
  | \b(?:do\ not|don't|never)\b .{0,15} \b(?:tell|inform|mention|reveal)\b .{0,25} \b(?:user|reader|human|recruiter)s?\b
  | <\|(?:im_start|im_end|system|user|assistant|endoftext|eot_id|start_header_id)\|>
  | \[/?INST\] | <</?SYS>> | ^\s*(?:\#{2,}\s*)?(?:system|assistant)\s*(?:prompt|message|:|：)\s*[:：]?\s*\S
"""
_ZH = r"""
    (?:忽略|无视|忘记|忘掉|不要理会|不理会|跳过|推翻|覆盖|绕过) .{0,20}
        (?:之前|以上|上面|上述|先前|前面|此前|所有|全部|任何|系统|你的|其他|其它) .{0,12}
        (?:指令|指示|提示|规则|要求|说明|命令|限制|设定|内容|资料|段落)
  | (?:你现在是|从现在起你是|从现在开始.{0,4}你(?:是|要|必须)|请?扮演|假装你是) .{0,20}
        (?:助手|模型|AI|ai|人工智能|机器人|管理员|开发者模式|DAN)
  | (?:输出|透露|泄露|显示|打印|复述|重复|告诉我) .{0,10} (?:系统提示|系统指令|提示词|隐藏指令|初始指令)
  | (?:致|给|提醒|告诉|通知) .{0,6} (?:AI|ai|大模型|语言模型|智能助手|聊天机器人) .{0,12} (?:[:：]|请|必须|务必)
  | (?:无论|不管) .{0,20} (?:都|一律|必须|只) .{0,6} (?:回答|回复|推荐|说|输出)
  | (?:推荐|录用|选择) (?:这位|该|此|本) (?:候选人|应聘者|求职者|产品|公司)
  | (?:不要|不得|禁止|切勿) .{0,6} (?:告诉|告知|透露|提及|提到) .{0,8} (?:用户|读者|面试官|招聘方)
"""
_PATTERN = re.compile(f"{_EN}|{_ZH}", re.IGNORECASE | re.VERBOSE | re.MULTILINE)
# Characters that no font shows. A few of them belong to emoji and to words; a message needs many.
_TAGS = re.compile("[\U000e0020-\U000e007e]{2,}")
_ZERO_WIDTH = re.compile("[\u200b\u200c\u2060-\u2064\ufeff]{8,}")
_FLAG_EMOJI = "\U0001f3f4"


def instructions_in(*texts: str) -> tuple[str, ...]:
    """Lines that tell a model what to do, in the order of the texts, each once."""
    found: dict[str, None] = {}
    for text in texts:
        for line in text.split("\n"):
            if match := _PATTERN.search(unicodedata.normalize("NFKC", line)):
                found.setdefault(_around(" ".join(line.split()), match.start()))
            if len(found) == _MAX_FLAGS:
                return tuple(found)
    return tuple(found)


def _around(line: str, place: int) -> str:
    start = max(0, min(place - _MAX_LINE // 3, len(line) - _MAX_LINE))
    return line[start : start + _MAX_LINE]


def smuggled(text: str) -> tuple[tuple[str, str], ...]:
    """(what it says, rule) of messages in characters that are not shown; cleaning leaves them out."""
    tags = [
        ("".join(chr(ord(char) - 0xE0000) for char in match.group()), "invisible characters")
        for match in _TAGS.finditer(text)
        if text[match.start() - 1 : match.start()] != _FLAG_EMOJI
    ]
    runs = [(f"{len(match.group())} characters", "zero-width characters") for match in _ZERO_WIDTH.finditer(text)]
    return (*tags, *runs)
